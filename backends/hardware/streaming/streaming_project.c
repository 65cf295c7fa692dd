/* streaming_project.c: the folder of a hardware project: generated modules, the library's files, test bench,
 * weight image, vectors, manifest, Makefile. All or nothing: what was made is removed again after a failure.
 */
#include "backends/hardware/streaming/manifest.h"
#include "backends/hardware/streaming/test_bench.h"
#include "backends/hardware/streaming/weight_stream.h"

#include "support/file.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct streaming_project {
  struct diag *d;
  struct arena arena;
  const struct hw_design *h;
  const char *dir, *library;
  const struct weight_source *source;
  const struct hw_vectors *vectors;
  struct interp *in;
  VEC(const char *) files; /* all that were written, relative to the folder */
};

static const char *place(struct streaming_project *p, const char *name) {
  return arena_printf(&p->arena, "%s/%s", p->dir, name);
}

static bool open_file(struct streaming_project *p, struct output *o, const char *name) {
  vec_push(&p->arena, p->files, name);
  return output_open(o, p->d, place(p, name));
}

/* ---- Verilog --------------------------------------------------------------------------------------- */

static bool write_module(struct streaming_project *p, const char *name, void (*print)(struct hw_printer *)) {
  struct output o;
  if (!open_file(p, &o, name))
    return false;
  struct hw_printer pr = {.a = &p->arena, .out = o.file, .h = p->h};
  print(&pr);
  return output_close(&o, false);
}

static bool write_kernel(struct streaming_project *p, const struct hw_unit *u) {
  struct output o;
  if (!open_file(p, &o, arena_printf(&p->arena, "rtl/%s.v", u->module)))
    return false;
  struct hw_printer pr = {.a = &p->arena, .out = o.file, .h = p->h};
  hw_print_kernel(&pr, u);
  return output_close(&o, false);
}

static bool write_lanes(struct streaming_project *p, const struct hw_unit *u) {
  struct output o;
  for (int i = 0; i < u->phases.n; i++) {
    const struct hw_phase *phase = u->phases.at[i];
    if (!phase_has_lanes(phase))
      continue;
    if (!open_file(p, &o, arena_printf(&p->arena, "rtl/%s.v", lane_module(&p->arena, u, phase))))
      return false;
    struct hw_printer pr = {.a = &p->arena, .out = o.file, .h = p->h};
    print_lane(&pr, u, phase);
    if (!output_close(&o, false))
      return false;
  }
  return true;
}

static bool write_modules(struct streaming_project *p) {
  struct arena *a = &p->arena;
  const char *name = p->h->name;
  bool ok = write_module(p, arena_printf(a, "rtl/%s.v", name), print_top) &&
            write_module(p, arena_printf(a, "rtl/%s__core.v", name), print_core) &&
            write_module(p, arena_printf(a, "rtl/%s__program.v", name), print_program) &&
            write_module(p, arena_printf(a, "rtl/%s__fetch.v", name), print_fetch) &&
            write_module(p, arena_printf(a, "sim/%s_tb.sv", name), print_test_bench);
  for (int i = 0; ok && i < p->h->units.n; i++)
    if (p->h->units.at[i]->kind == HW_UNIT_KERNEL)
      ok = write_kernel(p, p->h->units.at[i]) && write_lanes(p, p->h->units.at[i]);
  return ok;
}

/* ---- the library's files --------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool copy_file(struct streaming_project *p, const char *name) {
  enum { LARGEST_SOURCE = 1 << 24 };
  struct output o;
  size_t length;
  char *text =
      file_read(p->d, &p->arena, arena_printf(&p->arena, "%s/%s", p->library, name), LARGEST_SOURCE, &length);
  if (!text || !open_file(p, &o, name))
    return false;
  fwrite(text, 1, length, o.file);
  return output_close(&o, false);
}

/* All files of a folder of the library with that ending. */
static bool copy_folder(struct streaming_project *p, const char *folder, const char *ending) {
  VEC(const char *) names = {0};
  const char *path = arena_printf(&p->arena, "%s/%s", p->library, folder);
  DIR *dir = opendir(path);
  if (!dir) {
    diag_error(p->d, "%s: cannot read the folder of the library: %s", path, strerror(errno));
    return false;
  }
  for (const struct dirent *e; (e = readdir(dir));) {
    const char *dot = strrchr(e->d_name, '.');
    if (dot && strcmp(dot, ending) == 0)
      vec_push(&p->arena, names, arena_printf(&p->arena, "%s/%s", folder, e->d_name));
  }
  closedir(dir);
  if (names.n)
    qsort(names.at, (size_t)names.n, sizeof *names.at, compare_names);
  bool ok = true;
  for (int i = 0; ok && i < names.n; i++)
    ok = copy_file(p, names.at[i]);
  return ok;
}

