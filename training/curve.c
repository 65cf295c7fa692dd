/* curve.c: the curve of a training: steps to the right, loss upwards on a scale of its logarithm. */
#include <math.h>
#include <string.h>

#include "support/escape.h"
#include "training/log.h"

enum { WIDTH = 800, HEIGHT = 420, LEFT = 64, RIGHT = 24, TOP = 44, BOTTOM = 48, MOST_POINTS = 1000 };

struct axes {
  double last;      /* the largest step */
  double low, high; /* of the loss */
};

static double across(const struct axes *a, double step) {
  return LEFT + (WIDTH - LEFT - RIGHT) * step / a->last;
}

static double up(const struct axes *a, double loss) {
  return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * log(loss / a->low) / log(a->high / a->low);
}

static double loss_of(const struct log_row *r, bool held) {
  return held ? r->held_loss : r->loss;
}

static bool is_point(const struct log_row *r, bool held) {
  double loss = loss_of(r, held);
  return loss > 1e-30 && loss < 1e30; /* what a file may have else has no place on a scale */
}

static struct axes axes_of(const struct log_row *rows, int n) {
  struct axes a = {1, INFINITY, 0};
  for (int i = 0; i < n; i++)
    for (int held = 0; held < 2; held++)
      if (is_point(&rows[i], held)) {
        a.last = fmax(a.last, (double)rows[i].step);
        a.low = fmin(a.low, loss_of(&rows[i], held));
        a.high = fmax(a.high, loss_of(&rows[i], held));
      }
  if (a.low > a.high) /* no point at all */
    a.low = 1, a.high = 2;
  a.high *= 1.05;
  a.low /= 1.05;
  return a;
}

/* 1, 2 or 5 times a power of ten, so that some `parts` of it cover the span. */
static double round_step(double span, int parts) {
  double unit = pow(10, floor(log10(span / parts)));
  double in = span / parts / unit;
  return unit * (in <= 1 ? 1 : in <= 2 ? 2 : in <= 5 ? 5 : 10);
}

static void print_grid(FILE *out, const struct axes *a) {
  double step = round_step(a->last, 6), loss = round_step(a->high - a->low, 6);
  for (double x = 0; x <= a->last; x += step)
    fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n", across(a, x),
            HEIGHT - BOTTOM + 20, x);
  for (double y = ceil(a->low / loss) * loss; y <= a->high; y += loss)
    fprintf(out,
            "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>\n"
            "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
            LEFT, up(a, y), WIDTH - RIGHT, up(a, y), LEFT - 8, up(a, y) + 4, y);
}

/* Of many points the mean of neighbours, so that the file stays small. */
static void print_line(FILE *out, const struct axes *a, const struct log_row *rows, int n, bool held,
                       const char *style) {
  int each = n / MOST_POINTS + 1, some = 0;
  double sum = 0;
  fprintf(out, "<polyline fill=\"none\" %s points=\"", style);
  for (int i = 0; i < n; i++) {
    if (!is_point(&rows[i], held))
      continue;
    sum += loss_of(&rows[i], held);
    if (++some < (held ? 1 : each))
      continue;
    fprintf(out, "%.1f,%.1f ", across(a, (double)rows[i].step), up(a, sum / some));
    sum = some = 0;
  }
  fputs("\"/>\n", out);
}

void curve_print(FILE *out, const struct log_row *rows, int n, const char *title) {
  struct axes a = axes_of(rows, n);
  struct arena words = {0};
  title = message_text(&words, title);
  fprintf(
      out,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n<text x=\"%d\" y=\"24\" "
      "font-size=\"15\">",
      WIDTH, HEIGHT, LEFT);
  html_text(out, title, strlen(title));
  arena_free(&words);
  fprintf(out,
          ": loss (nats a token)</text>\n<text x=\"%d\" y=\"24\" text-anchor=\"end\"><tspan "
          "fill=\"#1f77b4\">training</tspan>  <tspan fill=\"#d62728\">held-out</tspan></text>\n",
          WIDTH - RIGHT);
  print_grid(out, &a);
  print_line(out, &a, rows, n, false, "stroke=\"#1f77b4\"");
  print_line(out, &a, rows, n, true, "stroke=\"#d62728\" stroke-width=\"2\"");
  fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text>\n</svg>\n",
          (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
}
