/* weight_stream.c: the words of the weight image, made by running the schedule with numbers in place of
 * counters. */
#include "backends/hardware/streaming/weight_stream.h"

#include "backends/hardware/library/weight_words.h"
#include "backends/lower/facts.h"
#include <stdlib.h>
#include <string.h>

struct stream {
  const struct hw_design *h;
  struct diag *d;
  const struct weight_source *source;
  struct interp *in;
  FILE *out;
  uint8_t *record; /* of one iteration */
  int8_t *codes;   /* the matrix of `held` */
  const struct weight *held;
  int64_t held_instance, room;
  int8_t *lanes;
  /* where the evaluation stands: */
  int64_t i, j, token;
  const struct hw_phase *phase;
  int64_t at[MAX_LEVELS]; /* of the phase's levels: counts of their counters */
  int lane;
};

/* ---- indices --------------------------------------------------------------------------------------- */

static int64_t variable(const struct stream *s, const struct loop *loop) {
  for (int k = 0; k < s->phase->n_levels; k++) {
    const struct hw_level *v = s->phase->levels[k];
    if (v->loop == loop)
      return v->wide ? s->at[k] * s->phase->lanes + s->lane : s->at[k];
  }
  return 0;
}

static int64_t evaluate(const struct stream *s, const struct index *x) {
  int64_t a = x->a ? evaluate(s, x->a) : 0, b = x->b ? evaluate(s, x->b) : 0;
  switch (x->kind) {
  case INDEX_CONST: return x->constant;
  case INDEX_VAR: return variable(s, x->loop);
  case INDEX_I: return s->i;
  case INDEX_J: return s->j;
  case INDEX_DIM: return 1;
  case INDEX_ADD: return a + b;
  case INDEX_SUB: return a - b;
  case INDEX_MUL: return a * b;
  case INDEX_DIV: return a / b;
  case INDEX_MOD: return a % b;
  case INDEX_MIN: return a < b ? a : b;
  case INDEX_MAX: return a > b ? a : b;
  default: return s->token;
  }
}

/* ---- records --------------------------------------------------------------------------------------- */

/* The weight that a buffer is an instance of, and which at the present repeat indices. */
static const struct weight *weight_of(const struct stream *s, const struct buffer *b, int64_t *instance) {
  for (const struct weight *w = s->h->module->weights; w; w = w->next) {
    int64_t from = b->offset - w->offset, all = weight_instances(w);
    if (w->stored == STORE_NONE || w->offset < 0 || type_count(w->type, NULL) != b->elements)
      continue;
    bool here = w->stride ? from >= 0 && from % w->stride == 0 && from / w->stride < all : from == 0;
    if (!here)
      continue;
    *instance = w->stride ? (from + s->i * b->stride_i + s->j * b->stride_j) / w->stride : 0;
    return w;
  }
  return NULL;
}

static int64_t number_of(const struct tensor *t, int64_t k) {
  switch (t->type.elem) {
  case ELEM_I8: return t->i8[k];
  case ELEM_I16: return t->i16[k];
  case ELEM_BOOL: return t->boolean[k];
  default: return t->i32[k];
  }
}

static void put_bits(uint8_t *record, int64_t at, int64_t bits, int64_t value) {
  for (int64_t k = 0; k < bits; k++)
    if (value >> k & 1)
      record[(at + k) / 8] |= (uint8_t)(1u << (at + k) % 8);
}

static bool lane_runs(const struct stream *s) {
  for (int k = 0; k < s->phase->n_levels; k++) {
    const struct hw_level *v = s->phase->levels[k];
    if (v->wide && s->at[k] * s->phase->lanes + s->lane >= v->extent)
      return false;
  }
  return true;
}

static bool put_field(struct stream *s, const struct hw_node *n) {
  int64_t instance, bits = format_bits(n->expr->buffer->format);
  const struct weight *w = weight_of(s, n->expr->buffer, &instance);
  const struct tensor *t = w ? interp_weight(s->in, w, instance) : NULL;
  if (!w)
    diag_at(s->d, SEVERITY_ERROR, n->expr->at, "'%s' has no place among the stored weights",
            n->expr->buffer->name);
  if (!t)
    return false;
  for (s->lane = 0; s->lane < (n->wide ? s->phase->lanes : 1); s->lane++)
    if (lane_runs(s))
      put_bits(s->record, n->field + s->lane * bits, bits, number_of(t, evaluate(s, n->index)));
  s->lane = 0;
  return true;
}

static bool put_record(struct stream *s) {
  size_t bytes = (size_t)(s->phase->words * s->h->word_bits / 8);
  bool ok = true;
  if (!bytes)
    return true;
  memset(s->record, 0, bytes);
  for (int i = 0; ok && i < s->phase->nodes.n; i++)
    if (s->phase->nodes.at[i]->kind == HW_NODE_WEIGHT)
      ok = put_field(s, s->phase->nodes.at[i]);
  fwrite(s->record, 1, bytes, s->out);
  return ok;
}

/* All iterations of the loops that the phase issues itself. */
static bool put_iterations(struct stream *s, int level) {
  if (level == s->phase->n_levels)
    return put_record(s);
  bool ok = true;
  for (int64_t n = 0; ok && n < s->phase->levels[level]->steps; n++) {
    s->at[level] = n;
    ok = put_iterations(s, level + 1);
  }
  return ok;
}

