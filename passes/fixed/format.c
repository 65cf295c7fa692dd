/* format.c: formats of values, and what is said of those whose bounds are of no use, and of roots that
 * are divided by and may be 0; contracts in fixed.h.
 *
 * A bound that leaves less than half the word behind the point is as good as none: interval arithmetic gives
 * numbers such as 1e60 for values that never leave -10 .. 10, and a format that held them would hold nothing
 * else. Such a value gets the middle of the word, beyond which it saturates, and a warning names it. */
#include "passes/fixed/fixed.h"

#include "passes/fixed/range_impl.h"

#include <limits.h>
#include <math.h>
#include <string.h>

enum {
  FINEST = 60,   /* fraction bits: shifts of products of two stay exact (mulshift) */
  TRIAL_BITS = 8 /* that a guess leaves above what a trial reached */
};

/* ---- numbers ----------------------------------------------------------------------------------------- */

int bits_for(double most) {
  int e;
  if (isinf(most))
    return 1025;
  double f = frexp(most, &e);
  return f == 0.5 ? e - 1 : e;
}

int floor_log2(double c) {
  int e = 0;
  if (isinf(c))
    return 1024;
  frexp(c, &e); /* of NaN and 0: 0 */
  return e - 1;
}

bool power_of_two(double c, int *e) {
  *e = floor_log2(c);
  return isfinite(c) && fabs(c) == ldexp(1, *e);
}

double saturated(double v, int bits) {
  double top = ldexp(1, bits - 1);
  return isnan(v) ? 0 : fmax(-top, fmin(v, top - 1));
}

static int least(int a, int b) {
  return a < b ? a : b;
}

static int most(int a, int b) {
  return a > b ? a : b;
}

/* ---- formats ----------------------------------------------------------------------------------------- */

/* Bits before the point; INT_MAX: no number of them is enough. */
static int whole_bits(double top) {
  return isinf(top) ? INT_MAX : top > 0 ? bits_for(top * (1 + 1e-6)) : 0;
}

bool is_narrow(const struct fixing *x, struct range r) {
  return whole_bits(range_most(r)) <= x->word / 2;
}

bool has_bound(const struct fixing *x, struct range r) {
  return is_narrow(x, r) || (r.seen && !r.mask && isfinite(range_most(r)));
}

/* The middle of the word, less where a trial shows that far less is enough, more where all that the range
 * holds lies beyond. */
static struct format guess_for(const struct fixing *x, struct range r) {
  double least_size = r.lo > 0 ? r.lo : r.hi < 0 ? -r.hi : 0;
  int needed = isfinite(least_size) && least_size > 0 ? bits_for(least_size) + 1 : 0;
  int whole = x->word / 2;
  if (r.tried > 0)
    whole = least(whole, bits_for(r.tried) + TRIAL_BITS);
  whole = most(whole, needed);
  int frac = least(x->word - 1 - whole, most(MOST_FRAC, least(FINEST, LEAST_DIGITS + TRIAL_BITS - whole)));
  return (struct format){r.whole ? least(frac, 0) : frac, x->word};
}

struct format format_for(const struct fixing *x, struct range r) {
  if (!has_bound(x, r))
    return guess_for(x, r);
  int whole = whole_bits(range_most(r));
  int frac = least(x->word - 1 - whole, most(MOST_FRAC, least(FINEST, LEAST_DIGITS - whole)));
  frac = r.whole ? least(frac, 0) : frac;
  return (struct format){frac, most(2, whole + frac + 1)};
}

struct format format_of(const struct fixing *x, const struct value *old) {
  return format_for(x, range_at(x, old));
}

struct format format_of_any(const struct fixing *x, const struct op *op, int first) {
  struct range all = range_at(x, op->out[0]), rest = {.lo = INFINITY, .hi = -INFINITY};
  if (has_bound(x, all))
    return format_for(x, all);
  for (int i = first; i < op->n_in; i++) {
    struct range r = range_at(x, op->in[i]);
    bool constant = r.lo == r.hi && fabs(r.lo) >= MASK;
    if (!constant)
      rest = rest.lo > rest.hi ? r : range_hull(rest, r);
  }
  if (rest.lo > rest.hi || !has_bound(x, rest))
    return format_for(x, all);
  return (struct format){format_for(x, rest).frac, x->word};
}

