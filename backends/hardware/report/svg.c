/* svg.c: the design drawn: units as boxes in columns, streams as curves as thick as they are wide.
 *
 * A streaming machine has a column a kind, in the direction in which data go, its memories on small boxes;
 * what is written back runs dotted. An unrolled one has its layers in a row, a new line every few. Colours
 * are classes of the page (html_style.c). */
#include "backends/hardware/report/html.h"

#include <math.h>
#include <string.h>

enum { BOX_W = 176, BOX_H = 46, SMALL_H = 22, GAP_X = 92, GAP_Y = 14, SMALL_GAP = 7, LEFT = 96, TOP = 24 };
enum { PER_ROW = 4, COLUMNS = 6, TALLEST = 16 };

struct bar {
  double x, y, h;
};

struct drawing {
  const struct hw_report *r;
  struct bar *at;
  int *out_used, *in_used, *out_n, *in_n; /* curves on a box's right and left side */
  double width, height;
};

/* ---- where units stand --------------------------------------------------------------------------------- */

static bool is_small(enum inv_kind kind) {
  return kind == INV_BUFFER || kind == INV_STATE;
}

/* Memories have two columns when there are many of them. */
static int column_of(const struct inv_unit *u, int memories, int nth) {
  static const int columns[INV_KINDS] = {
      [INV_CONTROL] = 0, [INV_READER] = 0, [INV_WEIGHTS] = 0, [INV_SUM] = 1,  [INV_BUFFER] = 2,
      [INV_STATE] = 2,   [INV_KERNEL] = 4, [INV_LAYER] = 4,   [INV_TOP_K] = 5};
  return columns[u->kind] + (is_small(u->kind) && memories > TALLEST && nth >= (memories + 1) / 2);
}

static void place_streaming(const struct inventory *v, struct drawing *g) {
  double tall[COLUMNS] = {0}, used[COLUMNS] = {0}, most = 0;
  int *column = arena_array(v->arena, int, v->units.n), memories = 0, nth = 0;
  for (int i = 0; i < v->units.n; i++)
    memories += is_small(v->units.at[i]->kind);
  for (int i = 0; i < v->units.n; i++) {
    const struct inv_unit *u = v->units.at[i];
    bool small = is_small(u->kind);
    column[i] = column_of(u, memories, small ? nth++ : 0);
    g->at[i].h = small ? SMALL_H : BOX_H;
    tall[column[i]] += g->at[i].h + (small ? SMALL_GAP : GAP_Y);
    most = fmax(most, tall[column[i]]);
  }
  double x[COLUMNS], at = LEFT;
  for (int c = 0; c < COLUMNS; c++) {
    x[c] = at;
    at += tall[c] > 0 ? BOX_W + (c == 2 && tall[3] > 0 ? GAP_X / 3 : GAP_X) : 0;
  }
  for (int i = 0; i < v->units.n; i++) {
    int c = column[i];
    g->at[i].x = x[c];
    g->at[i].y = TOP + (most - tall[c]) / 2 + used[c];
    used[c] += g->at[i].h + (is_small(v->units.at[i]->kind) ? SMALL_GAP : GAP_Y);
  }
  g->width = at - GAP_X + LEFT;
  g->height = 2 * TOP + most;
}

static void place_unrolled(const struct inventory *v, struct drawing *g) {
  int row = BOX_H + 3 * GAP_Y;
  for (int i = 0; i < v->units.n; i++)
    g->at[i] = (struct bar){LEFT + i % PER_ROW * (BOX_W + GAP_X), TOP + i / PER_ROW * row, BOX_H};
  g->width = 2 * LEFT + PER_ROW * BOX_W + (PER_ROW - 1) * GAP_X;
  g->height = 2 * TOP + (v->units.n + PER_ROW - 1) / PER_ROW * row - 2 * GAP_Y;
}

/* ---- curves -------------------------------------------------------------------------------------------- */

/* The k-th of n curves on a side leaves at its own height. */
static double slot(const struct drawing *g, int unit, int *used, const int *n) {
  return g->at[unit].y + g->at[unit].h * (++used[unit]) / (n[unit] + 1.0);
}

static void curve(double x0, double y0, double x1, double y1, int bits, FILE *out) {
  double thick = 0.7 + 0.35 * log2(bits < 1 ? 1 : bits);
  double bend = x1 > x0 ? (x1 - x0) / 2 : 50 + (x0 - x1) / 8;
  fprintf(out, "<path d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\" stroke-width=\"%.1f\"/>", x0, y0,
          x0 + bend, y0, x1 - bend, y1, x1 - 5, y1, thick);
  fprintf(out, "<path class=\"tip\" d=\"M%.1f %.1fl-7 -3.5v7z\"/>", x1, y1);
}

static void note(double x, double y, bool end, const char *text, FILE *out) {
  fprintf(out, "<text class=\"w\" x=\"%.0f\" y=\"%.0f\"%s>", x, y, end ? " text-anchor=\"end\"" : "");
  html_escape(text, out);
  fprintf(out, "</text>");
}

