/* past.c: operators of a random model that look back: at rows of a history or a window, at the token's
 * number. */
#include "tests/random/gen.h"

enum { LONGEST = 256 /* more than any test runs tokens */ };

static int64_t draw_past(struct gen *g) {
  bool window = below(g, 2);
  int64_t most = window ? 1 + below(g, 6) : LONGEST;
  const char *name = arena_printf(g->m->arena, "%c%lld", window ? 'W' : 'H', (long long)most);
  int64_t dim = dim_find(g->m, name);
  if (dim || !(dim = dim_add(g->m, name)))
    return dim;
  dim_of(g->m, dim)->most = most;
  dim_of(g->m, dim)->past = window ? PAST_WINDOW : PAST_HISTORY;
  return dim;
}

/* Appends the row; what the token sees then. */
static struct value *remember(struct gen *g, struct value *row, int64_t dim) {
  struct state *s = new_state(g, "past", type_lead(row->type, dim));
  s->stored = row->type.elem == ELEM_F32 && below(g, 3) == 0 ? STORE_BF16 : STORE_NONE;
  struct attrs attr = {.symbol = s->name};
  build(&g->b, OP_APPEND, 1 + (g->layer != NULL), (struct value *[]){row, g->layer}, &attr, NULL);
  return build(&g->b, OP_SEEN, g->layer != NULL, &g->layer, &attr, NULL)->out[0];
}

static struct type floats_of(int64_t a, int64_t b, int64_t c) {
  return type_make(ELEM_F32, c ? 3 : b ? 2 : 1, (int64_t[]){a, b, c});
}

/* Softmax attention of grouped queries (arXiv 2305.13245). */
static void attend(struct gen *g) {
  int64_t dim = draw_past(g), kv = 1 + below(g, 3), group = 1 + below(g, 3), d = 1 + below(g, 20);
  if (!dim)
    return;
  struct value *x = vector(g);
  struct value *q = build2(&g->b, OP_MATMUL, weight(g, floats_of(kv * group * d, x->type.dim[0], 0)), x);
  struct value *k = build2(&g->b, OP_MATMUL, weight(g, floats_of(kv * d, x->type.dim[0], 0)), x);
  struct value *v = build1(&g->b, OP_TANH, vector(g));
  q = build_reshape(&g->b, build1(&g->b, OP_TANH, q), floats_of(kv, group, d));
  struct value *ks = remember(g, build_reshape(&g->b, build1(&g->b, OP_TANH, k), floats_of(kv, 1, d)), dim);
  struct value *vs = remember(g, build_reshape(&g->b, v, floats_of(1, 1, v->type.dim[0])), dim);
  struct value *scores = build_axis(&g->b, OP_SUM, build2(&g->b, OP_MUL, q, ks), 3);
  struct value *p = build_axis(&g->b, OP_SOFTMAX, scores, 0);
  struct value *y = build_axis(&g->b, OP_SUM, build2(&g->b, OP_MUL, p, vs), 0);
  struct type t = y->type;
  keep(g, build_reshape(&g->b, y, floats_of(kv * group, t.dim[3], 0)));
}

/* The rows, weighted by how old they are; or the largest of each element. */
static void look_back(struct gen *g) {
  int64_t dim = draw_past(g);
  struct value *x = vector(g);
  if (!dim)
    return;
  struct value *rows = remember(g, x, dim), *y;
  if (below(g, 2)) {
    struct type t = type_lead(type_scalar(ELEM_F32), dim), column = type_lead(floats_of(1, 0, 0), dim);
    struct value *age = build(&g->b, OP_AGE, 0, NULL, NULL, &t)->out[0];
    struct value *weight = build1(&g->b, OP_EXP, build1(&g->b, OP_NEG, build_reshape(&g->b, age, column)));
    y = build_axis(&g->b, OP_SUM, build2(&g->b, OP_MUL, weight, rows), 0);
  } else {
    y = build_axis(&g->b, below(g, 2) ? OP_AMAX : OP_ABSMAX, rows, 0);
  }
  keep(g, build_reshape(&g->b, y, x->type));
}

/* Something that turns with the token's number. */
static void place(struct gen *g) {
  struct type one = type_scalar(ELEM_U32), real = type_scalar(ELEM_F32);
  struct value *p = build(&g->b, OP_POSITION, 0, NULL, NULL, &one)->out[0];
  p = build(&g->b, OP_CONVERT, 1, &p, NULL, &real)->out[0];
  struct value *angle = build2(&g->b, OP_MUL, p, build_const(&g->b, 0.0625, real));
  keep(g, build2(&g->b, OP_MUL, any(g), build1(&g->b, OP_TANH, angle)));
}

void look(struct gen *g) {
  static void (*const kinds[])(struct gen *) = {attend, attend, look_back, place};
  kinds[below(g, (int)(sizeof kinds / sizeof *kinds))](g);
}
