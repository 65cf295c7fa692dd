/* unrolled_job.c: the unrolled machine for a job. */
#include "driver/unrolled_job.h"

#include "backends/hardware/unrolled/unrolled.h"
#include "ir/layout.h"

enum { MOST_PARAMETERS = 1000000 };

struct unrolled *unrolled_job(struct job *j, const struct hw_options *o) {
  struct compile_options *c = &j->options;
  c->fixed = true;
  if (!c->weights) {
    diag_error(&j->diag, "the unrolled machine has the weights in it: give them with --weights DIR, or take "
                         "--hw=streaming");
    return NULL;
  }
  if (o->topk > 1) {
    diag_error(&j->diag,
               "the unrolled machine puts out the best token, not %d: take --hw-logits for all scores, or "
               "--hw=streaming",
               o->topk);
    return NULL;
  }
  if (!(j->module || job_load(j)))
    return NULL;
  if (parameter_count(j->module) > MOST_PARAMETERS) {
    diag_error(
        &j->diag,
        "the model has %llu parameters, and unrolled hardware has parts of its own for each of them: the "
        "largest FPGAs take some hundred thousand; take --hw=streaming",
        (unsigned long long)parameter_count(j->module));
    return NULL;
  }
  if (!job_pipeline(j, PIPELINE_unrolled, PIPELINE_unrolled))
    return NULL;
  struct unrolled_options u = {.depth = o->depth,
                               .best = !o->logits,
                               .multiplier = o->multiplier_blocks ? MULTIPLIER_BLOCK : MULTIPLIER_LOGIC};
  return unrolled_plan(&j->arena, j->module, &j->source, &u);
}

static int64_t vocabulary(const struct job *j) {
  return type_count(func_find(j->module, "step")->body->last->in[0]->type, NULL);
}

bool unrolled_job_write(struct job *j, const struct unrolled *u, const char *dir, const uint32_t *tokens,
                        int64_t n) {
  enum { OWN = 32 };
  const char *library = tern_file(j, "share/tern/verilog");
  uint32_t own[OWN];
  for (int i = 0; i < OWN; i++)
    own[i] = (uint32_t)(((uint32_t)i * 2654435761u >> 8) % vocabulary(j));
  struct unrolled_vectors v = {n ? tokens : own, n ? n : OWN};
  return library && unrolled_write(u, dir, library, &v);
}
