/* rates.c: from clocks and bytes to tokens a second and joules a token. */
#include "backends/hardware/report/hw_report.h"
#include "backends/hardware/report/resource_model.h"

#include <time.h>

const char *label_name(enum label l) {
  static const char *const names[LABELS] = {"",          "model",    "synthesised", "placed-and-routed",
                                            "simulated", "schedule", "projected",   "estimate"};
  return names[l];
}

/* ---- rates --------------------------------------------------------------------------------------------- */

static double clock_hz(const struct hw_report *r) {
  return r->rates.clock_mhz * 1e6;
}

static void find_rates(struct hw_report *r) {
  const struct inventory *v = r->design;
  struct rates *x = &r->rates;
  *x = (struct rates){.label = LABEL_PROJECTED};
  x->placed_clock = r->timing.label == LABEL_PLACED;
  x->clock_mhz = x->placed_clock ? r->timing.mhz : v->clock_mhz;
  double cycles = (double)(r->simulated_cycles ? r->simulated_cycles : v->step_cycles);
  x->step_seconds = cycles / clock_hz(r);
  x->gbytes_needed = (double)v->weight_bytes / x->step_seconds * 1e-9;
  x->memory_bound = r->device->gbytes > 0 && x->gbytes_needed > r->device->gbytes;
  if (x->memory_bound)
    x->step_seconds = (double)v->weight_bytes / (r->device->gbytes * 1e9);
  x->gbytes_used = (double)v->weight_bytes / x->step_seconds * 1e-9;
  x->sequence_tokens = 1 / x->step_seconds;
  x->tokens = x->sequence_tokens * v->sequences;
  x->latency_seconds = (double)v->latency / clock_hz(r);
  if (x->memory_bound && x->latency_seconds < x->step_seconds)
    x->latency_seconds = x->step_seconds;
}

/* ---- energy -------------------------------------------------------------------------------------------- */

static void scale(struct range3 *to, const struct range3 *each, double low, double nominal, double high) {
  to->low += each->low * low;
  to->nominal += each->nominal * nominal;
  to->high += each->high * high;
}

/* Without simulation a bit is taken to change in an eighth, a quarter and a half of the clocks in which its
 * unit runs: random data registered each clock change in half of them. */
static void unit_energy(struct hw_report *r, int i, double picojoules_to_joules, struct energy *e) {
  const struct inv_unit *u = r->design->units.at[i];
  const struct unit_report *x = &r->units.at[i];
  const struct resources *have = x->has_synthesised ? &x->synthesised : &x->model;
  double clocks = (double)(u->runs ? u->cycles : r->design->step_cycles);
  double bits = (have->of[RES_LUT] + have->of[RES_FF]) * picojoules_to_joules;
  bool simulated = x->activity >= 0;
  /* Activity in simulation is over all clocks of the step. */
  double all = bits * (double)r->design->step_cycles, active = bits * clocks;
  if (simulated)
    scale(&e->logic, &r->device->family->silicon->toggle, all * x->activity, all * x->activity,
          all * x->activity);
  else
    scale(&e->logic, &r->device->family->silicon->toggle, active / 8, active / 4, active / 2);
  double ram = (double)u->ram_bits * picojoules_to_joules;
  scale(&e->ram, &energy_ram_bit, ram, ram, ram);
  double products = have->of[RES_DSP] * clocks * picojoules_to_joules;
  scale(&e->products, &energy_product, products, products, products);
}

static void find_energy(struct hw_report *r) {
  const struct inventory *v = r->design;
  struct energy *e = &r->energy;
  double token = 1e-12 / v->sequences; /* joules a token for a picojoule a step */
  *e = (struct energy){0};
  for (int i = 0; i < r->units.n; i++) {
    unit_energy(r, i, token, e);
    e->simulated = e->simulated || r->units.at[i].activity >= 0;
  }
  double bits = (double)v->weight_bytes * 8 * token;
  scale(&e->memory, &r->device->memory->bit, bits, bits, bits);
  const struct range3 *parts[] = {&e->logic, &e->ram, &e->products, &e->memory};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    scale(&e->total, parts[i], 1, 1, 1);
  e->static_joules = r->device->static_mw * 1e-3 / r->rates.tokens;
}

void report_rates(struct hw_report *r) {
  find_rates(r);
  find_energy(r);
}

/* ---- a new report -------------------------------------------------------------------------------------- */

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct hw_report *report_new(struct arena *a, const struct inventory *design, const struct device *device) {
  struct hw_report *r = arena_new(a, struct hw_report);
  double started = seconds();
  int n = design->units.n;
  struct resources *each = arena_array(a, struct resources, n);
  r->arena = a;
  r->design = design;
  r->device = device;
  r->total.model = model_design(device->family, design, each);
  r->total.activity = -1;
  for (int i = 0; i < n; i++)
    vec_push(a, r->units, (struct unit_report){.model = each[i], .activity = -1});
  r->model_seconds = seconds() - started;
  report_rates(r);
  return r;
}
