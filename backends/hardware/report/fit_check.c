/* fit_check.c: does the design fit? What exceeds the device, by how much, the unit with most of it, and what
 * would fit. */
#include "backends/hardware/report/hw_report.h"
#include "backends/hardware/report/resource_model.h"

#include <math.h>

static const struct resources *counted(const struct hw_report *r) {
  return r->total.has_synthesised ? &r->total.synthesised : &r->total.model;
}

static bool exceeds(const struct device *d, const struct resources *need, enum resource what) {
  return ceil(need->of[what]) > (double)d->has[what];
}

/* The unit with most of a resource. */
static int largest(const struct hw_report *r, enum resource what) {
  int best = -1;
  double most = 0;
  for (int i = 0; i < r->units.n; i++) {
    const struct unit_report *u = &r->units.at[i];
    double has = (u->has_synthesised ? u->synthesised : u->model).of[what];
    if (has > most) {
      most = has;
      best = i;
    }
  }
  return best;
}

/* The smallest device of the family, else of any, on which the design fits by the model. */
static const struct device *that_fits(const struct hw_report *r, bool same_family) {
  const struct device *best = NULL;
  for (int i = 0; i < n_devices; i++) {
    const struct device *d = &devices[i];
    if ((d->family == r->device->family) != same_family)
      continue;
    struct resources need = same_family ? *counted(r) : model_design(d->family, r->design, NULL);
    if (device_fits(d, &need) && (!best || d->has[RES_LUT] < best->has[RES_LUT]))
      best = d;
  }
  return best;
}

static void say_excess(struct diag *d, const struct hw_report *r, enum resource what) {
  const struct device *dev = r->device;
  char need[32], has[32], part[32], over[64] = "";
  double wanted = ceil(counted(r)->of[what]);
  int unit = largest(r, what);
  const char *name = dev->family->resource[what];
  if (dev->has[what] > 0)
    snprintf(over, sizeof over, ", %.0f %% too many", 100 * (wanted / (double)dev->has[what] - 1));
  with_commas(need, wanted);
  with_commas(has, (double)dev->has[what]);
  struct loc at = {0};
  const char *who = "";
  if (unit >= 0) {
    const struct inv_unit *u = r->design->units.at[unit];
    const struct unit_report *x = &r->units.at[unit];
    at = u->at;
    with_commas(part, ceil((x->has_synthesised ? x->synthesised : x->model).of[what]));
    who = arena_printf(r->arena, "; the largest part, %s, is '%s'", part, u->name);
  }
  diag_at(d, SEVERITY_ERROR, at, "the design needs %s %s (%s), %s has %s%s%s", need, name,
          label_name(r->total.has_synthesised ? LABEL_SYNTHESISED : LABEL_MODEL), dev->name, has, over, who);
}

static void say_what_fits(struct diag *d, const struct hw_report *r) {
  const struct inventory *v = r->design;
  const struct device *same = that_fits(r, true), *other = that_fits(r, false);
  if (same)
    diag_note(d, "it fits on %s (%s)", same->name, same->family->title);
  else if (other)
    diag_note(d, "it fits on no %s of the table, but on %s (%s)", r->device->family->title, other->name,
              other->family->title);
  else
    diag_note(d, "it fits on no device of the table (--list-devices)");
  if (v->machine == INV_STREAMING && v->sequences > 1)
    diag_note(d, "smaller: fewer sequences (--hw-batch, now %d)", v->sequences);
  else if (v->machine == INV_UNROLLED)
    diag_note(d, "smaller: the streaming machine (--hw=streaming)");
}

/* What is kept on chip against all the memory the device has: a model whose state does not fit is told so, in
 * bytes. */
static void say_memory(struct diag *d, const struct hw_report *r) {
  const struct family *f = r->device->family;
  double bytes =
      ((double)r->device->has[RES_BRAM] * f->block_bits + (double)r->device->has[RES_LARGE] * f->large_bits) /
      8;
  char state[32], work[32], has[32];
  if ((double)(r->design->state_bytes + r->design->activation_bytes) <= bytes)
    return;
  diag_note(d,
            "state of %s bytes and activations of %s bytes (%d sequences) stay on chip; %s has %s bytes of "
            "block memory",
            with_commas(state, (double)r->design->state_bytes),
            with_commas(work, (double)r->design->activation_bytes), r->design->sequences, r->device->name,
            with_commas(has, bytes));
}

static bool within(const struct hw_report *r, double factor) {
  for (int what = 0; what < RESOURCES; what++)
    if (ceil(counted(r)->of[what]) > (double)r->device->has[what] * factor)
      return false;
  return true;
}

bool report_fits(const struct hw_report *r) {
  return within(r, 1);
}

bool report_close(const struct hw_report *r) {
  return within(r, 1.25);
}

bool report_check(struct diag *d, const struct hw_report *r) {
  bool ok = true;
  for (int what = 0; what < RESOURCES; what++)
    if (exceeds(r->device, counted(r), what)) {
      say_excess(d, r, what);
      ok = false;
    }
  if (!ok) {
    say_memory(d, r);
    say_what_fits(d, r);
  }
  if (ok && r->design->weight_bytes > 0 && r->device->gbytes <= 0) {
    char bytes[32];
    diag_at(d, SEVERITY_WARNING, (struct loc){0},
            "the weights, %s bytes a token, come from external memory, and the table knows none at %s; %.3g "
            "GB/s are "
            "needed at %.6g MHz",
            with_commas(bytes, (double)r->design->weight_bytes), r->device->name, r->rates.gbytes_needed,
            r->rates.clock_mhz);
  }
  return ok;
}
