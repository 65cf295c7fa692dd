/* report_text.c: the report as a table for terminals. */
#include "backends/hardware/report/hw_report.h"
#include "backends/hardware/report/published.h"

#include <math.h>
#include <string.h>

/* ---- numbers ------------------------------------------------------------------------------------------- */

/* 12.3 k with a prefix and three digits. */
static const char *si(char text[32], double value, const char *unit) {
  static const struct {
    double least;
    const char *prefix;
  } rows[] = {{1e9, "G"},  {1e6, "M"},  {1e3, "k"},  {1, ""},
              {1e-3, "m"}, {1e-6, "u"}, {1e-9, "n"}, {1e-12, "p"}};
  size_t i = 0, n = sizeof rows / sizeof *rows;
  while (i + 1 < n && fabs(value) < rows[i].least)
    i++;
  if (value == 0)
    i = 3;
  bool alone = !*rows[i].prefix && !*unit;
  snprintf(text, 32, "%.3g%s%s%s", value / rows[i].least, alone ? "" : " ", rows[i].prefix, unit);
  return text;
}

static const char *amount(char text[32], enum resource what, double value) {
  if (what == RES_BRAM && value != floor(value))
    snprintf(text, 32, "%.1f", value);
  else
    with_commas(text, value);
  return text;
}

/* ---- resources ----------------------------------------------------------------------------------------- */

static bool shown(const struct hw_report *r, enum resource what) {
  return *r->device->family->resource[what] != 0 || r->total.model.of[what] > 0;
}

static void print_row(const struct hw_report *r, const char *name, const struct unit_report *u, FILE *out) {
  char text[32];
  fprintf(out, "  %-28.28s", name);
  for (int what = 0; what < RESOURCES; what++)
    if (shown(r, what)) {
      fprintf(out, " %11s", amount(text, what, u->model.of[what]));
      if (r->total.has_synthesised)
        fprintf(out, " %9s", u->has_synthesised ? amount(text, what, u->synthesised.of[what]) : "-");
    }
  fprintf(out, "\n");
}

/* What the model said against what was counted: percent of the latter. */
static void print_difference(const struct hw_report *r, FILE *out) {
  const struct unit_report *t = &r->total;
  fprintf(out, "  difference:");
  for (int what = 0; what <= RES_FF; what++)
    if (t->synthesised.of[what] > 0)
      fprintf(out, "%s model of %s %+.1f %% from Yosys", what ? "," : "", r->device->family->resource[what],
              100 * (t->model.of[what] / t->synthesised.of[what] - 1));
  fprintf(out, "\n");
}

