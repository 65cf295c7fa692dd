/* link.c: executables and libraries. Every step is told to leave out what differs from run to run (build ids,
 * dates, paths), so that the same model gives the same bytes. */
#include "driver/link.h"

#include "runtime/image.h"
#include "support/file.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t page_up(uint64_t n) {
  return (n + IMAGE_PAGE - 1) / IMAGE_PAGE * IMAGE_PAGE;
}

bool write_image_file(struct job *j, const char *path) {
  struct output out;
  uint64_t bytes;
  if (!output_open(&out, &j->diag, path))
    return false;
  if (job_image(j, out.file, 0, &bytes))
    return output_close(&out, false);
  output_abort(&out);
  return false;
}

static bool copy_bytes(struct job *j, const char *from, FILE *to, uint64_t *bytes) {
  FILE *in = fopen(from, "rb");
  char buffer[1 << 16];
  size_t n;
  *bytes = 0;
  if (!in) {
    diag_error(&j->diag, "%s: cannot read: %s", from, strerror(errno));
    return false;
  }
  while ((n = fread(buffer, 1, sizeof buffer, in)) > 0) {
    fwrite(buffer, 1, n, to);
    *bytes += n;
  }
  bool ok = !ferror(in);
  fclose(in);
  if (!ok)
    diag_error(&j->diag, "%s: cannot read", from);
  return ok;
}

bool link_executable(struct job *j, const char *dir, const char *object, const char *out,
                     const char *image_beside) {
  const char *runtime = tern_file(j, "lib/tern/libtern_runtime.a"), *start = tern_file(j, "lib/tern/main.o");
  char *program = arena_printf(&j->arena, "%s/program", dir);
  if (!runtime || !start)
    return false;
  const char *argv[] = {"cc",  "-static", "-Wl,--build-id=none", "-o",  program, object,
                        start, runtime,   "-lpthread",           "-lm", NULL};
  if (!run_program(&j->diag, argv) || (image_beside && !write_image_file(j, image_beside)))
    return false;
  struct output o;
  uint64_t code, bytes;
  if (!output_open(&o, &j->diag, out))
    return false;
  bool ok = copy_bytes(j, program, o.file, &code);
  if (ok && j->checkpoint && !image_beside) {
    struct image_trailer trailer = {.magic = IMAGE_MAGIC, .image_at = page_up(code)};
    ok = job_image(j, o.file, trailer.image_at, &bytes);
    if (ok && fseeko(o.file, (off_t)(trailer.image_at + bytes), SEEK_SET) == 0)
      fwrite(&trailer, sizeof trailer, 1, o.file);
  }
  if (ok)
    return output_close(&o, true);
  output_abort(&o);
  return false;
}

/* ---- library ----------------------------------------------------------------------------------------------
 */

/* `text` with every "tern_" and "TERN_" replaced by the model's name. */
static const char *rename_prefix(struct job *j, const char *text) {
  const char *name = j->module->name;
  char *upper = arena_strdup(&j->arena, name);
  for (char *p = upper; *p; p++)
    *p = (char)toupper((unsigned char)*p);
  size_t room = strlen(text) * (1 + strlen(name)) + 1;
  char *result = arena_alloc(&j->arena, room), *to = result;
  while (*text) {
    const char *by = strncmp(text, "tern_", 5) == 0 ? name : strncmp(text, "TERN_", 5) == 0 ? upper : NULL;
    if (by) {
      to += sprintf(to, "%s_", by);
      text += 5;
    } else {
      *to++ = *text++;
    }
  }
  return result;
}

static bool write_text(struct job *j, const char *path, const char *text) {
  struct output o;
  if (!output_open(&o, &j->diag, path))
    return false;
  fputs(text, o.file);
  return output_close(&o, false);
}

/* The functions that the header declares: each "tern_NAME(" of the template. objcopy's file of renamings, one
 * "old new" a line; whatever else is global becomes local to the library's one object. */
static bool write_renamings(struct job *j, const char *header, const char *path, const char *keep) {
  struct output renamings, kept;
  if (!output_open(&renamings, &j->diag, path))
    return false;
  if (!output_open(&kept, &j->diag, keep)) {
    output_abort(&renamings);
    return false;
  }
  VEC(const char *) names = {0}; /* a comment may name a call again */
  for (const char *p = header; (p = strstr(p, "tern_")); p += 5) {
    size_t n = 5 + strspn(p + 5, "abcdefghijklmnopqrstuvwxyz0123456789_");
    bool whole = p == header || !(isalnum((unsigned char)p[-1]) || p[-1] == '_'), known = false;
    for (int i = 0; i < names.n; i++)
      known |= strlen(names.at[i]) == n && strncmp(names.at[i], p, n) == 0;
    if (!whole || p[n] != '(' || known)
      continue;
    vec_push(&j->arena, names, arena_strndup(&j->arena, p, n));
    fprintf(renamings.file, "%.*s %s_%.*s\n", (int)n, p, j->module->name, (int)n - 5, p + 5);
    fprintf(kept.file, "%s_%.*s\n", j->module->name, (int)n - 5, p + 5);
  }
  bool ok = output_close(&renamings, false);
  return output_close(&kept, false) && ok;
}

bool link_library(struct job *j, const char *dir, const char *object, const char *out) {
  struct arena *a = &j->arena;
  const char *runtime = tern_file(j, "lib/tern/libtern_runtime.a");
  const char *template = tern_file(j, "share/tern/runtime/library.h");
  size_t length;
  char *text = runtime && template ? file_read(&j->diag, a, template, 1 << 20, &length) : NULL;
  if (!text)
    return false;
  char *all = arena_printf(a, "%s/all.o", dir), *names = arena_printf(a, "%s/renamings", dir);
  char *keep = arena_printf(a, "%s/keep", dir), *one = arena_printf(a, "%s/%s.o", dir, j->module->name);
  char *archive = arena_printf(a, "%s/library.a", dir);
  const char *link[] = {"ld", "-r", "-o", all, object, "--whole-archive", runtime, NULL};
  const char *rename[] = {"objcopy", arena_printf(a, "--redefine-syms=%s", names), all, all, NULL};
  const char *hide[] = {"objcopy", arena_printf(a, "--keep-global-symbols=%s", keep), all, one, NULL};
  const char *pack[] = {"ar", "rcsD", archive, one, NULL};
  if (!run_program(&j->diag, link) || !write_renamings(j, text, names, keep) ||
      !run_program(&j->diag, rename) || !run_program(&j->diag, hide) || !run_program(&j->diag, pack))
    return false;
  bool made = mkdir(out, 0777) == 0;
  if (!made && errno != EEXIST) {
    diag_error(&j->diag, "%s: cannot make the folder: %s", out, strerror(errno));
    return false;
  }
  const char *files[] = {arena_printf(a, "%s/lib%s.a", out, j->module->name),
                         arena_printf(a, "%s/%s.h", out, j->module->name),
                         arena_printf(a, "%s/%s.weights", out, j->module->name)};
  struct output o;
  uint64_t bytes;
  bool ok = output_open(&o, &j->diag, files[0]);
  if (ok && !copy_bytes(j, archive, o.file, &bytes)) {
    output_abort(&o);
    ok = false;
  } else if (ok) {
    ok = output_close(&o, false);
  }
  ok = ok && write_text(j, files[1], rename_prefix(j, text)) &&
       (!j->checkpoint || write_image_file(j, files[2]));
  if (!ok) { /* all or nothing */
    for (int i = 0; i < 3; i++)
      unlink(files[i]);
    if (made)
      rmdir(out);
  }
  return ok;
}
