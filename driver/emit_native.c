/* emit_native.c: what LLVM makes of the loops: its own text, assembly, objects, and what is linked of them.
 */
#include "driver/backend.h"
#include "driver/levels.h"
#include "driver/link.h"
#include "driver/summary.h"

#include "backends/native/native.h"
#include "support/progress.h"
#include "support/scratch.h"

/* ---- the target ---------------------------------------------------------------------------------------- */

static struct native_options target_options(const struct job *j) {
  struct native_options o = native_defaults;
  o.triple = j->options.triple;
  o.cpu = j->options.cpu;
  o.features = j->options.features;
  o.threads = (uint32_t)j->options.threads;
  return o;
}

bool native_target(struct job *j) {
  struct native_options o = target_options(j);
  bool fast = false;
  if (!levels_fast_trits(j, &o, &fast))
    return false;
  j->slow_trits = !fast;
  return true;
}

bool linked_target(struct job *j) {
  if (!j->options.triple)
    return native_target(j);
  diag_error(&j->diag,
             "programs, libraries and code for several processors are linked by this machine's tools; for "
             "--target %s use --emit obj with one --cpu, or --emit c and a compiler for it",
             j->options.triple);
  return false;
}

static bool several_levels(const struct job *j) {
  struct native_options o = target_options(j);
  return levels_count(&o) > 1;
}

bool object_target(struct job *j) {
  return several_levels(j) ? linked_target(j) : native_target(j);
}

/* ---- files that LLVM writes ---------------------------------------------------------------------------- */

static struct native_options native_options(const struct build *b) {
  struct native_options o = target_options(&b->job);
  o.optimize = b->optimize;
  o.debug = !b->no_debug;
  return o;
}

static bool write_native(struct build *b, enum native_kind kind, const char *path) {
  struct native_options o = native_options(b);
  return native_write(&b->job.diag, b->job.loops, &o, kind, path);
}

bool emit_llvm(struct build *b, const char *path) {
  return write_native(b, NATIVE_LLVM, path);
}

bool emit_asm(struct build *b, const char *path) {
  return write_native(b, NATIVE_ASSEMBLY, path);
}

/* ---- what is linked ------------------------------------------------------------------------------------ */

/* An object in a folder of intermediate files, then `link`. */
static bool with_object(struct build *b, const char *path,
                        bool (*link)(struct build *, const char *dir, const char *object, const char *path)) {
  struct job *j = &b->job;
  char *dir = scratch_make(&j->diag, &j->arena);
  struct native_options o = native_options(b);
  char *object = arena_printf(&j->arena, "%s/model.o", dir ? dir : "");
  progress_stage("compiling the code");
  bool ok = dir && levels_object(j, j->loops, &o, dir, object);
  progress_stage("linking");
  ok = ok && link(b, dir, object, path);
  progress_clear();
  scratch_remove(dir);
  return ok;
}

static bool to_executable(struct build *b, const char *dir, const char *object, const char *path) {
  return link_executable(&b->job, dir, object, path, b->weights_file);
}

static bool to_library(struct build *b, const char *dir, const char *object, const char *path) {
  return link_library(&b->job, dir, object, path);
}

static bool to_object(struct build *b, const char *dir, const char *object, const char *path) {
  (void)dir;
  return copy_object(&b->job, object, path);
}

bool emit_obj(struct build *b, const char *path) {
  return several_levels(&b->job) ? with_object(b, path, to_object) : write_native(b, NATIVE_OBJECT, path);
}

static bool to_trainer(struct build *b, const char *dir, const char *object, const char *path) {
  return link_trainer(&b->job, dir, object, path);
}

bool emit_trainer(struct build *b, const char *path) {
  b->use = use_of_trainer(&b->job, path);
  return with_object(b, path, to_trainer);
}

bool emit_exe(struct build *b, const char *path) {
  b->use = use_of_program(&b->job, path, b->weights_file);
  return with_object(b, path, to_executable);
}

bool emit_lib(struct build *b, const char *path) {
  b->use = use_of_library(&b->job, path);
  return with_object(b, path, to_library);
}
