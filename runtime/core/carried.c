/* carried.c: program headers, of this program as the system has them, or from a file. */
#include "runtime/core/base.h"

#include "runtime/core/carried.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#if __has_include(<elf.h>) && __has_include(<link.h>)

#include <elf.h>
#include <link.h>

struct segment {
  const uint8_t *at;
  uint64_t bytes;
};

/* The first object is the program; the walk ends with it. */
static int look(struct dl_phdr_info *info, size_t size, void *with) {
  struct segment *s = with;
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type == PT_LOAD && info->dlpi_addr + p->p_vaddr == IMAGE_ADDRESS)
      *s = (struct segment){(const uint8_t *)(uintptr_t)IMAGE_ADDRESS, p->p_filesz};
  }
  return 1;
}

bool carried_here(const uint8_t **at, uint64_t *bytes) {
  struct segment s = {0};
  dl_iterate_phdr(look, &s);
  *at = s.at;
  *bytes = s.bytes;
  return s.bytes > 0;
}

bool carried_in_file(int fd, uint64_t *at, uint64_t *bytes) {
  Elf64_Ehdr e;
  if (pread(fd, &e, sizeof e, 0) != sizeof e || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
      e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_ident[EI_DATA] != ELFDATA2LSB ||
      e.e_phentsize != sizeof(Elf64_Phdr))
    return false;
  for (int i = 0; i < e.e_phnum; i++) {
    Elf64_Phdr p;
    if (pread(fd, &p, sizeof p, (off_t)(e.e_phoff + (uint64_t)i * sizeof p)) != sizeof p)
      return false;
    if (p.p_type == PT_LOAD && p.p_vaddr == IMAGE_ADDRESS && p.p_filesz > 0) {
      *at = p.p_offset;
      *bytes = p.p_filesz;
      return true;
    }
  }
  return false;
}

#else

bool carried_here(const uint8_t **at, uint64_t *bytes) {
  (void)at, (void)bytes;
  return false;
}

bool carried_in_file(int fd, uint64_t *at, uint64_t *bytes) {
  (void)fd, (void)at, (void)bytes;
  return false;
}

#endif

/* The system reads it, and says so when it cannot. */
bool carried_readable(const uint8_t *at) {
  int ends[2];
  if (pipe(ends) != 0)
    return true; /* not to be found out */
  bool bad = write(ends[1], at, 1) < 0 && errno == EFAULT;
  close(ends[0]);
  close(ends[1]);
  return !bad;
}
