/* plan.c: from loops to a planned streaming machine: options checked and filled in, then buffers and
 * datapaths (datapath.c, sum_commands.c), widths (interval.c), times (latency.c), the program (sequencer.c).
 */
#include "backends/hardware/streaming/design.h"
#include "support/escape.h"

#include "backends/lower/facts.h"
#include "backends/lower/lower.h"
#include "ir/layout.h"

enum {
  LEAST_WORD = 32,
  MOST_WORD = 1024,
  LARGE_MODEL = 64 << 20, /* ternary weights a token from which on wide streams are the default */
};

static bool is_power(int64_t x) {
  return x > 0 && (x & (x - 1)) == 0;
}

static int word_bits_of(const struct hw_options *o) {
  return o->packing == STORE_TILE3 ? o->lanes / 5 * 8 : o->lanes * 2;
}

static int64_t ternary_weights(const struct loops *l) {
  int64_t n = 0;
  for (const struct kernel *k = l->kernels; k; k = k->next)
    if (k->kind == KERNEL_TERNARY_SUM)
      n += k->m * k->n * weight_instances(weight_find(l->module, k->op->in[0]->def->attr.symbol));
  return n;
}

static void fill_in(struct hw_options *o, const struct loops *l) {
  bool large = ternary_weights(l) > LARGE_MODEL;
  if (o->packing == STORE_NONE)
    o->packing = STORE_TILE2;
  if (!o->lanes)
    o->lanes = o->packing == STORE_TILE3 ? (large ? 320 : 80) : (large ? 256 : 64);
  if (!o->vector)
    o->vector = large ? 16 : 8;
  o->sequences = o->sequences ? o->sequences : 1;
  o->topk = o->topk ? o->topk : 1;
  o->clock_mhz = o->clock_mhz ? o->clock_mhz : 200;
}

static bool options_fit(struct diag *d, const struct hw_options *o) {
  int errors = d->errors;
  bool trits = o->packing == STORE_TILE3;
  if (trits && (o->lanes % 5 || !is_power(o->lanes / 5) || word_bits_of(o) < LEAST_WORD ||
                word_bits_of(o) > MOST_WORD))
    diag_error(d, "--hw-lanes %d: at 5 weights a byte the lanes are 20, 40, 80, 160, 320 or 640", o->lanes);
  if (!trits && (!is_power(o->lanes) || word_bits_of(o) < LEAST_WORD || word_bits_of(o) > MOST_WORD))
    diag_error(d, "--hw-lanes %d: at 2 bits a weight the lanes are 16, 32, 64, 128, 256 or 512", o->lanes);
  if (!is_power(o->vector) || o->vector > 64)
    diag_error(d, "--hw-vector %d: elements a clock are 1, 2, 4, 8, 16, 32 or 64", o->vector);
  if (o->sequences < 1 || o->sequences > 16)
    diag_error(d, "--hw-batch %d: sequences in flight are 1 to 16", o->sequences);
  if (o->topk < 1 || o->topk > 64)
    diag_error(d, "--hw-topk %d: tokens put out are 1 to 64", o->topk);
  return d->errors == errors;
}

/* Logits leave one by one, in order; nobody reads them again. */
static bool logits_fit(struct hw_design *h, struct diag *d) {
  if (!h->logits) {
    diag_error(d, "the model's step returns nothing that a kernel or a sum stores as logits");
    return false;
  }
  for (int i = 0; i < h->units.n; i++)
    for (int k = 0; k < h->units.at[i]->phases.n; k++) {
      const struct hw_phase *p = h->units.at[i]->phases.at[k];
      for (int n = 0; n < p->nodes.n; n++)
        if (p->nodes.at[n]->kind == HW_NODE_LOAD && p->nodes.at[n]->buffer == h->logits) {
          diag_at(
              d, SEVERITY_ERROR, p->nodes.at[n]->expr->at,
              "the logits are read again after they are stored; in hardware they leave at once. Return what "
              "goes into this operator instead");
          return false;
        }
    }
  h->vocab = h->logits->elements;
  if (h->options.topk <= h->vocab)
    return true;
  diag_error(d, "--hw-topk %d: the model has %lld token%s, and no more can be put out", h->options.topk,
             (long long)h->vocab, h->vocab == 1 ? "" : "s");
  return false;
}

