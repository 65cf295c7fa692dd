/* optimise.c: the entries that change what is trained: `norm`, `update` and `ternarize`.
 *
 * requires   `train`, as differentiate leaves it: weights that are trained, and states @grad.NAME.
 * maintains  all functions.
 * breaks     nothing. Every weight that `step` uses has its role. A ternary weight @w gets a master, the
 * weight @master.w of floats, which is the same tensor of the checkpoint. Every trained weight of floats,
 * masters too, gets two states of its shape: @mean.NAME and @square.NAME, kept as bfloat16 where that is
 * asked for.
 *
 * norm() -> squares f32[1]
 *
 *            The sum of the squares of all gradients.
 *
 * update(rates f32[8])
 *
 *            One step of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2), after which all
 *            gradients are 0:
 *
 *              g = grad * clip
 *              m = m + (1 - beta1) * (g - m)
 *              v = v + (1 - beta2) * (g * g - v)
 *              w = w - rate * ((m * c1) / (sqrt(v * c2) + epsilon) + decay * w)
 *
 *            The eight rates, in order: rate, 1 - beta1, 1 - beta2, epsilon, decay, c1 = 1 / (1 - beta1^t),
 *            c2 = 1 / (1 - beta2^t) for step t from 1, clip. By their roles (roles.c) matrices and filters
 *            decay; gains, biases, and tables whose rows tokens look up do not.
 *
 * ternarize()
 *
 *            Codes and scales of every ternary weight, from its master: to be called before the first step
 *            and after every update. */
#include "passes/pass.h"
#include "passes/rewrite.h"
#include "passes/training/derivative.h"
#include "passes/training/roles.h"

#include <string.h>

enum rate { RATE, BETA1, BETA2, EPSILON, DECAY, CORRECT1, CORRECT2, CLIP, RATES };

/* ---- nests: one for all instances of a weight ---------------------------------------------------------- */

/* Repeats around operators, one a count; each hands on the values in `carried`, the innermost as arguments.
 */
struct nest {
  struct module *m;
  struct builder inside;
  struct op *repeat[MAX_REPEATS];
  int depth, n;
  struct value *index[MAX_REPEATS];
  struct value *carried; /* or NULL */
};

static void nest_open(struct nest *x, struct module *m, struct builder at, const struct weight *w,
                      struct value *carried) {
  *x = (struct nest){.m = m, .inside = at, .carried = carried, .n = carried != NULL};
  for (; x->depth < w->n_counts; x->depth++) {
    struct attrs attr = {.count = w->counts[x->depth]};
    struct op *repeat = build(&x->inside, OP_REPEAT, x->n, &x->carried, &attr, NULL);
    x->repeat[x->depth] = repeat;
    x->index[x->depth] = block_arg(m, repeat->body, type_scalar(ELEM_U32), "l");
    if (x->carried)
      x->carried = block_arg(m, repeat->body, x->carried->type, x->carried->name);
    x->inside = builder_end(m, repeat->body);
    x->inside.at = at.at;
  }
}

/* What the innermost body hands on; the value after all of them. */
static struct value *nest_close(struct nest *x, struct value *carried) {
  while (x->depth > 0) {
    struct op *repeat = x->repeat[--x->depth];
    build(&x->inside, OP_YIELD, x->n, &carried, NULL, NULL);
    if (!carried)
      op_set_results(x->m, repeat, 0, NULL);
    else
      op_set_results(x->m, repeat, 1, &carried->type);
    x->inside = builder_end(x->m, repeat->block);
    carried = carried ? repeat->out[0] : NULL;
  }
  return carried;
}

static struct value *fetch(struct nest *x, enum opcode code, const char *symbol) {
  return build(&x->inside, code, x->depth, x->index, &(struct attrs){.symbol = symbol}, NULL)->out[0];
}