static void print_resources(const struct hw_report *r, FILE *out) {
  const struct family *f = r->device->family;
  bool both = r->total.has_synthesised;
  char text[32];
  fprintf(out, "\nResources (%s%s)\n  %-28s", label_name(LABEL_MODEL),
          both ? "; second column of each: synthesised" : "", "unit");
  for (int what = 0; what < RESOURCES; what++)
    if (shown(r, what))
      fprintf(out, " %11.11s%s", f->resource[what], both ? "          " : "");
  fprintf(out, "\n");
  for (int i = 0; i < r->units.n; i++)
    print_row(r, r->design->units.at[i]->name, &r->units.at[i], out);
  print_row(r, "all", &r->total, out);
  fprintf(out, "  %-28s", r->device->name);
  for (int what = 0; what < RESOURCES; what++)
    if (shown(r, what))
      fprintf(out, " %11s%s", amount(text, what, (double)r->device->has[what]), both ? "          " : "");
  fprintf(out, "\n  %-28s", "used, %");
  for (int what = 0; what < RESOURCES; what++) {
    double used = (both ? r->total.synthesised : r->total.model).of[what];
    if (shown(r, what) && r->device->has[what] > 0)
      fprintf(out, " %11.1f%s", 100 * used / (double)r->device->has[what], both ? "          " : "");
    else if (shown(r, what))
      fprintf(out, " %11s%s", "-", both ? "          " : "");
  }
  fprintf(out, "\n");
  if (both)
    print_difference(r, out);
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static void print_cycles(const struct hw_report *r, FILE *out) {
  const struct inventory *v = r->design;
  char a[32], b[32];
  fprintf(out, "\nClocks\n");
  if (v->machine == INV_UNROLLED) {
    fprintf(out, "  a token enters each clock; %d sequence%s take%s turns; latency %s clocks (%s)\n",
            v->sequences, v->sequences == 1 ? "" : "s", v->sequences == 1 ? "s" : "",
            with_commas(a, (double)v->latency), label_name(LABEL_SCHEDULE));
    if (r->simulated_cycles)
      fprintf(out, "  a token of each sequence: %s clocks (%s)\n",
              with_commas(a, (double)r->simulated_cycles), label_name(LABEL_SIMULATED));
    return;
  }
  fprintf(out, "  a step, a token of %d sequence%s: %s clocks (%s)\n", v->sequences,
          v->sequences == 1 ? "" : "s", with_commas(a, (double)v->step_cycles), label_name(LABEL_SCHEDULE));
  if (r->simulated_cycles)
    fprintf(out, "  the same: %s clocks (%s)\n", with_commas(a, (double)r->simulated_cycles),
            label_name(LABEL_SIMULATED));
  fprintf(out, "  all %d lanes busy in %s of them, %.1f %%\n", v->lanes,
          with_commas(b, (double)v->busy_cycles), 100.0 * (double)v->busy_cycles / (double)v->step_cycles);
  for (int i = 0; i < v->units.n; i++) {
    const struct inv_unit *u = v->units.at[i];
    if (u->cycles > 0)
      fprintf(out, "  %-28.28s %12s clocks in %5lld run%s %5.1f %%\n", u->name,
              with_commas(a, (double)u->cycles), (long long)u->runs, u->runs == 1 ? " " : "s",
              100.0 * (double)u->cycles / (double)v->step_cycles);
  }
}

static void print_timing(const struct hw_report *r, FILE *out) {
  const struct timing *t = &r->timing;
  if (t->label == LABEL_NONE)
    return;
  char text[32];
  fprintf(out, "\nTiming (%s)\n", label_name(t->label));
  for (int what = 0; what < RESOURCES; what++)
    if (t->placed.of[what] > 0)
      fprintf(out, "  %s %s placed\n", amount(text, what, t->placed.of[what]),
              r->device->family->resource[what]);
  fprintf(out, "  highest clock %.2f MHz; the longest path, %.2f ns:\n", t->mhz, t->critical_ns);
  for (int i = 0; i < t->path.n; i++) {
    const struct path_step *s = &t->path.at[i];
    fprintf(out, "    %-28.28s %-24s %2d cells, %5.2f ns logic, %5.2f ns routing\n",
            s->unit ? s->unit->name : "(outside)", s->signal, s->cells, s->logic_ns, s->routing_ns);
  }
}

static void print_rates(const struct hw_report *r, FILE *out) {
  const struct rates *x = &r->rates;
  const struct inventory *v = r->design;
  char a[32], b[32];
  fprintf(out, "\nRates at %.6g MHz, %s (%s)\n", x->clock_mhz,
          x->placed_clock ? "the placed design's clock" : "the target", label_name(x->label));
  fprintf(out, "  %s tokens/s", si(a, x->tokens, ""));
  if (v->sequences > 1)
    fprintf(out, ", %s of each of %d sequences", si(b, x->sequence_tokens, ""), v->sequences);
  fprintf(out, "; latency %s\n", si(a, x->latency_seconds, "s"));
  if (v->weight_bytes > 0) {
    fprintf(out, "  weights: %sB a step, %.3g GB/s to keep up", si(a, (double)v->weight_bytes, ""),
            x->gbytes_needed);
    if (r->device->gbytes > 0)
      fprintf(out, ", of %.4g GB/s of %s%s", r->device->gbytes, r->device->memory->title,
              x->memory_bound ? ": memory sets the rate" : "");
    fprintf(out, "\n");
  }
  fprintf(out, "  on chip: state %sB", si(a, (double)v->state_bytes, ""));
  fprintf(out, ", activations %sB\n", si(a, (double)v->activation_bytes, ""));
}

/* ---- energy -------------------------------------------------------------------------------------------- */

static void print_range(const char *name, const struct range3 *e, FILE *out) {
  char a[32], b[32], c[32];
  if (e->high > 0)
    fprintf(out, "  %-24s %10s %10s %10s\n", name, si(a, e->low, "J"), si(b, e->nominal, "J"),
            si(c, e->high, "J"));
}

static void print_energy(const struct hw_report *r, FILE *out) {
  const struct energy *e = &r->energy;
  char a[32];
  fprintf(out, "\nEnergy a token (%s; %s; %d nm)\n  %-24s %10s %10s %10s\n", label_name(LABEL_ESTIMATE),
          e->simulated ? "toggles simulated" : "toggles assumed: 1/8, 1/4, 1/2 a bit and clock",
          r->device->family->silicon->nm, "", "low", "nominal", "high");
  print_range("logic", &e->logic, out);
  print_range("memories on chip", &e->ram, out);
  print_range("multipliers", &e->products, out);
  print_range("external memory", &e->memory, out);
  print_range("all dynamic", &e->total, out);
  if (e->static_joules > 0)
    fprintf(out, "  static, %.4g mW typical, unchecked: %s a token more\n", r->device->static_mw,
            si(a, e->static_joules, "J"));
  else
    fprintf(out, "  static power is not in it: no source gives %s's\n", r->device->name);
}

/* ---- others -------------------------------------------------------------------------------------------- */

/* Three digits, or all of a large number. */
static const char *rate(char text[32], double value) {
  if (value >= 100)
    with_commas(text, round(value));
  else
    snprintf(text, 32, "%.3g", value);
  return text;
}

/* This design's energy is without static power and board: its tokens a joule bound from above what a board
 * would do. */
static void print_published(const struct hw_report *r, FILE *out) {
  const struct energy *e = &r->energy;
  char a[32], b[32], c[80];
  fprintf(out, "\nBeside published FPGA designs (their authors' figures, of whole boards)\n");
  fprintf(out, "  %-24s %-30s %-20s %9s %11s  %s\n", "system", "device", "model", "tokens/s", "tokens/J",
          "how");
  snprintf(c, sizeof c, "%s..%s", rate(a, 1 / e->total.high), rate(b, 1 / e->total.low));
  fprintf(out, "  %-24s %-30s %-20s %9s %11s  %s; energy: dynamic only, estimate\n", "this design",
          r->device->name, r->design->model, rate(a, r->rates.tokens), e->total.high > 0 ? c : "-",
          label_name(r->rates.label));
  for (int i = 0; i < n_published; i++) {
    const struct published *p = &published[i];
    fprintf(out, "  %-24s %-30s %-20s %9s %11s  %s; %s\n", p->system, p->device, p->model, rate(a, p->tokens),
            p->watts > 0 ? rate(b, p->tokens / p->watts) : "-", p->how, p->source);
  }
}

void report_text(const struct hw_report *r, FILE *out) {
  const struct inventory *v = r->design;
  fprintf(out, "%s on %s (%s%s%s), %s machine", v->model, r->device->name, r->device->family->title,
          *r->device->board ? ", " : "", r->device->board,
          v->machine == INV_UNROLLED ? "unrolled" : "streaming");
  if (v->machine == INV_STREAMING)
    fprintf(out, ": %d lanes, vector %d, %d sequence%s", v->lanes, v->vector, v->sequences,
            v->sequences == 1 ? "" : "s");
  fprintf(out, "\n");
  print_resources(r, out);
  print_cycles(r, out);
  print_timing(r, out);
  print_rates(r, out);
  print_energy(r, out);
  print_published(r, out);
  for (int i = 0; i < r->remarks.n; i++)
    fprintf(out, "\n%s", r->remarks.at[i]);
  fprintf(out, "%s", r->remarks.n ? "\n" : "");
}
