/* html.c: the report as a page that needs nothing else: no scripts, no fonts, nothing from elsewhere. */
#include "backends/hardware/report/html.h"
#include "backends/hardware/report/published.h"
#include "support/escape.h"

#include <math.h>
#include <string.h>

/* ---- pieces -------------------------------------------------------------------------------------------- */

void html_escape(const char *text, FILE *out) {
  html_text(out, text, strlen(text));
}

void html_escape_short(const char *text, size_t most, FILE *out) {
  size_t n = strlen(text), tail = most / 2;
  if (n <= most) {
    html_text(out, text, n);
    return;
  }
  html_text(out, text, most - tail - 1);
  fputs("…", out);
  html_text(out, text + n - tail, tail);
}

const char *html_kind_class(enum inv_kind kind) {
  static const char *const names[INV_KINDS] = {"kernel",  "sum-k",  "layer",   "buffer", "state",
                                               "weights", "reader", "control", "topk"};
  return names[kind];
}

static void tag(enum label l, FILE *out) {
  fprintf(out, " <span class=\"tag\">%s</span>", label_name(l));
}

static void si(double value, const char *unit, FILE *out) {
  static const char *const prefixes[] = {"p", "n", "µ", "m", "", "k", "M", "G", "T"};
  int i = 4;
  for (; value != 0 && fabs(value) < 1 && i > 0; i--)
    value *= 1000;
  for (; fabs(value) >= 1000 && i < 8; i++)
    value /= 1000;
  fprintf(out, "%.3g %s%s", value, prefixes[i], unit);
}

static void count(double value, FILE *out) {
  char text[32];
  if (value != floor(value))
    fprintf(out, "%.1f", value);
  else
    fputs(with_commas(text, value), out);
}

static bool shown(const struct hw_report *r, enum resource what) {
  return r->device->has[what] > 0 || r->total.model.of[what] > 0;
}

/* ---- the head ------------------------------------------------------------------------------------------ */

static void card(const char *title, enum label l, FILE *out) {
  fprintf(out, "</b><span>%s</span>", title);
  tag(l, out);
  fprintf(out, "</div>\n");
}

static void resource_card(const struct hw_report *r, enum resource what, FILE *out) {
  const struct unit_report *t = &r->total;
  double used = (t->has_synthesised ? t->synthesised : t->model).of[what], has = (double)r->device->has[what];
  double part = has > 0 ? used / has : used > 0 ? 1 : 0;
  fprintf(out, "<div class=\"card\"><b>");
  count(ceil(used), out);
  fprintf(out, "</b><span>%s of ", r->device->family->resource[what]);
  count(has, out);
  fprintf(out, "</span>");
  tag(t->has_synthesised ? LABEL_SYNTHESISED : LABEL_MODEL, out);
  fprintf(out, "<div class=\"bar\"><i class=\"%s\" style=\"width:%.1f%%\"></i></div></div>\n",
          used > has ? "over" : "", 100 * (part > 1 ? 1 : part));
}

static void print_cards(const struct hw_report *r, FILE *out) {
  const struct rates *x = &r->rates;
  fprintf(out, "<div class=\"cards\"><div class=\"card\"><b>");
  si(x->tokens, "tok/s", out);
  card(x->memory_bound ? "all sequences; memory sets the rate" : "all sequences", x->label, out);
  fprintf(out, "<div class=\"card\"><b>%.4g MHz", x->clock_mhz);
  card(x->placed_clock ? "highest clock" : "target clock", x->placed_clock ? LABEL_PLACED : LABEL_PROJECTED,
       out);
  fprintf(out, "<div class=\"card\"><b>");
  si(x->latency_seconds, "s", out);
  card("latency of a token", x->label, out);
  fprintf(out, "<div class=\"card\"><b>");
  si(r->energy.total.nominal, "J", out);
  card("dynamic, a token, nominal", LABEL_ESTIMATE, out);
  for (int what = 0; what < RESOURCES; what++)
    if (r->total.model.of[what] > 0)
      resource_card(r, what, out);
  fprintf(out, "</div>\n");
}

/* ---- resources ----------------------------------------------------------------------------------------- */