static void put(struct nest *x, enum opcode code, struct value *v, const char *symbol) {
  struct value *in[1 + MAX_REPEATS] = {v};
  for (int i = 0; i < x->depth; i++)
    in[1 + i] = x->index[i];
  build(&x->inside, code, 1 + x->depth, in, &(struct attrs){.symbol = symbol}, NULL);
}

/* ---- weights ------------------------------------------------------------------------------------------- */

/* A weight of floats that is trained, and the states beside it. */
struct trained_weight {
  struct weight *w;
  const char *gradient, *mean, *square;
  bool decays;
};
typedef VEC(struct trained_weight) trained_list;

static const char *tensor_of(const struct weight *w) {
  return w->tensor ? w->tensor : w->name;
}

static struct weight *master_of(struct module *m, struct weight *w) {
  if (w->type.elem != ELEM_TERNARY)
    return w;
  struct weight *master =
      weight_add(m, arena_printf(m->arena, "master.%s", w->name), cotangent_type(w->type));
  if (!master)
    return NULL;
  master->tensor = tensor_of(w);
  master->n_counts = w->n_counts;
  memcpy(master->counts, w->counts, sizeof w->counts);
  master->at = w->at;
  master->trained = true;
  master->role = w->role;
  master->begins = w->begins;
  return master;
}

/* A tensor that stands for floats at one place and codes at another would become two, and each learn by
 * itself. */
static bool has_one_role(struct module *m, const struct weight *w) {
  for (const struct weight *other = m->weights; other != w; other = other->next)
    if (other->trained && strcmp(tensor_of(other), tensor_of(w)) == 0) {
      diag_at(m->diag, SEVERITY_ERROR, w->at,
              "the tensor '%s' is a ternary matrix at one place and floats at another, and cannot be trained "
              "as both; "
              "give each place a tensor of its own",
              tensor_of(w));
      return false;
    }
  return true;
}

static bool find_trained(struct module *m, trained_list *list) {
  struct weight *last = m->last_weight;
  for (struct weight *w = m->weights; w; w = w == last ? NULL : w->next) {
    const char *gradient = arena_printf(m->arena, "grad.%s", w->name);
    if (!w->trained || !state_find(m, gradient))
      continue;
    if (!has_one_role(m, w))
      return false;
    struct trained_weight t = {.gradient = gradient,
                               .mean = arena_printf(m->arena, "mean.%s", w->name),
                               .square = arena_printf(m->arena, "square.%s", w->name),
                               .decays = w->role == ROLE_MATRIX || w->role == ROLE_FILTER};
    t.w = master_of(m, w);
    if (!t.w) {
      diag_at(m->diag, SEVERITY_ERROR, w->at, "the weight '%s' has a master already", w->name);
      return false;
    }
    state_like(m, t.mean, t.w->type, w->n_counts, w->counts, w->at);
    state_like(m, t.square, t.w->type, w->n_counts, w->counts, w->at);
    vec_push(m->arena, *list, t);
  }
  return true;
}

/* ---- the entries --------------------------------------------------------------------------------------- */

/* The sum over all axes, f32[1]. */
static struct value *sum_all(struct builder *b, struct value *x) {
  for (int k = x->type.rank - 1; k >= 0; k--)
    x = build_axis(b, OP_SUM, x, k);
  return build_reshape(b, x, type_make(ELEM_F32, 1, (int64_t[]){1}));
}

static void make_norm(struct module *m, const trained_list *list) {
  struct func *f = func_add(m, "norm");
  struct builder b = builder_end(m, f->body);
  struct value *sum = build_const(&b, 0, type_make(ELEM_F32, 1, (int64_t[]){1}));
  for (int i = 0; i < list->n; i++) {
    struct nest x;
    nest_open(&x, m, builder_end(m, f->body), list->at[i].w, sum);
    struct value *g = fetch(&x, OP_READ, list->at[i].gradient);
    struct value *squares = sum_all(&x.inside, build2(&x.inside, OP_MUL, g, g));
    sum = nest_close(&x, build2(&x.inside, OP_ADD, x.carried, squares));
  }
  b = builder_end(m, f->body);
  build(&b, OP_RETURN, 1, &sum, NULL, NULL);
  vec_push(m->arena, f->results, (struct result){.name = "squares", .updates = -1});
}