static const struct hw_loop *loop_at(const struct hw_unit *u, int phase, int outer) {
  for (int i = 0; i < u->loops.n; i++)
    if (u->loops.at[i].first == phase && u->loops.at[i].outer == outer)
      return &u->loops.at[i];
  return NULL;
}

/* Phases `first` to `last`, which lie in `depth` loops, the innermost of them number `outer`. */
static bool put_phases(struct stream *s, const struct hw_unit *u, int first, int last, int outer, int depth,
                       int64_t *counts) {
  bool ok = true;
  for (int k = first; ok && k <= last;) {
    const struct hw_loop *loop = loop_at(u, k, outer);
    if (loop) {
      for (int64_t n = 0; ok && n < loop->level->steps; n++) {
        counts[depth] = n;
        ok = put_phases(s, u, loop->first, loop->last, (int)(loop - u->loops.at), depth + 1, counts);
      }
      k = loop->last + 1;
      continue;
    }
    s->phase = u->phases.at[k++];
    memcpy(s->at, counts, sizeof *counts * MAX_LEVELS);
    ok = put_iterations(s, s->phase->n_outer);
  }
  return ok;
}

static bool put_kernel(struct stream *s, const struct hw_unit *u) {
  int64_t counts[MAX_LEVELS] = {0};
  return !u->words || put_phases(s, u, 0, u->phases.n - 1, -1, 0, counts);
}

/* ---- sums ------------------------------------------------------------------------------------------ */

static bool read_part(struct stream *s, const struct weight *w, int64_t instance, int8_t *codes) {
  struct arena a = {0};
  float *scales = arena_array(&a, float, type_count(w->type, NULL));
  const char *name = weight_tensor(&a, w, instance);
  bool ok = s->source->codes(s->source->self, name, w, codes, scales);
  arena_free(&a);
  return ok;
}

/* The matrix; that of the sum before stays at hand. */
static bool read_matrix(struct stream *s, const struct weight *w, int64_t instance) {
  int64_t n = type_count(w->type, NULL);
  if (s->held == w && s->held_instance == instance)
    return true;
  if (n > s->room) {
    s->codes = xrealloc(s->codes, (size_t)n);
    s->room = n;
  }
  s->held = w;
  s->held_instance = instance;
  if (w->origin != WEIGHT_MERGED)
    return read_part(s, w, instance, s->codes);
  int8_t *codes = s->codes;
  for (int i = 0; i < w->n_parts; i++) {
    const struct weight *part = weight_find(s->h->module, w->parts[i]);
    if (!read_part(s, part, instance, codes))
      return false;
    codes += type_count(part->type, NULL);
  }
  return true;
}

static bool put_sum(struct stream *s, const struct hw_unit *u) {
  const struct weight *w = u->weight;
  const struct buffer *b = u->kernel->weight;
  int64_t instance =
      w->stride ? (b->offset - w->offset + s->i * b->stride_i + s->j * b->stride_j) / w->stride : 0;
  int lanes = s->h->options.lanes;
  uint8_t word[256];
  if (!read_matrix(s, w, instance))
    return false;
  enum word_packing packing = s->h->options.packing == STORE_TILE3 ? WORD_TRITS : WORD_PAIRS;
  for (int64_t c = 0; c < u->chunks; c++)
    for (int64_t r = 0; r < u->m; r++) {
      for (int k = 0; k < lanes; k++) {
        int64_t column = c * lanes + k - u->skipped;
        bool there = column >= 0 && column < u->columns;
        s->lanes[k] = there ? s->codes[r * u->n + u->first_column + column] : 0;
      }
      word_pack(packing, lanes, s->lanes, word);
      fwrite(word, 1, (size_t)word_bytes(packing, lanes), s->out);
    }
  return true;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static bool put_row(struct stream *s, const struct hw_row *r) {
  s->i = r->i;
  s->j = r->j;
  return r->unit->kind == HW_UNIT_SUM ? put_sum(s, r->unit) : put_kernel(s, r->unit);
}

static bool put_all(struct stream *s) {
  const struct hw_design *h = s->h;
  bool ok = true;
  for (int k = 0; ok && k < h->prefix_rows; k++)
    for (s->token = 0; ok && s->token < h->table_rows; s->token++)
      ok = put_row(s, &h->rows.at[k]);
  s->token = 0;
  for (int k = h->prefix_rows; ok && k < h->rows.n; k++) {
    int times = h->rows.at[k].unit->kind == HW_UNIT_SUM ? 1 : h->options.sequences;
    for (int n = 0; ok && n < times; n++)
      ok = put_row(s, &h->rows.at[k]);
  }
  return ok;
}

static size_t largest_record(const struct hw_design *h) {
  size_t most = 1;
  for (int i = 0; i < h->units.n; i++)
    for (int k = 0; k < h->units.at[i]->phases.n; k++) {
      size_t bytes = (size_t)(h->units.at[i]->phases.at[k]->words * h->word_bits / 8);
      most = bytes > most ? bytes : most;
    }
  return most;
}

bool stream_write(const struct hw_design *h, struct diag *d, const struct weight_source *source,
                  struct interp *in, FILE *out) {
  struct stream s = {.h = h, .d = d, .source = source, .in = in, .out = out};
  s.record = xmalloc(largest_record(h));
  s.lanes = xmalloc((size_t)h->options.lanes);
  bool ok = put_all(&s);
  free(s.record);
  free(s.lanes);
  free(s.codes);
  return ok;
}