static void print_unit_row(const struct hw_report *r, const char *name, const char *class, const char *dot,
                           const struct unit_report *u, FILE *out) {
  fprintf(out, "<tr%s><td>", class);
  if (dot)
    fprintf(out, "<span class=\"dot %s\"></span>", dot);
  html_escape(name, out);
  fprintf(out, "</td>");
  for (int what = 0; what < RESOURCES; what++) {
    if (!shown(r, what))
      continue;
    fprintf(out, "<td>");
    count(what == RES_BRAM ? u->model.of[what] : round(u->model.of[what]), out);
    if (r->total.has_synthesised) {
      fprintf(out, "</td><td>");
      if (u->has_synthesised)
        count(what == RES_BRAM ? u->synthesised.of[what] : round(u->synthesised.of[what]), out);
      else
        fprintf(out, "–");
    }
    fprintf(out, "</td>");
  }
  double lut = (u->has_synthesised ? u->synthesised : u->model).of[RES_LUT];
  double all = (r->total.has_synthesised ? r->total.synthesised : r->total.model).of[RES_LUT];
  fprintf(out, "<td class=\"bars\"><i class=\"%s\" style=\"width:%.1f%%\"></i></td></tr>\n",
          dot ? dot : "control", dot && all > 0 ? 100 * lut / all : 0);
}

static void print_resources(const struct hw_report *r, FILE *out) {
  bool both = r->total.has_synthesised;
  fprintf(out, "<h2>Resources by unit</h2><div class=\"panel\"><table><tr><th>unit</th>");
  for (int what = 0; what < RESOURCES; what++)
    if (shown(r, what)) {
      fprintf(out, "<th>%s<br>", r->device->family->resource[what]);
      tag(LABEL_MODEL, out);
      if (both) {
        fprintf(out, "</th><th><br>");
        tag(LABEL_SYNTHESISED, out);
      }
      fprintf(out, "</th>");
    }
  fprintf(out, "<th class=\"l\">LUTs</th></tr>\n");
  for (int i = 0; i < r->units.n; i++) {
    const struct inv_unit *u = r->design->units.at[i];
    print_unit_row(r, u->name, "", html_kind_class(u->kind), &r->units.at[i], out);
  }
  print_unit_row(r, "all", " class=\"sum\"", NULL, &r->total, out);
  fprintf(out, "</table></div>\n");
  const struct unit_report *t = &r->total;
  if (both && t->synthesised.of[RES_LUT] > 0 && t->synthesised.of[RES_FF] > 0)
    fprintf(
        out,
        "<p class=\"dim\">Tern's model, which takes no tool, against Yosys: %s %+.1f %%, FF %+.1f %%.</p>\n",
        r->device->family->resource[RES_LUT], 100 * (t->model.of[RES_LUT] / t->synthesised.of[RES_LUT] - 1),
        100 * (t->model.of[RES_FF] / t->synthesised.of[RES_FF] - 1));
}

/* ---- clocks -------------------------------------------------------------------------------------------- */