/* Of what tokens write; the first number saturates where it is a mask. */
struct format state_format(const struct fixing *x, const struct state *s) {
  struct range all = x->ranges->states.at[s->id], written = x->ranges->written.at[s->id];
  bool covered = fabs(s->init) >= MASK && written.lo <= written.hi && has_bound(x, written);
  if (has_bound(x, all) || !covered)
    return format_for(x, all);
  return (struct format){format_for(x, written).frac, x->word};
}

/* ---- guesses ----------------------------------------------------------------------------------------- */

void note_guess(struct fixing *x, const struct op *op, const struct number *n) {
  struct range r = range_at(x, op->out[0]);
  bool moves = op_info[op->code].flags & MOVE || op->code == OP_CONST || op->code == OP_WEIGHT;
  if (n->kind == NUMBER_FIXED && !moves && !r.mask && !r.whole && op->out[0]->type.elem == ELEM_F32 &&
      !has_bound(x, r))
    vec_push(x->m->arena, x->guessed, (struct guess){op, n->v});
}

static bool same_line(const struct op *a, const struct op *b) {
  return a->at.file == b->at.file && a->at.line == b->at.line;
}

/* One of each line, the one that the spec names or the last one; not what nothing came to use, such as the
 * squares of a sum that is computed otherwise. */
static int by_line(struct fixing *x, const struct op **lines) {
  const struct block *step = func_find(x->m, "step")->body;
  int n = 0;
  for (int i = 0; i < x->guessed.n; i++) {
    const struct op *op = x->guessed.at[i].op;
    if (count_uses(step, x->guessed.at[i].v) == 0)
      continue;
    int k = 0;
    while (k < n && !same_line(lines[k], op))
      k++;
    if (k == n)
      lines[n++] = op;
    else if (op->out[0]->name || !lines[k]->out[0]->name)
      lines[k] = op;
  }
  return n;
}

static const char *name_of(const struct op *op) {
  if (op->out[0]->name)
    return op->out[0]->name;
  return op->code == OP_READ ? op->attr.symbol : op_info[op->code].text;
}

/* "a.tern:3:5 h" */
static const char *place_of(struct fixing *x, const struct op *op) {
  const char *name = name_of(op);
  if (!op->at.file)
    return name;
  const char *file = x->m->diag->sources.at[op->at.file - 1].name;
  const char *slash = strrchr(file, '/');
  return arena_printf(x->m->arena, "%s:%u:%u %s", slash ? slash + 1 : file, op->at.line, op->at.column, name);
}

/* One warning: the first value with its place, then those of other lines, a few to a line. */
void warn_of_guesses(struct fixing *x) {
  enum { A_LINE = 4 };
  struct diag *d = x->m->diag;
  const struct op **lines = arena_array(x->m->arena, const struct op *, x->guessed.n + 1);
  int n = by_line(x, lines);
  if (n == 0)
    return;
  struct format f = format_of(x, lines[0]->out[0]);
  diag_at(d, SEVERITY_WARNING, lines[0]->at,
          "fixed-point: no useful bound is known of '%s'%s; a guess gives it %d bits before the point and %d "
          "behind, and what is larger saturates",
          name_of(lines[0]),
          n > 1 ? arena_printf(x->m->arena, " and of values in %d more line%s", n - 1, n > 2 ? "s" : "") : "",
          f.bits - 1 - f.frac, f.frac);
  for (int i = 1; i < n; i += A_LINE) {
    const char *text = place_of(x, lines[i]);
    for (int k = i + 1; k < n && k < i + A_LINE; k++)
      text = arena_printf(x->m->arena, "%s, %s", text, place_of(x, lines[k]));
    diag_note(d, "%s %s", i == 1 ? "the others:" : "           ", text);
  }
  diag_note(
      d,
      "--calibrate FILE (a text) or --calibrate-tokens FILE (ids) runs the model and measures how far each "
      "value goes");
}

/* ---- poles ------------------------------------------------------------------------------------------- */

/* Once a line: a spec's block stands in many places. */
void warn_of_pole(struct fixing *x, const struct op *op, const struct value *v) {
  struct range r = range_at(x, v);
  if (r.lo > 0 || (op->code == OP_RMSNORM && r.hi < 0))
    return;
  for (int i = 0; i < x->poles.n; i++)
    if (x->poles.at[i].file == op->at.file && x->poles.at[i].line == op->at.line)
      return;
  vec_push(x->m->arena, x->poles, op->at);
  diag_at(x->m->diag, SEVERITY_WARNING, op->at,
          "fixed-point: a root that is divided by may be 0, as that of an rmsnorm without epsilon is for a "
          "vector of zeros; floats give infinity or NaN there, integers their largest number or 0");
}