static void draw_stream(struct drawing *g, const struct inv_stream *s, FILE *out) {
  double x0 = 8, y0 = 0, x1 = g->width - 8, y1 = 0;
  if (s->from >= 0) {
    x0 = g->at[s->from].x + BOX_W;
    y0 = slot(g, s->from, g->out_used, g->out_n);
  }
  if (s->to >= 0) {
    x1 = g->at[s->to].x;
    y1 = slot(g, s->to, g->in_used, g->in_n);
  }
  y0 = s->from < 0 ? y1 : y0;
  y1 = s->to < 0 ? y0 : y1;
  fprintf(out, "<g class=\"s%s\"><title>", x1 > x0 ? "" : " back");
  html_escape(s->name, out);
  fprintf(out, ": %d bits%s", s->bits, s->handshake ? ", valid and ready" : "");
  if (s->words)
    fprintf(out, ", %lld words a step", (long long)s->words);
  fprintf(out, "</title>");
  curve(x0, y0, x1, y1, s->bits, out);
  const char *bits = arena_printf(g->r->arena, "%d", s->bits);
  if (s->from < 0) {
    note(10, y1 - 6, false, bits, out);
    note(10, y1 + 13, false, s->name, out);
  } else if (s->to < 0) {
    note(x1 - 10, y0 - 6, true, bits, out);
    note(x1 - 10, y0 + 13, true, s->name, out);
  } else if (x1 > x0 && g->out_n[s->from] <= 2) {
    note(x0 + 5, y0 - 4, false, bits, out);
  }
  fprintf(out, "</g>\n");
}

/* ---- boxes --------------------------------------------------------------------------------------------- */

static void print_size(const struct resources *have, FILE *out) {
  char lut[32];
  double ram = have->of[RES_BRAM] + have->of[RES_LARGE];
  const char *between = "";
  if (have->of[RES_LUT] >= 0.5) {
    fprintf(out, "%s LUT", with_commas(lut, have->of[RES_LUT]));
    between = " · ";
  }
  if (ram > 0) {
    fprintf(out, "%s%.4g RAM", between, ram);
    between = " · ";
  }
  if (have->of[RES_DSP] > 0)
    fprintf(out, "%s%.4g DSP", between, have->of[RES_DSP]);
}

static void draw_unit(const struct drawing *g, int i, FILE *out) {
  const struct inv_unit *u = g->r->design->units.at[i];
  const struct unit_report *x = &g->r->units.at[i];
  const struct resources *have = x->has_synthesised ? &x->synthesised : &x->model;
  const struct bar *p = &g->at[i];
  bool small = p->h < BOX_H;
  fprintf(out, "<g class=\"u %s\"><title>", html_kind_class(u->kind));
  html_escape(u->name, out);
  fprintf(out, "%s", u->what ? ": " : "");
  html_escape(u->what ? u->what : "", out);
  fprintf(out, "</title><rect x=\"%.0f\" y=\"%.1f\" width=\"%d\" height=\"%.0f\" rx=\"%d\"/>", p->x, p->y,
          BOX_W, p->h, small ? 4 : 7);
  fprintf(out, "<text class=\"n\" x=\"%.0f\" y=\"%.1f\">", p->x + 10, p->y + (small ? 15 : 19));
  html_escape_short(u->name, small ? 15 : 20, out);
  fprintf(out, "</text><text class=\"d\" x=\"%.0f\" y=\"%.1f\"%s>", small ? p->x + BOX_W - 8 : p->x + 10,
          p->y + (small ? 15 : 35), small ? " text-anchor=\"end\"" : "");
  print_size(have, out);
  fprintf(out, "</text></g>\n");
}

void report_svg(const struct hw_report *r, FILE *out) {
  const struct inventory *v = r->design;
  int n = v->units.n;
  struct drawing g = {.r = r, .at = arena_array(r->arena, struct bar, n)};
  g.out_used = arena_array(r->arena, int, 4 * n + 4);
  g.in_used = g.out_used + n;
  g.out_n = g.in_used + n;
  g.in_n = g.out_n + n;
  for (int i = 0; i < v->streams.n; i++) {
    const struct inv_stream *s = &v->streams.at[i];
    if (s->from >= 0)
      g.out_n[s->from]++;
    if (s->to >= 0)
      g.in_n[s->to]++;
  }
  if (v->machine == INV_UNROLLED)
    place_unrolled(v, &g);
  else
    place_streaming(v, &g);
  fprintf(out,
          "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"units and streams of the design\">\n",
          g.width, g.height);
  for (int i = 0; i < v->streams.n; i++)
    draw_stream(&g, &v->streams.at[i], out);
  for (int i = 0; i < n; i++)
    draw_unit(&g, i, out);
  fprintf(out, "</svg>\n");
}