/* Says which given widths are more than any unit of the model uses. */
static void tell_idle(const struct hw_design *h, struct diag *d, const struct hw_options *given) {
  int64_t columns = 0, elements = 0;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    columns = u->kind == HW_UNIT_SUM && u->n > columns ? u->n : columns;
    for (int k = 0; k < u->counters.n; k++)
      elements = u->counters.at[k]->extent > elements ? u->counters.at[k]->extent : elements;
  }
  int least = h->options.packing == STORE_TILE3 ? 20 : 16;
  if (given->lanes > least && given->lanes >= 2 * columns)
    diag_note(d,
              "--hw-lanes %d: the model's widest matrix has %lld columns; the other lanes multiply nothing",
              given->lanes, (long long)columns);
  if (given->vector > 1 && given->vector >= 2 * elements)
    diag_note(d,
              "--hw-vector %d: the model's longest loop has %lld elements; the other lanes compute nothing",
              given->vector, (long long)elements);
}

static int log2_of(int64_t n) {
  int bits = 0;
  while ((int64_t)1 << bits < n)
    bits++;
  return bits;
}

/* tern_sum's header promises clog2(LANES) + 8 rows at most; both have registers at the output. */
static void size_logits(struct hw_design *h) {
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    int in_flight = log2_of(h->options.lanes) + 12;
    if (!unit_stores_logits(u))
      continue;
    for (int k = 0; k < u->phases.n; k++)
      in_flight = u->phases.at[k]->depth + 4 > in_flight ? u->phases.at[k]->depth + 4 : in_flight;
    h->in_flight = in_flight > h->in_flight ? in_flight : h->in_flight;
  }
  h->logit_room = 1 << log2_of(h->in_flight + 16);
}

static void widest_codes(struct hw_design *h) {
  h->code_bits = 2;
  h->sum_bits = 2;
  h->most_m = 2;
  for (int i = 0; i < h->units.n; i++) {
    const struct hw_unit *u = h->units.at[i];
    if (u->kind != HW_UNIT_SUM)
      continue;
    h->code_bits = u->in->bits > h->code_bits ? u->in->bits : h->code_bits;
    h->sum_bits = u->out->bits > h->sum_bits ? u->out->bits : h->sum_bits;
    h->most_m = u->m > h->most_m ? u->m : h->most_m;
  }
}

static bool sums_fit(struct diag *d, const struct loops *l) {
  int errors = d->errors;
  for (const struct kernel *k = l->kernels; k; k = k->next) {
    if (k->kind != KERNEL_TERNARY_SUM || k->entry != language_step(l))
      continue;
    const struct value *matrix = k->op->in[0];
    if (elem_code_bits(matrix->type.elem))
      diag_at(d, SEVERITY_ERROR, k->at,
              "'%s' is i%d, and the streaming machine multiplies by ternary weights only",
              matrix->def->attr.symbol, elem_code_bits(matrix->type.elem));
  }
  return d->errors == errors;
}

struct hw_design *hw_plan(struct arena *a, struct diag *d, const struct loops *loops,
                          const struct hw_options *options) {
  if (!language_step(loops)) {
    diag_error(d, "%s is no language model, which the streaming machine runs: %s", loops->module->name,
               language_step_is);
    return NULL;
  }
  struct hw_design *h = arena_new(a, struct hw_design);
  h->arena = a;
  h->loops = loops;
  h->module = loops->module;
  h->options = *options;
  h->name = verilog_design_name(a, loops->module->name);
  fill_in(&h->options, loops);
  if (!options_fit(d, &h->options) || !sums_fit(d, loops))
    return NULL;
  h->word_bits = word_bits_of(&h->options);
  if (!hw_schedule(h, d) || !logits_fit(h, d))
    return NULL;
  tell_idle(h, d, options);
  hw_narrow(h);
  hw_size_buffers(h);
  widest_codes(h);
  if (!hw_within_limits(h, d))
    return NULL;
  for (int i = 0; i < h->units.n; i++) {
    if (h->units.at[i]->kind == HW_UNIT_SUM)
      hw_time_sum(h, h->units.at[i]);
    else
      hw_time_kernel(h, h->units.at[i]);
  }
  size_logits(h);
  return hw_add_up(h, d) ? h : NULL;
}
