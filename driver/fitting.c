/* fitting.c: plans every narrower machine on the same loops and asks the resource model. */
#include "driver/fitting.h"

#include "backends/hardware/report/resource_model.h"
#include "backends/hardware/streaming/design.h"

#include <math.h>

struct fit_candidate {
  int lanes, vector;
  struct resources need; /* on the device's family */
  struct hw_report *report;
};

struct fit_search {
  struct arena *a;
  const struct hw_design *design;
  const struct device *device;
  struct fit_candidate best;     /* the fastest that fits; lanes 0: none */
  struct fit_candidate smallest; /* the least LUTs */
};

/* The part of a device that a design takes of what it has least of; infinite where it has none. */
static double used(const struct device *d, const struct resources *need) {
  double most = 0;
  for (int what = 0; what < RESOURCES; what++)
    if (need->of[what] > 0)
      most = fmax(most, d->has[what] > 0 ? ceil(need->of[what]) / (double)d->has[what] : INFINITY);
  return most;
}

static struct hw_report *report_of(struct fit_search *s, int lanes, int vector) {
  struct hw_options o = s->design->options;
  FILE *nowhere = fopen("/dev/null", "w");
  struct diag silent = {.out = nowhere};
  o.lanes = lanes;
  o.vector = vector;
  struct hw_design *h = nowhere ? hw_plan(s->a, &silent, s->design->loops, &o) : NULL;
  diag_free(&silent);
  if (nowhere)
    fclose(nowhere);
  return h ? report_new(s->a, hw_inventory(h), s->device) : NULL;
}

static void consider(struct fit_search *s, int lanes, int vector) {
  struct hw_report *r = report_of(s, lanes, vector);
  if (!r)
    return;
  struct fit_candidate c = {lanes, vector, r->total.model, r};
  report_rates(r);
  if (!s->smallest.lanes || c.need.of[RES_LUT] < s->smallest.need.of[RES_LUT])
    s->smallest = c;
  if (device_fits(s->device, &c.need) && (!s->best.lanes || r->rates.tokens > s->best.report->rates.tokens))
    s->best = c;
}

static void say_fitting(struct diag *d, const struct fit_search *s) {
  char luts[32], rate[32];
  const struct fit_candidate *c = &s->best;
  diag_note(d, "--hw-lanes %d --hw-vector %d fits: %s %s (model), %.0f %% of %s; %s tokens/s (projected)",
            c->lanes, c->vector, with_commas(luts, ceil(c->need.of[RES_LUT])),
            s->device->family->resource[RES_LUT], 100 * used(s->device, &c->need), s->device->name,
            with_commas(rate, c->report->rates.tokens));
}

/* The device with the fewest LUTs that takes the smallest machine. */
static const struct device *device_for(const struct fit_search *s) {
  const struct device *best = NULL;
  for (int i = 0; i < n_devices; i++) {
    struct resources need = model_design(devices[i].family, s->smallest.report->design, NULL);
    if (device_fits(&devices[i], &need) && (!best || devices[i].has[RES_LUT] < best->has[RES_LUT]))
      best = &devices[i];
  }
  return best;
}

static void say_none(struct diag *d, const struct fit_search *s) {
  char luts[32], has[32];
  const struct fit_candidate *c = &s->smallest;
  const struct device *other = device_for(s);
  diag_note(d,
            "no --hw-lanes and --hw-vector make it fit: the smallest machine, %d and %d, needs %s %s, and %s "
            "has %s",
            c->lanes, c->vector, with_commas(luts, ceil(c->need.of[RES_LUT])),
            s->device->family->resource[RES_LUT], s->device->name,
            with_commas(has, (double)s->device->has[RES_LUT]));
  if (other)
    diag_note(
        d,
        "the smallest device of the table that takes that one: %s (%s); narrower numbers (--fixed-bits) "
        "make it smaller",
        other->name, other->family->title);
  else
    diag_note(d, "no device of the table takes that one; narrower numbers (--fixed-bits) make it smaller");
}

void fitting_print(struct diag *d, const struct hw_design *design, const struct hw_report *r) {
  struct fit_search s = {.a = r->arena, .design = design, .device = r->device};
  for (int lanes = design->options.lanes; lanes >= 16; lanes /= 2)
    for (int vector = design->options.vector; vector >= 1; vector /= 2)
      consider(&s, lanes, vector);
  if (s.best.lanes)
    say_fitting(d, &s);
  else if (s.smallest.lanes)
    say_none(d, &s);
}
