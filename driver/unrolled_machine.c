/* unrolled_machine.c: the row `unrolled` of machines.def: every weight an adder. */
#include "driver/unrolled_machine.h"

#include "ir/layout.h"

/* The largest of its own accord: what fits a mid-size FPGA. The largest at all: a part for each parameter. */
enum { SMALL_PARAMETERS = 20000, SMALL_TOKENS = 1024, MOST_PARAMETERS = 1000000 };

static int64_t vocabulary(const struct job *j) {
  return type_count(func_find(j->module, "step")->body->last->in[0]->type, NULL);
}

bool small_model(const struct job *j) {
  bool small = parameter_count(j->module) <= SMALL_PARAMETERS && vocabulary(j) <= SMALL_TOKENS;
  return small && j->options.weights;
}

const char *given_unrolled(const struct hw_options *o) {
  return o->depth               ? "--hw-depth"
         : o->logits            ? "--hw-logits"
         : o->multiplier_blocks ? "--hw-multipliers"
                                : NULL;
}

bool unrolled_fits(struct job *j) {
  if (parameter_count(j->module) <= MOST_PARAMETERS)
    return true;
  diag_error(
      &j->diag,
      "the model has %llu parameters, and unrolled hardware has parts of its own for each of them: the "
      "largest FPGAs take some hundred thousand; take --hw=streaming",
      (unsigned long long)parameter_count(j->module));
  return false;
}

static bool options_fit(struct job *j, const struct hw_options *o) {
  if (!j->options.weights)
    diag_error(&j->diag, "the unrolled machine has the weights in it: give them with --weights DIR, or take "
                         "--hw=streaming");
  else if (o->topk > 1)
    diag_error(&j->diag,
               "the unrolled machine puts out the best token, not %d: take --hw-logits for all scores, or "
               "--hw=streaming",
               o->topk);
  return j->options.weights && o->topk <= 1;
}

bool plan_unrolled(struct job *j, const struct hw_options *o, struct accelerator *out) {
  if (!options_fit(j, o) || !job_make(j, &machine_find("unrolled")->recipe))
    return false;
  struct unrolled_options u = {.depth = o->depth,
                               .best = !o->logits,
                               .multiplier = o->multiplier_blocks ? MULTIPLIER_BLOCK : MULTIPLIER_LOGIC};
  struct unrolled *design = unrolled_plan(&j->arena, j->module, &j->source, &u);
  out->planned = design;
  out->inventory = design ? unrolled_inventory(design, o->clock_mhz ? o->clock_mhz : DEFAULT_CLOCK) : NULL;
  return design != NULL;
}

bool unrolled_project(struct job *j, const struct unrolled *u, const char *dir, const uint32_t *tokens,
                      int64_t n) {
  enum { OWN = 32 };
  const char *library = tern_file(j, "share/tern/verilog");
  uint32_t own[OWN];
  for (int i = 0; i < OWN; i++)
    own[i] = (uint32_t)(((uint32_t)i * 2654435761u >> 8) % vocabulary(j));
  struct unrolled_vectors v = {n ? tokens : own, n ? n : OWN};
  return library && unrolled_write(u, dir, library, &v);
}

bool write_unrolled(struct job *j, const struct accelerator *h, const char *dir) {
  return unrolled_project(j, h->planned, dir, NULL, 0);
}
