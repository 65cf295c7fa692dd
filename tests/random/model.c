/* model.c: a model grown operator by operator. A pool holds the values made so far; each step draws an
 * operator and operands that fit it, and what comes out joins the pool. Values are kept in a range where
 * little overflows, since an infinity would hide what follows it. */
#include "tests/random/gen.h"

#include "ir/layout.h"
#include <string.h>

uint64_t next_random(uint64_t *s) {
  uint64_t z = (*s += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

int below(struct gen *g, int n) {
  return (int)(next_random(&g->random) % (uint64_t)n);
}

struct value *any(struct gen *g) {
  return g->floats.at.at[below(g, g->floats.at.n)];
}

struct value *keep(struct gen *g, struct value *v) {
  struct pool *p = v->type.elem == ELEM_F32 ? &g->floats : &g->integers;
  vec_push(g->m->arena, p->at, v);
  return v;
}

static struct type f32(int rank, int64_t a, int64_t b, int64_t c) {
  return type_make(ELEM_F32, rank, (int64_t[]){a, b, c});
}

int64_t odd_size(struct gen *g) {
  static const int64_t sizes[] = {1, 2, 3, 7, 15, 16, 17, 31, 33, 48, 63, 64, 65, 96, 100, 129};
  return sizes[below(g, (int)(sizeof sizes / sizeof *sizes))];
}

struct value *vector(struct gen *g) {
  struct value *v = any(g);
  if (v->type.rank == 1)
    return v;
  return build_reshape(&g->b, v, f32(1, type_count(v->type, NULL), 0, 0));
}

/* ---- weights and states ------------------------------------------------------------------------------ */

static struct value *symbol(struct gen *g, enum opcode code, const char *name, struct type t) {
  struct attrs attr = {.symbol = name};
  return build(&g->b, code, g->layer != NULL, &g->layer, &attr, &t)->out[0];
}

static const char *fresh(struct gen *g, const char *what) {
  return arena_printf(g->m->arena, g->layer ? "layers.{}.%s%d" : "%s%d", what, g->names++);
}

struct value *weight(struct gen *g, struct type t) {
  struct weight *w = weight_add(g->m, fresh(g, "w"), t);
  if (g->layer) {
    w->n_counts = 1;
    w->counts[0] = g->layers;
  }
  if (t.elem == ELEM_TERNARY) {
    w->scale = (enum weight_scale)below(g, 3);
    if (w->scale == WSCALE_GROUP)
      w->group = 1 + below(g, (int)t.dim[1]);
  } else if (t.rank > 1) {
    w->source = (enum storage[]){STORE_F32, STORE_F16, STORE_BF16}[below(g, 3)];
  }
  return symbol(g, OP_WEIGHT, w->name, t);
}

struct state *new_state(struct gen *g, const char *what, struct type t) {
  struct state *s = state_add(g->m, fresh(g, what), t);
  if (g->layer) {
    s->n_counts = 1;
    s->counts[0] = g->layers;
  }
  return s;
}

struct value *read_state(struct gen *g, const struct state *s) {
  return symbol(g, OP_READ, s->name, s->type);
}

void write_state(struct gen *g, const struct state *s, struct value *new) {
  struct attrs attr = {.symbol = s->name};
  build(&g->b, OP_WRITE, 1 + (g->layer != NULL), (struct value *[]){new, g->layer}, &attr, NULL);
}

/* s' = f(s, x): read, mix, write; the new content joins the pool. */
static void recurrence(struct gen *g) {
  struct value *x = any(g);
  struct state *s = new_state(g, "s", x->type);
  s->init = below(g, 3) * 0.25;
  struct value *old = read_state(g, s);
  struct value *gate = build1(&g->b, OP_SIGMOID, x);
  struct value *one = build_const(&g->b, 1, f32(0, 0, 0, 0));
  struct value *rest = build2(&g->b, OP_SUB, one, gate);
  struct value *new = build2(&g->b, OP_ADD, build2(&g->b, OP_MUL, gate, old), build2(&g->b, OP_MUL, rest, x));
  if (below(g, 4) == 0) /* not linear: the scan has an operator over the whole vector in it */
    new = build1(&g->b, OP_TANH, new);
  write_state(g, s, new);
  keep(g, new);
  if (below(g, 2))
    keep(g, build2(&g->b, OP_SUB, old, new)); /* the old content is used beside the new */
}

/* A window over the last tokens, as a causal convolution has it. */
static void window(struct gen *g) {
  struct value *x = vector(g);
  int64_t n = x->type.dim[0], taps = 2 + below(g, 3);
  struct state *s = new_state(g, "window", f32(2, taps - 1, n, 0));
  struct value *old = read_state(g, s);
  struct value *row = build_reshape(&g->b, x, f32(2, 1, n, 0));
  struct attrs axis = {.axis = 0};
  struct value *all = build(&g->b, OP_CONCAT, 2, (struct value *[]){old, row}, &axis, NULL)->out[0];
  struct value *taps_weight = weight(g, f32(2, taps, n, 0));
  struct value *sum = build_axis(&g->b, OP_SUM, build2(&g->b, OP_MUL, all, taps_weight), 0);
  write_state(g, s, build_slice(&g->b, all, 0, 1, taps));
  keep(g, build_reshape(&g->b, sum, f32(1, n, 0, 0)));
}

/* A matrix state with an outer product, as HGRN2 has it. */
static void matrix_state(struct gen *g) {
  int64_t heads = 1 + below(g, 3), k = 1 + below(g, 9), v = 1 + below(g, 20);
  struct value *x = vector(g);
  struct value *keys = weight(g, f32(2, heads * k, x->type.dim[0], 0));
  struct value *values = weight(g, f32(2, heads * v, x->type.dim[0], 0));
  struct value *f = build1(&g->b, OP_SIGMOID, build2(&g->b, OP_MATMUL, keys, x));
  struct value *u = build1(&g->b, OP_TANH, build2(&g->b, OP_MATMUL, values, x));
  f = build_reshape(&g->b, f, f32(3, heads, k, 1));
  u = build_reshape(&g->b, u, f32(3, heads, 1, v));
  struct state *s = new_state(g, "matrix", f32(3, heads, k, v));
  struct value *old = read_state(g, s);
  struct value *one = build_const(&g->b, 1, f32(0, 0, 0, 0));
  struct value *new = build2(&g->b, OP_ADD, build2(&g->b, OP_MUL, f, old),
                             build2(&g->b, OP_MUL, build2(&g->b, OP_SUB, one, f), u));
  write_state(g, s, new);
  struct value *out = build_axis(&g->b, OP_SUM, build2(&g->b, OP_MUL, new, f), 1);
  keep(g, build_reshape(&g->b, out, f32(1, heads * v, 0, 0)));
}

/* ---- operators --------------------------------------------------------------------------------------- */

static void unary(struct gen *g) {
  static const enum opcode codes[] = {OP_NEG,     OP_ABS,  OP_EXP,  OP_LOG,      OP_SQRT, OP_RSQRT,
                                      OP_SIGMOID, OP_SILU, OP_TANH, OP_SOFTPLUS, OP_RELU, OP_FLOOR,
                                      OP_ROUND,   OP_GELU, OP_SIN,  OP_COS,      OP_ERF};
  enum opcode code = codes[below(g, (int)(sizeof codes / sizeof *codes))];
  struct value *x = any(g), *small = build_const(&g->b, 0.125, f32(0, 0, 0, 0));
  if (code == OP_EXP)
    x = build2(&g->b, OP_MIN, x, build_const(&g->b, 2, f32(0, 0, 0, 0)));
  if (code == OP_LOG || code == OP_SQRT || code == OP_RSQRT)
    x = build2(&g->b, OP_ADD, build1(&g->b, OP_ABS, x), small);
  struct attrs attr = {0};
  if (code == OP_ROUND)
    attr.round = (enum rounding)below(g, ROUND_COUNT);
  keep(g, build(&g->b, code, 1, &x, &attr, NULL)->out[0]);
}

/* A Hadamard transform, and a row of a table that a computed number names. */
static void transform(struct gen *g) {
  struct value *x = any(g);
  int64_t n = x->type.rank ? x->type.dim[x->type.rank - 1] : 1, block = n & -n;
  if (x->type.rank)
    keep(g,
         build(&g->b, OP_HADAMARD, 1, &x, &(struct attrs){.group = block > 16 ? 16 : block}, NULL)->out[0]);
}

/* A product by one of several matrices, of floats or ternary, with a scale and an offset chosen likewise. */
static void choose_matrix(struct gen *g, struct value *i, int64_t rows, struct value *x) {
  int64_t n = x->type.dim[0], m = odd_size(g);
  enum elem e = below(g, 3) ? ELEM_TERNARY : ELEM_F32;
  const struct type types[] = {type_make(e, 2, (int64_t[]){m, n}), f32(1, m, 0, 0)};
  struct value *made[2], *in[2] = {g->layer, i};
  for (int k = 0; k < 2; k++) {
    struct value *plain = weight(g, types[k]);
    struct weight *like = weight_find(g->m, plain->def->attr.symbol);
    struct weight *w = weight_add(g->m, arena_printf(g->m->arena, "%s.{}", like->name), types[k]);
    w->scale = like->scale;
    w->group = like->group;
    w->n_counts = like->n_counts + 1;
    w->counts[0] = like->counts[0];
    w->counts[like->n_counts] = rows;
    made[k] =
        build(&g->b, OP_WEIGHT, w->n_counts, g->layer ? in : in + 1, &(struct attrs){.symbol = w->name}, NULL)
            ->out[0];
  }
  struct attrs attr = {.bits = 8, .frac = FRAC_DYNAMIC};
  if (below(g, 3))
    x = build(&g->b, OP_QUANTIZE, 1, &x, &attr, NULL)->out[0];
  keep(g, build2(&g->b, OP_ADD, build2(&g->b, OP_MATMUL, made[0], x), made[1]));
}

static void choose_row(struct gen *g) {
  int64_t rows = 2 + below(g, 6), n = odd_size(g);
  struct value *x = any(g);
  if (x->type.rank != 1)
    x = vector(g);
  struct value *most = build_reshape(&g->b, build_axis(&g->b, OP_AMAX, x, 0), f32(0, 0, 0, 0));
  struct value *i = build(&g->b, OP_ORDINAL, 1, &most, &(struct attrs){.group = rows}, NULL)->out[0];
  if (g->chooses)
    choose_matrix(g, i, rows, x);
  else
    keep(g, build2(&g->b, OP_INDEX, weight(g, f32(2, rows, n, 0)), i));
}

/* A second operand that broadcasts with x: of the pool, a part of x, a weight, or a constant. */
static struct value *partner(struct gen *g, struct value *x) {
  for (int i = 0; i < 4; i++) {
    struct value *y = any(g);
    struct type t;
    if (type_broadcast(x->type, y->type, &t) && type_count(t, NULL) <= 4096)
      return y;
  }
  if (below(g, 2) && x->type.rank)
    return build_axis(&g->b, OP_AMAX, x, below(g, x->type.rank));
  if (below(g, 2) && x->type.rank)
    return weight(g, f32(1, x->type.dim[x->type.rank - 1], 0, 0));
  return build_const(&g->b, below(g, 9) * 0.25 - 1, f32(0, 0, 0, 0));
}

static void binary(struct gen *g) {
  static const enum opcode codes[] = {OP_ADD, OP_SUB, OP_MUL, OP_MIN, OP_MAX, OP_DIV, OP_POW};
  enum opcode code = codes[below(g, 7)];
  struct value *x = any(g), *y = partner(g, x);
  if (code == OP_POW) {
    x = build2(&g->b, OP_ADD, build1(&g->b, OP_ABS, x), build_const(&g->b, 0.25, f32(0, 0, 0, 0)));
    y = build1(&g->b, OP_TANH, y);
  }
  if (code == OP_DIV)
    y = build2(&g->b, OP_ADD, build1(&g->b, OP_ABS, y), build_const(&g->b, 0.5, f32(0, 0, 0, 0)));
  keep(g, build2(&g->b, code, x, y));
}

static void choose(struct gen *g) {
  static const enum opcode codes[] = {OP_LT, OP_LE, OP_EQ};
  struct value *x = any(g), *y = partner(g, x);
  struct value *c = build2(&g->b, codes[below(g, 3)], x, y);
  if (below(g, 3) == 0)
    keep(g, build(&g->b, OP_CONVERT, 1, &c, NULL,
                  &(struct type){
                      ELEM_F32,
                      c->type.rank,
                      {c->type.dim[0], c->type.dim[1], c->type.dim[2], c->type.dim[3], c->type.dim[4]}})
                ->out[0]);
  else
    keep(g, build3(&g->b, OP_SELECT, c, x, y));
}

static void along_axis(struct gen *g) {
  static const enum opcode codes[] = {OP_SUM, OP_AMAX, OP_ABSMAX, OP_SOFTMAX, OP_CUMSUM};
  struct value *x = any(g);
  if (x->type.rank == 0)
    return;
  struct value *y = build_axis(&g->b, codes[below(g, 5)], x, below(g, x->type.rank));
  keep(g, below(g, 2) ? y : build1(&g->b, OP_TANH, y));
}

static void norm(struct gen *g) {
  static const enum opcode codes[] = {OP_RMSNORM, OP_RMSNORM, OP_LAYERNORM, OP_L2NORM};
  struct value *x = any(g);
  if (x->type.rank == 0)
    return;
  struct attrs attr = {.eps = 1e-6};
  struct value *y = build(&g->b, codes[below(g, 4)], 1, &x, &attr, NULL)->out[0];
  keep(g, below(g, 2) ? y : build2(&g->b, OP_MUL, y, weight(g, f32(1, x->type.dim[x->type.rank - 1], 0, 0))));
}

/* Norm, quantiser, product by a ternary matrix: once or twice from one quantised vector. */
static void bitlinear(struct gen *g) {
  struct value *x = any(g);
  if (x->type.rank == 0)
    x = vector(g);
  int64_t n = x->type.dim[x->type.rank - 1];
  if (below(g, 4)) {
    struct attrs eps = {.eps = 1e-6};
    x = build(&g->b, OP_RMSNORM, 1, &x, &eps, NULL)->out[0];
    if (below(g, 2))
      x = build2(&g->b, OP_MUL, x, weight(g, f32(1, n, 0, 0)));
  }
  struct attrs attr = {.bits = below(g, 4) ? 8 : 3 + below(g, 12), .frac = FRAC_DYNAMIC};
  attr.round = (enum rounding)below(g, ROUND_COUNT);
  if (below(g, 4) == 0)
    attr.frac = below(g, 6);
  struct value *q = below(g, 8) ? build(&g->b, OP_QUANTIZE, 1, &x, &attr, NULL)->out[0] : x;
  for (int i = 1 + below(g, 3); i > 0; i--) {
    int64_t m = odd_size(g);
    enum elem e = below(g, 6) ? ELEM_TERNARY : ELEM_F32;
    keep(g, build2(&g->b, OP_MATMUL, weight(g, type_make(e, 2, (int64_t[]){m, n})), q));
  }
  if (q != x && below(g, 4) == 0)
    keep(g, build1(&g->b, OP_DEQUANTIZE, q));
}

/* Parts in another order, or one of them. */
static struct value *parted(struct gen *g, struct value *x, int axis) {
  int64_t d = x->type.dim[axis], at;
  if (d < 2)
    return NULL;
  at = 1 + below(g, (int)d - 1);
  struct value *parts[2] = {build_slice(&g->b, x, axis, at, d), build_slice(&g->b, x, axis, 0, at)};
  struct attrs attr = {.axis = axis};
  return below(g, 3) ? build(&g->b, OP_CONCAT, 2, parts, &attr, NULL)->out[0] : parts[0];
}

static struct value *as_matrix(struct gen *g, struct value *x, int64_t n) {
  for (int64_t k = 2; k <= 8; k++)
    if (n % k == 0 && below(g, 2))
      return build_reshape(&g->b, x, f32(2, k, n / k, 0));
  return NULL;
}

static struct value *repeated(struct gen *g, struct value *x) {
  struct type t = x->type;
  memmove(t.dim + 1, t.dim, sizeof *t.dim * (size_t)t.rank);
  t.dim[0] = 1 + below(g, 4);
  t.rank++;
  return build(&g->b, OP_BROADCAST, 1, &x, NULL, &t)->out[0];
}

struct value *moved(struct gen *g, struct value *x) {
  struct attrs attr = {0};
  int64_t n = type_count(x->type, NULL);
  int axis = below(g, x->type.rank);
  switch (below(g, 4)) {
  case 0: return parted(g, x, axis);
  case 1: return as_matrix(g, x, n);
  case 2:
    for (int k = 0; k < x->type.rank; k++)
      attr.perm[k] = (k + 1) % x->type.rank;
    return x->type.rank > 1 ? build(&g->b, OP_TRANSPOSE, 1, &x, &attr, NULL)->out[0] : NULL;
  default: return n <= 200 && x->type.rank < 3 ? repeated(g, x) : NULL;
  }
}

static void move(struct gen *g) {
  struct value *x = any(g), *saved = g->layer;
  if (saved && below(g, 5) == 0) { /* a row of a weight, chosen by the layer */
    g->layer = NULL;
    struct value *table = weight(g, f32(2, g->layers, odd_size(g), 0));
    g->layer = saved;
    keep(g, build2(&g->b, OP_INDEX, table, g->layer));
  } else if (x->type.rank > 0 && type_count(x->type, NULL) > 1 && (x = moved(g, x))) {
    keep(g, x);
  }
}

static void grow(struct gen *g, int operators) {
  static void (*const kinds[])(struct gen *) = {unary,     binary,    binary,     choose,       along_axis,
                                                norm,      bitlinear, move,       transform,    choose_row,
                                                bitlinear, unary,     recurrence, grow_integers};
  for (int i = 0; i < operators; i++)
    kinds[below(g, (int)(sizeof kinds / sizeof *kinds))](g);
  if (below(g, 3) == 0)
    window(g);
  if (below(g, 3) == 0)
    matrix_state(g);
  if (g->looks && below(g, 3) == 0)
    look(g);
}

/* Back to the carried shape and type. */
static struct value *carry_on(struct gen *g, struct value *carried) {
  struct value *v = vector(g);
  struct value *w = weight(g, type_make(ELEM_F32, 2, (int64_t[]){carried->type.dim[0], v->type.dim[0]}));
  return build2(&g->b, OP_ADD, carried, build1(&g->b, OP_TANH, build2(&g->b, OP_MATMUL, w, v)));
}

static struct value *carry_integer_on(struct gen *g, struct value *carried) {
  struct attrs attr = {.bits = 8 * elem_bytes(carried->type.elem)};
  return build(&g->b, OP_IADD, 2, (struct value *[]){carried, mixed_integers(g)}, &attr, NULL)->out[0];
}

enum { CARRIED = 3 };

/* Two vectors of floats and, where there are any, integers. */
static void repeat(struct gen *g) {
  struct value *in[CARRIED] = {vector(g), vector(g)}, *inside[CARRIED], *out[CARRIED];
  int64_t count = 1 + below(g, 3);
  int n = 2;
  if (g->integers.at.n && any_integer(g)->type.rank)
    in[n++] = any_integer(g);
  struct attrs attr = {.count = count};
  struct op *op = build(&g->b, OP_REPEAT, n, in, &attr, NULL);
  struct gen inner = *g;
  inner.b = builder_end(g->m, op->body);
  inner.floats = inner.integers = (struct pool){0};
  inner.layer = block_arg(g->m, op->body, type_scalar(ELEM_U32), "l");
  inner.layers = count;
  for (int i = 0; i < n; i++)
    keep(&inner, inside[i] = block_arg(g->m, op->body, in[i]->type, (const char *[]){"x", "y", "z"}[i]));
  if (below(g, 2))
    keep(&inner, any(g)); /* captured from outside */
  grow(&inner, 6);
  for (int i = 0; i < n; i++)
    out[i] = (i < 2 ? carry_on : carry_integer_on)(&inner, inside[i]);
  if (below(g, 3) == 0 && type_equal(in[0]->type, in[1]->type)) { /* carried values that change places */
    struct value *t = out[0];
    out[0] = inside[1];
    out[1] = t;
  }
  build(&inner.b, OP_YIELD, n, out, NULL, NULL);
  struct type types[CARRIED];
  for (int i = 0; i < n; i++)
    types[i] = in[i]->type;
  op_set_results(g->m, op, n, types);
  g->random = inner.random;
  g->names = inner.names;
  for (int i = 0; i < n; i++)
    keep(g, op->out[i]);
}

struct module *random_model(struct arena *a, struct diag *d, uint64_t seed) {
  struct gen g = {
      .m = module_new(a, d, "random"), .random = seed, .looks = seed % 4 == 0, .chooses = seed % 4 == 3};
  g.m->spec = "random.tern";
  dim_of(g.m, DIM_T)->most = 8;
  dim_of(g.m, DIM_B)->most = 4;
  g.m->packing = seed % 3 == 0 ? STORE_TILE3 : STORE_NONE;
  struct func *f = func_add(g.m, "step");
  g.b = builder_end(g.m, f->body);
  struct value *token = block_arg(g.m, f->body, type_scalar(ELEM_U32), "token");
  int64_t vocab = 17 + below(&g, 20);
  struct value *table = weight(&g, f32(2, vocab, odd_size(&g) + 1, 0));
  keep(&g, build2(&g.b, OP_INDEX, table, token));
  grow(&g, 3 + below(&g, 6));
  if (below(&g, 4))
    repeat(&g);
  grow(&g, below(&g, 5));
  struct value *logits;
  if (g.integers.at.n && below(&g, 4)) {
    logits = integer_logits(&g, vocab);
  } else {
    struct value *v = vector(&g);
    struct value *head = weight(&g, type_make(ELEM_F32, 2, (int64_t[]){vocab, v->type.dim[0]}));
    logits = build2(&g.b, OP_MATMUL, head, v);
  }
  build(&g.b, OP_RETURN, 1, &logits, NULL, NULL);
  return g.m;
}

/* ---- weights as a function of their name ------------------------------------------------------------- */

static uint64_t hash(const char *s) {
  uint64_t h = 14695981039346656037u;
  for (; *s; s++)
    h = (h ^ (unsigned char)*s) * 1099511628211u;
  return h;
}

/* Multiples of 1/64 in [-1, 1): exact in half and bf16. */
static bool floats(void *self, const char *name, int64_t first, int64_t count, float *out) {
  (void)self;
  for (int64_t i = 0; i < count; i++) {
    uint64_t s = hash(name) + (uint64_t)(first + i);
    out[i] = (float)((int)(next_random(&s) % 128) - 64) / 64;
  }
  return true;
}

static bool codes_by_name(void *self, const char *name, const struct weight *w, int8_t *codes,
                          float *scales) {
  (void)self;
  uint64_t s = hash(name);
  int64_t n = type_count(w->type, NULL), count = weight_scale_count(w);
  int bits = elem_code_bits(w->type.elem);
  for (int64_t i = 0; i < n; i++)
    codes[i] = bits ? (int8_t)((int)(next_random(&s) % (1u << bits)) - (1 << (bits - 1)))
                    : (int8_t)((int)(next_random(&s) % 3) - 1);
  for (int64_t i = 0; i < count; i++)
    scales[i] = 1.0f / (0.01f + (float)(next_random(&s) % 1000) / 1000);
  return true;
}

/* What the weights have become, their uses become too. */
static void retype(struct op *op, void *module) {
  if (op->code == OP_WEIGHT)
    op->out[0]->type = weight_find(module, op->attr.symbol)->type;
}

void random_wide_codes(struct module *m) {
  static const enum elem elems[] = {ELEM_TERNARY, ELEM_W8, ELEM_W4, ELEM_W8, ELEM_W3, ELEM_W2};
  enum { MOST = 511 }; /* columns whose products with int16 fit 32 bits */
  for (struct weight *w = m->weights; w; w = w->next)
    if (w->type.elem == ELEM_TERNARY && w->type.dim[1] <= MOST)
      w->type.elem = elems[hash(w->name) % 6];
  for (struct func *f = m->funcs; f; f = f->next)
    walk(f->body, retype, m);
}

struct weight_source random_source(void) {
  return (struct weight_source){NULL, floats, codes_by_name};
}