static void print_cycles(const struct hw_report *r, FILE *out) {
  const struct inventory *v = r->design;
  fprintf(out, "<h2>Clocks of a step</h2><div class=\"panel\">");
  if (v->machine == INV_UNROLLED) {
    fprintf(out, "<p>A token enters each clock; %d sequence%s; a result comes %lld clocks after its token.",
            v->sequences, v->sequences == 1 ? "" : "s take turns", (long long)v->latency);
    tag(LABEL_SCHEDULE, out);
    if (r->simulated_cycles) {
      fprintf(out, " A token of each sequence: ");
      count((double)r->simulated_cycles, out);
      fprintf(out, " clocks");
      tag(LABEL_SIMULATED, out);
    }
    fprintf(out, "</p></div>\n");
    return;
  }
  fprintf(out, "<p>A token of %d sequence%s: ", v->sequences, v->sequences == 1 ? "" : "s");
  count((double)v->step_cycles, out);
  fprintf(out, " clocks");
  tag(LABEL_SCHEDULE, out);
  if (r->simulated_cycles) {
    fprintf(out, ", ");
    count((double)r->simulated_cycles, out);
    tag(LABEL_SIMULATED, out);
  }
  fprintf(out, "; all %d lanes busy in %.1f %%.</p><div class=\"stack\">", v->lanes,
          100.0 * (double)v->busy_cycles / (double)v->step_cycles);
  for (int i = 0; i < v->units.n; i++) {
    const struct inv_unit *u = v->units.at[i];
    if (u->cycles <= 0)
      continue;
    fprintf(out, "<i class=\"%s\" style=\"flex:%lld\" title=\"", html_kind_class(u->kind),
            (long long)u->cycles);
    html_escape(u->name, out);
    fprintf(out, ": %.1f %%\"></i>", 100.0 * (double)u->cycles / (double)v->step_cycles);
  }
  fprintf(
      out,
      "</div><table><tr><th>unit</th><th>runs</th><th>clocks</th><th>lanes busy</th><th class=\"l\">of the "
      "step</th></tr>\n");
  for (int i = 0; i < v->units.n; i++) {
    const struct inv_unit *u = v->units.at[i];
    if (u->cycles <= 0)
      continue;
    double part = 100.0 * (double)u->cycles / (double)v->step_cycles;
    const char *class = html_kind_class(u->kind);
    fprintf(out, "<tr><td><span class=\"dot %s\"></span>", class);
    html_escape(u->name, out);
    fprintf(out, "</td><td>%lld</td><td>", (long long)u->runs);
    count((double)u->cycles, out);
    fprintf(out, "</td><td>");
    count((double)u->busy, out);
    fprintf(out, "</td><td class=\"bars\"><i class=\"%s\" style=\"width:%.1f%%\"></i></td></tr>\n", class,
            part);
  }
  fprintf(out, "</table></div>\n");
}

static void print_timing(const struct hw_report *r, FILE *out) {
  const struct timing *t = &r->timing;
  if (t->label == LABEL_NONE)
    return;
  fprintf(out, "<h2>Longest path</h2><div class=\"panel\"><p>%.2f MHz; %.2f ns", t->mhz, t->critical_ns);
  tag(t->label, out);
  fprintf(
      out,
      "</p><table><tr><th>unit</th><th class=\"l\">signal</th><th>cells</th><th>logic, ns</th><th>routing, "
      "ns</th></tr>\n");
  for (int i = 0; i < t->path.n; i++) {
    const struct path_step *s = &t->path.at[i];
    fprintf(out, "<tr><td>");
    html_escape(s->unit ? s->unit->name : "(outside)", out);
    fprintf(out, "</td><td class=\"l\"><code>");
    html_escape(s->signal, out);
    fprintf(out, "</code></td><td>%d</td><td>%.2f</td><td>%.2f</td></tr>\n", s->cells, s->logic_ns,
            s->routing_ns);
  }
  fprintf(out, "</table></div>\n");
}

/* ---- memory and energy --------------------------------------------------------------------------------- */

static void print_memory(const struct hw_report *r, FILE *out) {
  const struct inventory *v = r->design;
  fprintf(out, "<h2>Memory</h2><div class=\"panel\"><dl>");
  if (v->weight_bytes > 0) {
    fprintf(out, "<dt>weights</dt><dd>");
    si((double)v->weight_bytes, "B", out);
    fprintf(out, " a step, in words of %d bits; %.3g GB/s keep all lanes busy at %.6g MHz", v->word_bits,
            r->rates.gbytes_needed, r->rates.clock_mhz);
    if (r->device->gbytes > 0)
      fprintf(out, "; %s of the board: %.4g GB/s peak, %.0f %% of it used", r->device->memory->title,
              r->device->gbytes, 100 * r->rates.gbytes_used / r->device->gbytes);
    tag(LABEL_PROJECTED, out);
    fprintf(out, "</dd>");
  }
  fprintf(out, "<dt>state, on chip</dt><dd>");
  si((double)v->state_bytes, "B", out);
  fprintf(out, "</dd><dt>activations, on chip</dt><dd>");
  si((double)v->activation_bytes, "B", out);
  fprintf(out, "</dd></dl></div>\n");
}