/* ---- numbers --------------------------------------------------------------------------------------- */

static bool write_weights(struct streaming_project *p) {
  struct output o;
  if (!open_file(p, &o, "weights.bin"))
    return false;
  if (stream_write(p->h, p->d, p->source, p->in, o.file))
    return output_close(&o, false);
  output_abort(&o);
  return false;
}

static bool write_vectors(struct streaming_project *p) {
  struct output tokens, expected;
  if (!output_folder(p->d, place(p, "vectors")) || !open_file(p, &tokens, "vectors/tokens.txt"))
    return false;
  for (int64_t i = 0; i < p->vectors->n; i++)
    fprintf(tokens.file, "%u\n", (unsigned)p->vectors->tokens[i]);
  if (!output_close(&tokens, false) || !open_file(p, &expected, "vectors/expected.bin"))
    return false;
  if (vectors_write(p->h, p->d, p->in, p->vectors, expected.file))
    return output_close(&expected, false);
  output_abort(&expected);
  return false;
}

static bool write_manifest(struct streaming_project *p) {
  struct output o;
  if (!open_file(p, &o, "manifest.json"))
    return false;
  manifest_print(p->h, o.file);
  return output_close(&o, false);
}

/* Files of a folder with that ending, in order. */
static const char *file_list(struct streaming_project *p, const char *folder, const char *ending) {
  VEC(const char *) names = {0};
  const char *text = "";
  for (int i = 0; i < p->files.n; i++) {
    const char *dot = strrchr(p->files.at[i], '.');
    if (strncmp(p->files.at[i], folder, strlen(folder)) == 0 && dot && strcmp(dot, ending) == 0)
      vec_push(&p->arena, names, p->files.at[i]);
  }
  if (names.n)
    qsort(names.at, (size_t)names.n, sizeof *names.at, compare_names);
  for (int i = 0; i < names.n; i++)
    text = arena_printf(&p->arena, "%s%s%s", text, i ? " \\\n  " : "", names.at[i]);
  return text;
}

static bool write_makefile(struct streaming_project *p) {
  struct output o;
  if (!open_file(p, &o, "Makefile"))
    return false;
  makefile_print(p->h, p->vectors, file_list(p, "rtl/", ".v"), file_list(p, "sim/", ".sv"), &p->arena,
                 o.file);
  return output_close(&o, false);
}

static bool write_project(struct streaming_project *p) {
  bool ok = output_folder(p->d, p->dir) && output_folder(p->d, place(p, "rtl")) &&
            output_folder(p->d, place(p, "sim")) && copy_folder(p, "rtl", ".v") &&
            copy_folder(p, "sim", ".sv") && copy_folder(p, "sim", ".vlt") && write_modules(p);
  if (ok && p->source) {
    p->in = interp_new(p->h->module, p->source, false);
    ok = p->in && write_weights(p) && (!p->vectors || write_vectors(p));
    if (p->in)
      interp_free(p->in);
  }
  return ok && write_manifest(p) && write_makefile(p);
}

bool hw_write(struct diag *d, const struct hw_design *h, const char *dir, const char *library,
              const struct weight_source *source, const struct hw_vectors *vectors) {
  struct streaming_project p = {
      .d = d, .h = h, .dir = dir, .library = library, .source = source, .vectors = vectors};
  outputs_begin();
  bool ok = outputs_end(d, write_project(&p));
  arena_free(&p.arena);
  return ok;
}
