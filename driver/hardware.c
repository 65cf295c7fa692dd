/* hardware.c: options of the hardware, and from a job to a design. */
#include "driver/hardware.h"

#include "backends/hardware/streaming/design.h"
#include "ir/layout.h"
#include <stdlib.h>
#include <string.h>

enum {
  KEY_HW = 3000,
  KEY_LANES,
  KEY_VECTOR,
  KEY_BATCH,
  KEY_TOPK,
  KEY_CLOCK,
  KEY_DEPTH,
  KEY_ALL_LOGITS,
  KEY_MULTIPLIERS
};

static const struct argp_option rows[] = {
    {0, 0, 0, 0, "The hardware:", 6},
    {"hw", KEY_HW, "streaming|unrolled|auto", 0,
     "one datapath fed with packed weights, or every weight an adder (default auto: by size)", 6},
    {"hw-lanes", KEY_LANES, "N", 0,
     "ternary weights a clock: 16 to 512 at 2 bits, 20 to 640 at 1.6 (default 64, 256 for large models)", 6},
    {"hw-vector", KEY_VECTOR, "N", 0,
     "elements a clock of everything else: 1 to 64 (default 8, 16 for large models)", 6},
    {"hw-batch", KEY_BATCH, "N", 0, "sequences that share one stream of weights (default 1)", 6},
    {"hw-topk", KEY_TOPK, "N", 0, "best tokens that are put out, with scores (default 1)", 6},
    {"hw-clock", KEY_CLOCK, "MHZ", 0, "clock that figures are given for (default 200)", 6},
    {"hw-depth", KEY_DEPTH, "N", 0, "unrolled: logic levels a pipeline stage (default 1)", 6},
    {"hw-logits", KEY_ALL_LOGITS, 0, 0, "unrolled: all logits come out, not the best token and its score", 6},
    {"hw-multipliers", KEY_MULTIPLIERS, "logic|blocks", 0,
     "unrolled: products from adders, or for the device's multipliers (default logic)", 6},
    {0}};

static int number(struct argp_state *state, const char *option, const char *arg, int most) {
  char *end;
  long n = strtol(arg, &end, 10);
  if (!*arg || *end || n < 1 || n > most)
    argp_error(state, "--%s takes a whole number from 1 to %d, got '%s'", option, most, arg);
  return (int)n;
}

static enum hw_machine machine(struct argp_state *state, const char *arg) {
  static const char *const names[] = {
      [HW_AUTO] = "auto", [HW_STREAMING] = "streaming", [HW_UNROLLED] = "unrolled"};
  for (int i = HW_AUTO; i <= HW_UNROLLED; i++)
    if (strcmp(arg, names[i]) == 0)
      return (enum hw_machine)i;
  argp_error(state, "--hw takes streaming, unrolled or auto, got '%s'", arg);
  return HW_AUTO;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct hw_options *o = state->input;
  switch (key) {
  case KEY_HW: o->machine = machine(state, arg); break;
  case KEY_LANES: o->lanes = number(state, "hw-lanes", arg, 640); break;
  case KEY_VECTOR: o->vector = number(state, "hw-vector", arg, 64); break;
  case KEY_BATCH: o->sequences = number(state, "hw-batch", arg, 16); break;
  case KEY_TOPK: o->topk = number(state, "hw-topk", arg, 64); break;
  case KEY_CLOCK: o->clock_mhz = number(state, "hw-clock", arg, 5000); break;
  case KEY_DEPTH: o->depth = number(state, "hw-depth", arg, 64); break;
  case KEY_ALL_LOGITS: o->logits = true; break;
  case KEY_MULTIPLIERS:
    if (strcmp(arg, "logic") != 0 && strcmp(arg, "blocks") != 0)
      argp_error(state, "--hw-multipliers takes logic or blocks, got '%s'", arg);
    o->multiplier_blocks = strcmp(arg, "blocks") == 0;
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

const struct argp hardware_argp = {.options = rows, .parser = parse};

/* The first given option that is of that machine alone, or NULL. */
static const char *option_of(const struct hw_options *o, enum hw_machine machine) {
  if (machine == HW_UNROLLED)
    return o->depth               ? "--hw-depth"
           : o->logits            ? "--hw-logits"
           : o->multiplier_blocks ? "--hw-multipliers"
                                  : NULL;
  return o->lanes ? "--hw-lanes" : o->vector ? "--hw-vector" : o->sequences ? "--hw-batch" : NULL;
}

const char *hardware_given(const struct hw_options *o) {
  const char *of = option_of(o, HW_STREAMING);
  of = of ? of : option_of(o, HW_UNROLLED);
  return of ? of : o->topk ? "--hw-topk" : o->clock_mhz ? "--hw-clock" : o->machine ? "--hw" : NULL;
}

static void tell_ignored(struct job *j, const struct hw_options *o, enum hw_machine machine) {
  bool unrolled = machine == HW_UNROLLED;
  const char *option = option_of(o, unrolled ? HW_STREAMING : HW_UNROLLED);
  if (option)
    diag_note(&j->diag, "%s is for the %s machine, and this model gets the %s one: it is ignored", option,
              unrolled ? "streaming" : "unrolled", unrolled ? "unrolled" : "streaming");
}

/* Of its own accord a model is unrolled only when it is small enough for a mid-size FPGA. */
static bool choose(struct job *j, const struct hw_options *o, enum hw_machine *machine) {
  enum { MOST_PARAMETERS = 20000, MOST_TOKENS = 1024 };
  *machine = o->machine;
  if (o->machine != HW_AUTO)
    return true;
  if (!job_load(j))
    return false;
  struct type logits = func_find(j->module, "step")->body->last->in[0]->type;
  bool small = parameter_count(j->module) <= MOST_PARAMETERS && type_count(logits, NULL) <= MOST_TOKENS;
  *machine = small && j->options.weights ? HW_UNROLLED : HW_STREAMING;
  return true;
}

bool hardware_machine(struct job *j, const struct hw_options *o, enum hw_machine *machine) {
  if (!choose(j, o, machine))
    return false;
  tell_ignored(j, o, *machine);
  return true;
}

struct loops *hardware_loops(struct job *j) {
  j->options.fixed = true;
  j->options.batch = 0;
  j->policy = &policy_datapath;
  bool ok = (j->module || job_load(j)) && job_pipeline(j, PIPELINE_streaming, PIPELINE_streaming);
  return ok ? loops_lower(&j->arena, j->module, j->policy) : NULL;
}

struct hw_design *hardware_plan(struct job *j, const struct hw_options *given) {
  struct loops *loops = hardware_loops(j);
  struct hw_options o = *given;
  o.packing = j->options.packing;
  return loops ? hw_plan(&j->arena, &j->diag, loops, &o) : NULL;
}

bool hardware_write(struct job *j, const struct hw_design *h, const char *dir, const struct hw_vectors *v) {
  enum { TOKENS = 4 };
  const char *library = tern_file(j, "share/tern/verilog");
  uint32_t few[TOKENS * 16];
  int n = TOKENS * h->options.sequences;
  for (int i = 0; i < n; i++)
    few[i] = (uint32_t)((1 + 7 * (int64_t)i) % h->vocab);
  struct hw_vectors own = {.tokens = few, .n = n, .units = true};
  return library && hw_write(&j->diag, h, dir, library, j->checkpoint ? &j->source : NULL, v ? v : &own);
}
