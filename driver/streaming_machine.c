/* streaming_machine.c: the row `streaming` of machines.def: one datapath fed with packed weights. */
#include "driver/streaming_machine.h"
#include "driver/fitting.h"

#include "backends/hardware/streaming/design.h"

const char *given_streaming(const struct hw_options *o) {
  return o->lanes ? "--hw-lanes" : o->vector ? "--hw-vector" : o->sequences ? "--hw-batch" : NULL;
}

struct loops *streaming_loops(struct job *j) {
  return job_make(j, &machine_find("streaming")->recipe) ? j->loops : NULL;
}

bool plan_streaming(struct job *j, const struct hw_options *given, struct accelerator *out) {
  struct loops *loops = streaming_loops(j);
  struct hw_options o = *given;
  o.packing = j->options.packing;
  struct hw_design *h = loops ? hw_plan(&j->arena, &j->diag, loops, &o) : NULL;
  out->planned = h;
  out->inventory = h ? hw_inventory(h) : NULL;
  return h != NULL;
}

bool streaming_project(struct job *j, const struct hw_design *h, const char *dir,
                       const struct hw_vectors *v) {
  enum { TOKENS = 4 };
  const char *library = tern_file(j, "share/tern/verilog");
  uint32_t few[TOKENS * 16];
  int n = TOKENS * h->options.sequences;
  for (int i = 0; i < n; i++)
    few[i] = (uint32_t)((1 + 7 * (int64_t)i) % h->vocab);
  struct hw_vectors own = {.tokens = few, .n = n, .units = true};
  return library && hw_write(&j->diag, h, dir, library, j->checkpoint ? &j->source : NULL, v ? v : &own);
}

bool write_streaming(struct job *j, const struct accelerator *h, const char *dir) {
  return streaming_project(j, h->planned, dir, NULL);
}

void streaming_narrower(struct diag *d, const struct accelerator *h, const struct hw_report *r) {
  fitting_print(d, h->planned, r);
}
