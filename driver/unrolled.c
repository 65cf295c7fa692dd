/* unrolled.c: the unrolled machine for a job. */
#include "driver/unrolled.h"

#include "support/file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct unrolled *unrolled_job(struct job *j, const struct unrolled_options *o) {
  struct compile_options *c = &j->options;
  c->fixed = true;
  if (!c->weights) {
    diag_error(&j->diag, "the unrolled machine has the weights in it: give them with --weights DIR, or take "
                         "--hw=streaming");
    return NULL;
  }
  if (!c->passes) /* one token at a time; operators stay whole, since every element becomes hardware anyway */
    for (int i = 0; i < 3; i++)
      vec_push(&j->arena, c->disable, ((const char *const[]){"batch-time", "fuse", "plan-memory"})[i]);
  if (!job_load(j) || !job_passes(j, job_pipeline(j)))
    return NULL;
  return unrolled_plan(&j->arena, j->module, &j->source, o);
}

static int64_t vocabulary(const struct job *j) {
  return type_count(func_find(j->module, "step")->body->last->in[0]->type, 1, 1);
}

bool unrolled_job_write(struct job *j, const struct unrolled *u, const char *dir, const uint32_t *tokens,
                        int64_t n) {
  enum { OWN = 32 };
  const char *library = tern_file(j, "share/tern/verilog");
  uint32_t own[OWN];
  for (int i = 0; i < OWN; i++)
    own[i] = (uint32_t)((uint32_t)i * 2654435761u >> 8) % (uint32_t)vocabulary(j);
  if (library && mkdir(dir, 0777) != 0 && errno != EEXIST) {
    diag_error(&j->diag, "%s: cannot make the folder: %s", dir, strerror(errno));
    return false;
  }
  struct unrolled_vectors v = {n ? tokens : own, n ? n : OWN};
  return library && unrolled_write(u, dir, library, &v);
}

/* ---- simulation -------------------------------------------------------------------------------------------
 */

/* `make` in the project; its output is the simulator's. */
static bool run_make(struct job *j, const struct unrolled_simulation *s, const char *dir,
                     const char *results) {
  const char *trace = s->trace ? arena_printf(&j->arena, " +dump=%s", s->trace) : "";
  const char *argv[] = {"make",
                        "-s",
                        "-C",
                        dir,
                        s->icarus ? "icarus" : "verilator",
                        arena_printf(&j->arena, "STALL=%d", s->stall),
                        arena_printf(&j->arena, "SEED=%d", s->seed),
                        arena_printf(&j->arena, "MORE=+write=%s%s", results, trace),
                        NULL};
  return run_program(&j->diag, argv);
}

static int32_t *read_results(struct job *j, const char *path, int64_t count) {
  size_t length;
  char *text = file_read(&j->diag, &j->arena, path, (size_t)1 << 30, &length);
  int32_t *result = arena_array(&j->arena, int32_t, count);
  if (!text)
    return NULL;
  for (int64_t i = 0; i < count; i++) {
    char *end;
    result[i] = (int32_t)(uint32_t)strtoul(text, &end, 16);
    if (end == text) {
      diag_error(&j->diag, "the simulation wrote %lld of %lld results", (long long)i, (long long)count);
      return NULL;
    }
    text = end;
  }
  return result;
}

int32_t *unrolled_job_simulate(struct job *j, const struct unrolled *u, const struct unrolled_simulation *s) {
  char *dir = scratch_begin(j);
  int32_t *result = NULL;
  const char *results = arena_printf(&j->arena, "%s/results.hex", dir ? dir : "");
  if (dir && unrolled_job_write(j, u, dir, s->tokens, s->n) && run_make(j, s, dir, results))
    result = read_results(j, results, s->n * u->streams.results);
  scratch_end(dir);
  return result;
}
