/* print.c: `ternc weights`: every tensor, and for matrices what ternarising them would give. One table and
 * one JSON printer over the same rows. */
#include "frontend/checkpoint/private.h"
#include "runtime/core/machine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tensor_row {
  const struct stored_tensor *t;
  int64_t shape[MAX_RANK];
  bool matrix;        /* rank 2, floats or packed: what follows is known */
  int64_t bad_weight; /* the first that is not finite, or -1: what follows is known */
  int64_t minus, plus, count;
  float mean;
  const char *note;        /* of codes, and of floats that are ternary already; or NULL */
  int64_t two_bits, base3; /* bytes when packed, rows padded to whole bytes */
};

struct totals {
  int tensors, ternary;
  int64_t bytes, values;            /* of all, as stored; a packed matrix counts its codes */
  int64_t weights, two_bits, base3; /* of ternary matrices */
  int64_t other_bytes;              /* of the rest */
};

static int64_t up(int64_t n, int64_t by) {
  return n / by + (n % by != 0);
}

static void count_codes(const int8_t *codes, int64_t n, int64_t *minus, int64_t *plus) {
  enum { PIECE = 1 << 16 }; /* counters of 32 bits vectorise better */
  for (int64_t i = 0; i < n; i += PIECE) {
    int32_t m = 0, p = 0;
    int64_t end = i + PIECE < n ? i + PIECE : n;
    for (int64_t k = i; k < end; k++) {
      m += codes[k] < 0;
      p += codes[k] > 0;
    }
    *minus += m;
    *plus += p;
  }
}

static bool fill_matrix(struct checkpoint *c, struct tensor_row *r, int threads) {
  int64_t m = r->shape[0], n = r->shape[1];
  r->count = m * n;
  r->two_bits = m * up(n, 4);
  r->base3 = m * up(n, TRITS_PER_BYTE);
  int8_t *codes = xmalloc((size_t)r->count);
  bool ok = tensor_is_codes(r->t) ? codes_read(c, r->t, m, n, 0, codes)
                                  : ternary_scan(c, r->t, m, n, SCALE_TENSOR, 0, false, 1, codes, &r->mean,
                                                 threads, &r->bad_weight);
  if (ok && r->bad_weight < 0)
    count_codes(codes, r->count, &r->minus, &r->plus);
  free(codes);
  return ok;
}

/* What there is to say of a matrix whose numbers are codes, and of one that could be. */
static const char *note_of(struct checkpoint *c, struct tensor_row *r) {
  float scale;
  bool divides;
  const struct stored_tensor *t = r->t;
  if (!tensor_is_codes(t) && !t->beside) {
    if (t->scale || r->bad_weight >= 0)
      return NULL;
    if (already_ternary(c, t, r->count, r->count, &scale))
      return arena_printf(c->arena, "holds -s, 0, s: s = %g", (double)scale);
    bool rows = r->shape[1] > 1 && already_ternary(c, t, r->shape[1], r->shape[1], &scale);
    return rows ? "holds -s, 0, s, one s a row" : NULL;
  }
  if (!t->beside)
    return "codes";
  if (!codes_one_scale(c, t, &scale, &divides))
    return arena_printf(c->arena, "codes, %s scales %s", divides ? "divided by" : "times",
                        shape_text(c->arena, t->beside->info.rank, t->beside->info.shape));
  r->mean = divides ? 1 / scale : scale;
  return arena_printf(c->arena, "codes %s %g", divides ? "/" : "*", (double)scale);
}

static bool fill_row(struct checkpoint *c, const struct stored_tensor *t, struct tensor_row *r, int threads) {
  *r = (struct tensor_row){.t = t, .bad_weight = -1};
  tensor_shape(t, r->shape);
  r->matrix = !t->fault && t->info.rank == 2 && !t->is_scale &&
              (t->scale || tensor_is_codes(t) || dtype_is_float(t->info.dtype));
  if (r->matrix && !fill_matrix(c, r, threads))
    return false;
  r->note = r->matrix ? note_of(c, r) : NULL;
  return true;
}

static void add_row(struct totals *s, const struct tensor_row *r) {
  const struct stored_tensor *t = r->t;
  s->tensors++;
  s->bytes += t->bytes;
  if (!t->is_scale)
    s->values += t->scale || tensor_is_codes(t) ? r->count : tensor_count(t);
  if (t->scale || tensor_is_codes(t) || tensor_is_ternary(t)) {
    s->ternary++;
    s->weights += r->count;
    s->two_bits += r->two_bits;
    s->base3 += r->base3;
  } else if (!t->is_scale) {
    s->other_bytes += t->bytes;
  }
}

static const char *type_name(const struct tensor_row *r) {
  return r->t->scale ? "base3" : r->t->info.dtype_name;
}

/* ---- text -------------------------------------------------------------------------------------------- */

static const char *size_text(char text[static 24], int64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = (double)bytes;
  int u = 0;
  while (value >= 1024) {
    value /= 1024;
    u++;
  }
  snprintf(text, 24, "%.*f %s", u ? 1 : 0, value, units[u]);
  return text;
}

