/* carry.c: see carry.h. Programs are linked for this machine, so the headers are in its byte order. */
#include "driver/carry.h"

#include "runtime/core/carried.h"
#include "runtime/core/image.h"
#include "support/file.h"
#include <elf.h>
#include <errno.h>
#include <string.h>

/* ".tern.image" is writable for the linker, which would else put it among constants, before the data. */
static const char source[] = "\t.section .tern.image,\"aw\",%nobits\n"
                             "\t.balign 65536\n"
                             "\t.zero 4096\n"
                             "\t.section .note.GNU-stack,\"\",%progbits\n";
const char CARRY_OPTION[] = "-Wl,--section-start=.tern.image=" IMAGE_ADDRESS_TEXT;

const char *carry_place(struct job *j, const char *dir) {
  const char *path = arena_printf(&j->arena, "%s/image.s", dir);
  struct output o;
  if (!output_open(&o, &j->diag, path))
    return NULL;
  fputs(source, o.file);
  return output_close(&o, false) ? path : NULL;
}

static bool get(FILE *f, uint64_t at, void *to, size_t n) {
  return fseeko(f, (off_t)at, SEEK_SET) == 0 && fread(to, 1, n, f) == n;
}

static bool put(FILE *f, uint64_t at, const void *from, size_t n) {
  return fseeko(f, (off_t)at, SEEK_SET) == 0 && fwrite(from, 1, n, f) == n;
}

/* The headers of the segment and of its section, and where they are in the file. */
struct headers {
  Elf64_Phdr segment;
  Elf64_Shdr section;
  uint64_t segment_at, section_at;
};

static bool find_headers(FILE *f, struct headers *h) {
  Elf64_Ehdr e;
  bool segment = false, section = false;
  if (!get(f, 0, &e, sizeof e) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
      e.e_ident[EI_CLASS] != ELFCLASS64)
    return false;
  for (int i = 0; i < e.e_phnum && !segment; i++) {
    h->segment_at = e.e_phoff + (uint64_t)i * sizeof h->segment;
    segment = get(f, h->segment_at, &h->segment, sizeof h->segment) && h->segment.p_type == PT_LOAD &&
              h->segment.p_vaddr == IMAGE_ADDRESS;
  }
  for (int i = 0; i < e.e_shnum && !section; i++) {
    h->section_at = e.e_shoff + (uint64_t)i * sizeof h->section;
    section = get(f, h->section_at, &h->section, sizeof h->section) && h->section.sh_addr == IMAGE_ADDRESS &&
              h->section.sh_type == SHT_NOBITS;
  }
  return segment && section;
}

/* Relocations of a static program have no symbols. ld links them to the table of symbols all the same, for
 * which llvm-strip refuses the program; with -s it links them to none, as here. */
static bool free_relocations(FILE *f) {
  Elf64_Ehdr e;
  Elf64_Shdr s;
  bool ok = get(f, 0, &e, sizeof e);
  for (int i = 0; ok && i < e.e_shnum; i++) {
    uint64_t at = e.e_shoff + (uint64_t)i * sizeof s;
    ok = get(f, at, &s, sizeof s);
    if (!ok || s.sh_type != SHT_RELA || !(s.sh_flags & SHF_ALLOC))
      continue;
    s.sh_link = 0;
    ok = put(f, at, &s, sizeof s);
  }
  return ok;
}

bool carry_image(struct job *j, FILE *program, uint64_t bytes) {
  struct headers h;
  uint64_t image_bytes;
  if (!find_headers(program, &h)) {
    diag_error(&j->diag, "the linker made no segment for the weights; write them to a file of their own with "
                         "--weights-file");
    return false;
  }
  uint64_t unit = h.segment.p_align < IMAGE_PAGE ? IMAGE_PAGE : h.segment.p_align;
  uint64_t at = (bytes + unit - 1) / unit * unit;
  if (!job_image(j, program, at, &image_bytes))
    return false;
  h.segment.p_offset = h.section.sh_offset = at;
  h.segment.p_filesz = h.segment.p_memsz = h.section.sh_size = image_bytes;
  h.segment.p_flags = PF_R;
  h.section.sh_type = SHT_PROGBITS;
  h.section.sh_flags &= ~(uint64_t)SHF_WRITE;
  if (put(program, h.segment_at, &h.segment, sizeof h.segment) &&
      put(program, h.section_at, &h.section, sizeof h.section) && free_relocations(program))
    return true;
  diag_error(&j->diag, "the program's headers: cannot write: %s", strerror(errno ? errno : EIO));
  return false;
}