static void energy_row(const char *name, const struct range3 *e, const char *class, FILE *out) {
  if (e->high <= 0)
    return;
  fprintf(out, "<tr%s><td>%s</td><td>", class, name);
  si(e->low, "J", out);
  fprintf(out, "</td><td>");
  si(e->nominal, "J", out);
  fprintf(out, "</td><td>");
  si(e->high, "J", out);
  fprintf(out, "</td></tr>\n");
}

static void print_energy(const struct hw_report *r, FILE *out) {
  const struct energy *e = &r->energy;
  fprintf(out, "<h2>Energy a token");
  tag(LABEL_ESTIMATE, out);
  fprintf(out,
          "</h2><div class=\"panel\"><table><tr><th></th><th>low</th><th>nominal</th><th>high</th></tr>\n");
  energy_row("logic", &e->logic, "", out);
  energy_row("memories on chip", &e->ram, "", out);
  energy_row("multipliers", &e->products, "", out);
  energy_row("external memory", &e->memory, "", out);
  energy_row("all dynamic", &e->total, " class=\"sum\"", out);
  fprintf(
      out,
      "</table><p class=\"dim\">%s, a toggle %.2g to %.2g pJ at %d nm (Horowitz, ISSCC 2014; Kuon and Rose, "
      "2007)",
      e->simulated ? "Toggles were counted in simulation"
                   : "Toggles are assumed: 1/8, 1/4 and 1/2 a bit and clock",
      r->device->family->silicon->toggle.low, r->device->family->silicon->toggle.high,
      r->device->family->silicon->nm);
  if (e->memory.high > 0) {
    fprintf(out, "; %s %.3g to %.3g pJ a bit (", r->device->memory->title, r->device->memory->bit.low,
            r->device->memory->bit.high);
    html_escape(r->device->memory->source, out);
    fprintf(out, ")");
  }
  fprintf(out, ". ");
  if (e->static_joules > 0) {
    fprintf(out, "Static power, %.4g mW typical, unchecked, adds ", r->device->static_mw);
    si(e->static_joules, "J", out);
    fprintf(out, " a token.");
  } else {
    fprintf(out, "Static power is not in it: no source at hand gives this device's.");
  }
  fprintf(out, "</p></div>\n");
}

/* ---- others -------------------------------------------------------------------------------------------- */

/* Three digits, or all of a large number. */
static void rate(double value, FILE *out) {
  if (value >= 100)
    count(round(value), out);
  else
    fprintf(out, "%.3g", value);
}

static void published_row(const struct published *p, FILE *out) {
  const char *texts[] = {p->system, p->device, p->model};
  fprintf(out, "<tr>");
  for (int i = 0; i < 3; i++) {
    fprintf(out, "<td class=\"l\">");
    html_escape(texts[i], out);
    fprintf(out, "</td>");
  }
  fprintf(out, "<td>");
  rate(p->tokens, out);
  fprintf(out, "</td><td>");
  if (p->watts > 0) {
    rate(p->tokens / p->watts, out);
    fprintf(out, "</td><td>");
    rate(p->watts / p->tokens / p->parameters * 1e12, out);
  } else {
    fprintf(out, "–</td><td>–");
  }
  fprintf(out, "</td><td class=\"l\">");
  html_escape(p->how, out);
  fprintf(out, "; ");
  html_escape(p->source, out);
  fprintf(out, "</td></tr>\n");
}

/* This design's energy is without static power and board, so that its tokens a joule are not of the kind the
 * others have: they bound from above what a board would do. */