static double percent(int64_t part, int64_t whole) {
  return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_row(struct checkpoint *c, FILE *out, const struct tensor_row *r, int name_width,
                      int shape_width) {
  char two[24], base3[24];
  fprintf(out, "%-*s  %-5s  %-*s", name_width, r->t->info.name, type_name(r), r->matrix ? shape_width : 0,
          shape_text(c->arena, r->t->info.rank, r->shape));
  if (r->t->fault)
    fprintf(out, "  cannot be used: %s", r->t->fault);
  else if (r->matrix && r->bad_weight >= 0)
    fprintf(out, "  weight %lld is not finite", (long long)r->bad_weight);
  else if (r->matrix)
    fprintf(out, "  %5.1f  %5.1f  %5.1f  %10.4g  %10s  %10s", percent(r->minus, r->count),
            percent(r->count - r->minus - r->plus, r->count), percent(r->plus, r->count), (double)r->mean,
            size_text(two, r->two_bits), size_text(base3, r->base3));
  if (r->note)
    fprintf(out, "  %s", r->note);
  fputc('\n', out);
}

static void print_totals(FILE *out, const struct totals *s) {
  char a[24], b[24], d[24];
  fprintf(out, "\n%d tensor%s, %lld value%s, %s\n", s->tensors, s->tensors == 1 ? "" : "s",
          (long long)s->values, s->values == 1 ? "" : "s", size_text(a, s->bytes));
  fprintf(out, "%d ternary %s, %lld weight%s: %s at 2 bits, %s at 1.6 bits; everything else: %s\n",
          s->ternary, s->ternary == 1 ? "matrix" : "matrices", (long long)s->weights,
          s->weights == 1 ? "" : "s", size_text(a, s->two_bits), size_text(b, s->base3),
          size_text(d, s->other_bytes));
}

static void print_table(struct checkpoint *c, FILE *out, const struct tensor_row *rows, int n,
                        const struct totals *s) {
  int name_width = 6, shape_width = 5;
  for (int i = 0; i < n; i++) {
    int name = (int)strlen(rows[i].t->info.name);
    int shape = (int)strlen(shape_text(c->arena, rows[i].t->info.rank, rows[i].shape));
    name_width = name > name_width ? name : name_width;
    shape_width = shape > shape_width ? shape : shape_width;
  }
  fprintf(out, "%-*s  %-5s  %-*s  %5s  %5s  %5s  %10s  %10s  %10s\n", name_width, "tensor", "type",
          shape_width, "shape", "-1 %", "0 %", "+1 %", "mean |W|", "2 bits", "1.6 bits");
  for (int i = 0; i < n; i++)
    print_row(c, out, &rows[i], name_width, shape_width);
  print_totals(out, s);
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static json_t *row_json(const struct tensor_row *r) {
  json_t *shape = json_array();
  for (int i = 0; i < r->t->info.rank; i++)
    json_array_append_new(shape, json_integer(r->shape[i]));
  json_t *o = json_pack("{s:s, s:s, s:o, s:I}", "name", r->t->info.name, "type", type_name(r), "shape", shape,
                        "bytes", (json_int_t)r->t->bytes);
  if (r->t->fault)
    json_object_set_new(o, "fault", json_string(r->t->fault));
  else if (r->matrix && r->bad_weight >= 0)
    json_object_set_new(o, "not_finite", json_integer(r->bad_weight));
  else if (r->matrix) {
    json_t *more = json_pack("{s:I, s:I, s:I, s:f, s:I, s:I}", "minus", (json_int_t)r->minus, "zero",
                             (json_int_t)(r->count - r->minus - r->plus), "plus", (json_int_t)r->plus, "mean",
                             (double)r->mean, "bytes_2_bits", (json_int_t)r->two_bits, "bytes_1_6_bits",
                             (json_int_t)r->base3);
    json_object_update(o, more);
    json_decref(more);
  }
  if (r->note)
    json_object_set_new(o, "note", json_string(r->note));
  return o;
}

static void print_json(FILE *out, const struct tensor_row *rows, int n, const struct totals *s) {
  json_t *list = json_array();
  for (int i = 0; i < n; i++)
    json_array_append_new(list, row_json(&rows[i]));
  json_t *root = json_pack("{s:o, s:{s:i, s:I, s:I, s:i, s:I, s:I, s:I, s:I}}", "tensors", list, "total",
                           "tensors", s->tensors, "values", (json_int_t)s->values, "bytes",
                           (json_int_t)s->bytes, "ternary_matrices", s->ternary, "ternary_weights",
                           (json_int_t)s->weights, "bytes_2_bits", (json_int_t)s->two_bits, "bytes_1_6_bits",
                           (json_int_t)s->base3, "other_bytes", (json_int_t)s->other_bytes);
  json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  fputc('\n', out);
  json_decref(root);
}

bool checkpoint_print(struct checkpoint *c, FILE *out, bool json) {
  int n = c->tensors.n, threads = (int)machine_processors("");
  struct tensor_row *rows = arena_array(c->arena, struct tensor_row, n);
  struct totals totals = {0};
  for (int i = 0; i < n; i++) {
    if (!fill_row(c, &c->tensors.at[i], &rows[i], threads))
      return false;
    add_row(&totals, &rows[i]);
  }
  if (json)
    print_json(out, rows, n, &totals);
  else
    print_table(c, out, rows, n, &totals);
  return true;
}
