/* link.c: executables and libraries. Every step is told to leave out what differs from run to run (build ids,
 * dates, paths), so that the same model gives the same bytes. */
#include "driver/link.h"
#include "driver/carry.h"

#include "support/escape.h"
#include "support/file.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

bool write_image_file(struct job *j, const char *path) {
  struct output out;
  uint64_t bytes;
  if (!output_open_seekable(&out, &j->diag, path))
    return false;
  if (job_image(j, out.file, 0, &bytes))
    return output_close(&out, false);
  output_abort(&out);
  return false;
}

bool copy_object(struct job *j, const char *object, const char *out) {
  return output_copy(&j->diag, object, out);
}

static bool write_program(struct job *j, const char *program, const char *out, bool with_image) {
  struct output o;
  uint64_t code;
  if (!output_open_seekable(&o, &j->diag, out))
    return false;
  if (file_copy(&j->diag, program, o.file, &code) && (!with_image || carry_image(j, o.file, code)))
    return output_close(&o, true);
  output_abort(&o);
  return false;
}

/* The object with the product's `start` and archives, all static; `place`, if not NULL, is linked as carry.h
 * has it. */
static bool link_static(struct job *j, const char *object, const char *start, const char *const *archives,
                        const char *place, const char *program) {
  VEC(const char *) argv = {0};
  struct arena *a = &j->arena;
  const char *const begin[] = {"cc", "-static", "-Wl,--build-id=none", "-o", program, object};
  for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
    vec_push(a, argv, begin[i]);
  const char *main = tern_file(j, start);
  vec_push(a, argv, main);
  for (; main && *archives; archives++) {
    const char *archive = tern_file(j, *archives);
    vec_push(a, argv, archive);
    main = archive ? main : NULL;
  }
  vec_push(a, argv, "-lpthread");
  vec_push(a, argv, "-lm");
  if (place) {
    vec_push(a, argv, CARRY_OPTION);
    vec_push(a, argv, place);
  }
  vec_push(a, argv, NULL);
  return main && run_program(&j->diag, argv.at);
}

#define RUNTIME_ARCHIVE "lib/tern/libtern_runtime.a"

bool link_executable(struct job *j, const char *dir, const char *object, const char *out,
                     const char *image_beside) {
  static const char *const archives[] = {RUNTIME_ARCHIVE, NULL};
  char *program = arena_printf(&j->arena, "%s/program", dir);
  bool carries = j->checkpoint && !image_beside;
  const char *place = carries ? carry_place(j, dir) : NULL;
  if ((carries && !place) || !link_static(j, object, "lib/tern/main.o", archives, place, program))
    return false;
  outputs_begin();
  bool ok = (!image_beside || write_image_file(j, image_beside)) && write_program(j, program, out, carries);
  return outputs_end(&j->diag, ok);
}

bool link_trainer(struct job *j, const char *dir, const char *object, const char *out) {
  static const char *const archives[] = {"lib/tern/libtern_trainer.a", RUNTIME_ARCHIVE, NULL};
  char *program = arena_printf(&j->arena, "%s/program", dir);
  return link_static(j, object, "lib/tern/trainer.o", archives, NULL, program) &&
         write_program(j, program, out, false);
}

/* ---- library ----------------------------------------------------------------------------------------- */

/* `text` with every "tern_" and "TERN_" replaced by the model's name. */
static const char *rename_prefix(struct job *j, const char *text) {
  const char *name = c_prefix(&j->arena, j->module->name);
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
  const char *model = c_prefix(&j->arena, j->module->name);
  for (const char *p = header; (p = strstr(p, "tern_")); p += 5) {
    size_t n = 5 + strspn(p + 5, "abcdefghijklmnopqrstuvwxyz0123456789_");
    bool whole = p == header || !(isalnum((unsigned char)p[-1]) || p[-1] == '_'), known = false;
    for (int i = 0; i < names.n; i++)
      known |= strlen(names.at[i]) == n && strncmp(names.at[i], p, n) == 0;
    if (!whole || p[n] != '(' || known)
      continue;
    vec_push(&j->arena, names, arena_strndup(&j->arena, p, n));
    fprintf(renamings.file, "%.*s %s_%.*s\n", (int)n, p, model, (int)n - 5, p + 5);
    fprintf(kept.file, "%s_%.*s\n", model, (int)n - 5, p + 5);
  }
  bool ok = output_close(&renamings, false);
  return output_close(&kept, false) && ok;
}

/* What `pkg-config NAME` prints; the folder may be moved as a whole. */
static const char *package_text(struct arena *a, const char *name) {
  return arena_printf(a,
                      "prefix=${pcfiledir}\n"
                      "weights=${prefix}/%s.weights\n\n"
                      "Name: %s\n"
                      "Description: A language model compiled by ternc\n"
                      "Version: " TERN_VERSION "\n"
                      "Cflags: -I${prefix}\n"
                      "Libs: -L${prefix} -l%s -lpthread -lm\n",
                      name, name, name);
}

bool link_library(struct job *j, const char *dir, const char *object, const char *out) {
  struct arena *a = &j->arena;
  const char *runtime = tern_file(j, RUNTIME_ARCHIVE);
  const char *template = tern_file(j, "share/tern/runtime/library/library.h");
  const char *name = c_prefix(a, j->module->name);
  size_t length;
  char *text = runtime && template ? file_read(&j->diag, a, template, 1 << 20, &length) : NULL;
  if (!text)
    return false;
  char *all = arena_printf(a, "%s/all.o", dir), *names = arena_printf(a, "%s/renamings", dir);
  char *keep = arena_printf(a, "%s/keep", dir), *one = arena_printf(a, "%s/%s.o", dir, name);
  char *archive = arena_printf(a, "%s/library.a", dir);
  const char *link[] = {"ld", "-r", "-o", all, object, "--whole-archive", runtime, NULL};
  const char *rename[] = {"objcopy", arena_printf(a, "--redefine-syms=%s", names), all, all, NULL};
  const char *hide[] = {"objcopy", arena_printf(a, "--keep-global-symbols=%s", keep), all, one, NULL};
  const char *pack[] = {"ar", "rcsD", archive, one, NULL};
  if (!run_program(&j->diag, link) || !write_renamings(j, text, names, keep) ||
      !run_program(&j->diag, rename) || !run_program(&j->diag, hide) || !run_program(&j->diag, pack))
    return false;
  const char *files[] = {arena_printf(a, "%s/lib%s.a", out, name), arena_printf(a, "%s/%s.h", out, name),
                         arena_printf(a, "%s/%s.weights", out, name)};
  outputs_begin();
  bool ok = output_folder(&j->diag, out) && output_copy(&j->diag, archive, files[0]) &&
            write_text(j, files[1], rename_prefix(j, text)) &&
            write_text(j, arena_printf(a, "%s/%s.pc", out, name), package_text(a, name)) &&
            (!j->checkpoint || write_image_file(j, files[2]));
  return outputs_end(&j->diag, ok);
}
