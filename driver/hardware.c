/* hardware.c: options of the hardware. */
#include "driver/accelerator.h"

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

#define MACHINE(function, name, ...) name "|"
static const char machine_words[] =
#include "driver/machines.def"
    "auto";

static const struct argp_option rows[] = {
    {0, 0, 0, 0, "The hardware:", 6},
    {"hw", KEY_HW, machine_words, 0,
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

static void take_machine(struct argp_state *state, struct hardware *h, const char *arg) {
  struct arena a = {0};
  const char *names = "";
  h->machine = machine_find(arg);
  if (h->machine || strcmp(arg, "auto") == 0)
    return;
  for (int i = 0; i < machine_count; i++)
    names = arena_printf(&a, "%s%s%s", names, i ? ", " : "", machines[i].name);
  argp_error(state, "--hw takes %s or auto, got '%s'", names, arg);
  arena_free(&a);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct hardware *h = state->input;
  struct hw_options *o = &h->options;
  switch (key) {
  case KEY_HW: take_machine(state, h, arg); break;
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

const char *hardware_given(const struct hardware *h) {
  const struct hw_options *o = &h->options;
  for (int i = 0; i < machine_count; i++)
    if (machines[i].given(o))
      return machines[i].given(o);
  return o->topk ? "--hw-topk" : o->clock_mhz ? "--hw-clock" : h->machine ? "--hw" : NULL;
}