/* a + share * (b - a) */
static struct value *towards(struct builder *b, struct value *from, struct value *to, struct value *share) {
  return build2(b, OP_ADD, from, build2(b, OP_MUL, share, build2(b, OP_SUB, to, from)));
}

static void update_one(struct nest *x, const struct trained_weight *t, struct value *const *rate) {
  struct builder *b = &x->inside;
  struct value *w = fetch(x, OP_WEIGHT, t->w->name);
  struct value *g = build2(b, OP_MUL, fetch(x, OP_READ, t->gradient), rate[CLIP]);
  struct value *mean = towards(b, fetch(x, OP_READ, t->mean), g, rate[BETA1]);
  struct value *square = towards(b, fetch(x, OP_READ, t->square), build2(b, OP_MUL, g, g), rate[BETA2]);
  struct value *root = build1(b, OP_SQRT, build2(b, OP_MUL, square, rate[CORRECT2]));
  struct value *step =
      build2(b, OP_DIV, build2(b, OP_MUL, mean, rate[CORRECT1]), build2(b, OP_ADD, root, rate[EPSILON]));
  if (t->decays)
    step = build2(b, OP_ADD, step, build2(b, OP_MUL, w, rate[DECAY]));
  put(x, OP_WRITE, mean, t->mean);
  put(x, OP_WRITE, square, t->square);
  put(x, OP_DEFINE, build2(b, OP_SUB, w, build2(b, OP_MUL, step, rate[RATE])), t->w->name);
  put(x, OP_WRITE, build_const(b, 0, t->w->type), t->gradient);
}

static void make_update(struct module *m, const trained_list *list) {
  struct func *f = func_add(m, "update");
  struct builder b = builder_end(m, f->body);
  struct value *rates = block_arg(m, f->body, type_make(ELEM_F32, 1, (int64_t[]){RATES}), "rates"),
               *rate[RATES];
  for (int k = 0; k < RATES; k++)
    rate[k] = build_reshape(&b, build_slice(&b, rates, 0, k, k + 1), type_scalar(ELEM_F32));
  for (int i = 0; i < list->n; i++) {
    struct nest x;
    nest_open(&x, m, builder_end(m, f->body), list->at[i].w, NULL);
    update_one(&x, &list->at[i], rate);
    nest_close(&x, NULL);
  }
  b = builder_end(m, f->body);
  build(&b, OP_RETURN, 0, NULL, NULL, NULL);
}

static void make_ternarize(struct module *m) {
  struct func *f = func_add(m, "ternarize");
  for (struct weight *w = m->weights; w; w = w->next) {
    const struct weight *master = weight_find(m, arena_printf(m->arena, "master.%s", w->name));
    if (!w->trained || w->type.elem != ELEM_TERNARY || !master)
      continue;
    struct nest x;
    nest_open(&x, m, builder_end(m, f->body), w, NULL);
    put(&x, OP_DEFINE, fetch(&x, OP_WEIGHT, master->name), w->name);
    nest_close(&x, NULL);
  }
  struct builder b = builder_end(m, f->body);
  build(&b, OP_RETURN, 0, NULL, NULL, NULL);
}

bool pass_optimise(struct module *m, const struct pass_context *c) {
  trained_list list = {0};
  if (!func_find(m, "train")) {
    diag_error(m->diag,
               "optimise: there is no function 'train' whose gradients there are; differentiate makes it");
    return false;
  }
  if (func_find(m, "update"))
    return true;
  find_roles(m);
  if (!find_trained(m, &list))
    return false;
  for (int i = 0; i < list.n; i++)
    state_find(m, list.at[i].mean)->stored = state_find(m, list.at[i].square)->stored = c->moments;
  make_norm(m, &list);
  make_update(m, &list);
  make_ternarize(m);
  return true;
}