static void our_row(const struct hw_report *r, FILE *out) {
  const struct energy *e = &r->energy;
  double parameters = (double)r->design->parameters;
  fprintf(out, "<tr class=\"us\"><td>this design</td><td class=\"l\">%s</td><td class=\"l\">",
          r->device->name);
  html_escape(r->design->model, out);
  if (parameters > 0) {
    fprintf(out, ", ");
    si(parameters, "", out);
  }
  fprintf(out, "</td><td>");
  rate(r->rates.tokens, out);
  fprintf(out, "</td><td>");
  if (e->total.high > 0) {
    rate(1 / e->total.high, out);
    fprintf(out, " to ");
    rate(1 / e->total.low, out);
  } else {
    fprintf(out, "–");
  }
  fprintf(out, "</td><td>");
  if (parameters > 0 && e->total.high > 0)
    fprintf(out, "%.2g to %.2g", e->total.low / parameters * 1e12, e->total.high / parameters * 1e12);
  else
    fprintf(out, "–");
  fprintf(out, "</td><td class=\"l\">%s, at %.6g MHz; energy: dynamic only, estimate</td></tr>\n",
          label_name(r->rates.label), r->rates.clock_mhz);
}

static void print_published(const struct hw_report *r, FILE *out) {
  fprintf(out,
          "<h2>Published FPGA designs</h2><div class=\"panel\"><table><tr><th>system</th><th "
          "class=\"l\">device</th>"
          "<th class=\"l\">model</th><th>tokens/s</th><th>tokens/J</th><th>pJ a parameter and token</th><th "
          "class=\"l\">how</th>"
          "</tr>\n");
  our_row(r, out);
  for (int i = 0; i < n_published; i++)
    published_row(&published[i], out);
  fprintf(out,
          "</table><p class=\"dim\">The published figures are their authors', of whole boards or cards with "
          "their "
          "static power; models and devices differ. They say in which range a figure should lie, no more.</p>"
          "</div>\n");
}

static void print_labels(const struct hw_report *r, FILE *out) {
  fprintf(out,
          "<h2>What the labels mean</h2><div class=\"panel\"><dl>"
          "<dt>model</dt><dd>Tern's prediction of what Yosys counts, from widths alone</dd>"
          "<dt>synthesised</dt><dd>counted by Yosys, before placement</dd>"
          "<dt>placed-and-routed</dt><dd>by nextpnr</dd>"
          "<dt>schedule</dt><dd>clocks that follow from the compiler's schedule, with a memory that is never "
          "late</dd><dt>simulated</dt><dd>counted in simulation of the Verilog</dd>"
          "<dt>projected</dt><dd>computed from clocks and bytes for this clock and memory; not measured</dd>"
          "<dt>estimate</dt><dd>computed from typical energies of the literature; within a factor of two at "
          "best</dd></dl></div>\n<footer>");
  for (int i = 0; i < r->remarks.n; i++) {
    fprintf(out, "<p>");
    html_escape(r->remarks.at[i], out);
    fprintf(out, "</p>");
  }
  fprintf(out, "<p>Device figures: ");
  html_escape(r->device->source, out);
  fprintf(out, ". Written by ternc %s.</p></footer>\n", TERN_VERSION);
}

void report_html(const struct hw_report *r, FILE *out) {
  const struct inventory *v = r->design;
  fprintf(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
               "content=\"width=device-width\"><title>");
  html_escape(v->model, out);
  fprintf(out, " on %s</title><style>%s</style></head><body><main>\n<h1>", r->device->name, html_style);
  html_escape(v->model, out);
  fprintf(out, " on %s</h1><p class=\"dim\">%s%s%s · %s machine", r->device->name, r->device->family->title,
          *r->device->board ? ", " : "", r->device->board,
          v->machine == INV_UNROLLED ? "unrolled" : "streaming");
  if (v->machine == INV_STREAMING)
    fprintf(out, " · %d lanes, vector %d, %d sequence%s in flight", v->lanes, v->vector, v->sequences,
            v->sequences == 1 ? "" : "s");
  fprintf(out, "</p>\n");
  print_cards(r, out);
  fprintf(out, "<h2>Units and streams</h2><div class=\"panel\">\n");
  report_svg(r, out);
  fprintf(out, "</div><p class=\"dim\">Numbers on streams are bits; a curve is as thick as its stream is "
               "wide; what is written back is dotted. Names and words a step show under the pointer.</p>\n");
  print_resources(r, out);
  print_cycles(r, out);
  print_timing(r, out);
  print_memory(r, out);
  print_energy(r, out);
  print_published(r, out);
  print_labels(r, out);
  fprintf(out, "</main></body></html>\n");
}
