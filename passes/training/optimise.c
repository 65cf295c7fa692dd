/* optimise.c: the entries that change what is trained: `norm`, `update` and `ternarize`.
 *
 * requires   `train`, as differentiate leaves it: weights that are trained, and states @grad.NAME.
 * maintains  all functions.
 * breaks     nothing. Every weight that `step` uses has its role. A ternary weight @w gets a master, the
 * weight @master.w of floats, which is the same tensor of the checkpoint. Every trained weight of floats,
 * masters too, gets two states of its shape: @mean.NAME and @square.NAME, kept as bfloat16 where that is
 * asked for, or in blocks of codes of 8 bits, beside whose states stand @mean_scale.NAME and
 * @square_scale.NAME (moments.c). Where masters of 16 bits are asked for, they and the tables that tokens
 * look up are weights whose numbers are stored as bfloat16 (`source bf16`).
 *
 * norm() -> squares f32[1]
 *
 *            The sum of the squares of all gradients.
 *
 * update(rates f32[8]), or update(rates f32[8], seeds u32[N])
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
 *            What is kept in 16 or 8 bits is rounded by chance (`dither`), of which each instance of it has a
 *            seed of its own: those of a weight's numbers, of its means, of the roots of its squares, weight
 *            by weight. The caller gives others at every step.
 *
 *            Where gradients are to be consumed, `train` takes the same arguments behind its own, updates the
 *            ternary matrices of layers itself (consume.c), and gives
 *
 *              train(...) -> loss f32[1], squares f32[1]
 *
 *            with the sum of the squares of their gradients; `norm` and `update` are then for all others.
 *
 * ternarize()
 *
 *            Codes and scales of every ternary weight, from its master: to be called before the first step
 *            and after every update. */
#include "passes/pass.h"
#include "passes/rewrite.h"
#include "passes/training/derivative.h"
#include "passes/training/optimiser.h"
#include "passes/training/roles.h"

#include <string.h>

enum { BF16_BITS = 8 /* significant ones of a bfloat16 */ };
enum rate { RATE, BETA1, BETA2, EPSILON, DECAY, CORRECT1, CORRECT2, CLIP, RATES = OPTIMISE_RATES };

/* ---- weights ------------------------------------------------------------------------------------------- */

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

static const char *state_name(struct module *m, const char *kind, const struct weight *w) {
  return arena_printf(m->arena, "%s.%s", kind, w->name);
}

/* Numbers of masters, and of tables that tokens look up, may have 16 bits; others are few, or factors of
 * float products, whose kernels take float32. */
static bool is_halved(const struct trained_weight *t, const struct weight *w, enum storage masters) {
  return masters == STORE_BF16 && (t->w != w || (w->role == ROLE_TABLE && w->type.rank >= 2));
}

/* `seeds`: how many there are so far. */
static bool add_trained(struct module *m, struct weight *w, const struct pass_context *c, int64_t *seeds,
                        struct trained_weight *t) {
  *t = (struct trained_weight){.gradient = state_name(m, "grad", w),
                               .mean = state_name(m, "mean", w),
                               .square = state_name(m, "square", w),
                               .mean_scale = state_name(m, "mean_scale", w),
                               .square_scale = state_name(m, "square_scale", w),
                               .decays = w->role == ROLE_MATRIX || w->role == ROLE_FILTER,
                               .w = master_of(m, w),
                               .weight_seeds = -1};
  if (!t->w) {
    diag_at(m->diag, SEVERITY_ERROR, w->at, "the weight '%s' has a master already", w->name);
    return false;
  }
  int64_t n = weight_instances(w);
  moments_add(m, t, c->moments);
  if (is_halved(t, w, c->masters)) {
    t->w->source = STORE_BF16;
    t->weight_seeds = *seeds;
    *seeds += n;
  }
  t->mean_seeds = *seeds;
  t->square_seeds = *seeds + n;
  *seeds += t->block ? 2 * n : 0;
  return true;
}

static bool find_trained(struct module *m, const struct pass_context *c, trained_list *list, int64_t *seeds) {
  struct weight *last = m->last_weight;
  for (struct weight *w = m->weights; w; w = w == last ? NULL : w->next) {
    struct trained_weight t;
    if (!w->trained || !state_find(m, state_name(m, "grad", w)))
      continue;
    if (!has_one_role(m, w) || !add_trained(m, w, c, seeds, &t))
      return false;
    vec_push(m->arena, *list, t);
  }
  return true;
}

/* ---- the entries --------------------------------------------------------------------------------------- */

struct value *optimise_sum(struct builder *b, struct value *x) {
  for (int k = x->type.rank - 1; k >= 0; k--)
    x = build_axis(b, OP_SUM, x, k);
  return build_reshape(b, x, type_make(ELEM_F32, 1, (int64_t[]){1}));
}

struct value *optimise_gradient(struct nest *x, const struct trained_weight *t) {
  if (!t->consumed)
    return nest_fetch(x, OP_READ, t->gradient);
  return build(&x->inside, OP_READ, 0, NULL, &(struct attrs){.symbol = t->gradient}, NULL)->out[0];
}

static void clear_gradient(struct nest *x, const struct trained_weight *t) {
  struct value *zero = build_const(&x->inside, 0, t->w->type);
  if (t->consumed)
    build(&x->inside, OP_WRITE, 1, &zero, &(struct attrs){.symbol = t->gradient}, NULL);
  else
    nest_put(x, OP_WRITE, zero, t->gradient);
}

static void make_norm(struct module *m, const trained_list *list) {
  struct func *f = func_add(m, "norm");
  struct builder b = builder_end(m, f->body);
  struct value *sum = build_const(&b, 0, type_make(ELEM_F32, 1, (int64_t[]){1}));
  for (int i = 0; i < list->n; i++) {
    struct nest x;
    if (list->at[i].consumed)
      continue;
    nest_open(&x, m, builder_end(m, f->body), list->at[i].w, sum);
    struct value *g = nest_fetch(&x, OP_READ, list->at[i].gradient);
    struct value *squares = optimise_sum(&x.inside, build2(&x.inside, OP_MUL, g, g));
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

/* The new numbers of the weight, in its shape. */
static void define(struct nest *x, const struct trained_weight *t, struct value *v) {
  if (t->weight_seeds >= 0)
    v = nest_dither(x, t->w, t->weight_seeds, v, BF16_BITS);
  nest_put(x, OP_DEFINE, t->block ? build_reshape(&x->inside, v, t->w->type) : v, t->w->name);
}

void optimise_update(struct nest *x, const struct trained_weight *t, struct value *const *rate) {
  struct builder *b = &x->inside;
  struct value *w = moments_shape(x, t, nest_fetch(x, OP_WEIGHT, t->w->name));
  struct value *g = moments_shape(x, t, optimise_gradient(x, t));
  g = build2(b, OP_MUL, g, rate[CLIP]);
  struct value *mean = towards(b, moments_mean(x, t), g, rate[BETA1]);
  struct value *square = towards(b, moments_square(x, t), build2(b, OP_MUL, g, g), rate[BETA2]);
  struct value *root = build1(b, OP_SQRT, build2(b, OP_MUL, square, rate[CORRECT2]));
  struct value *step =
      build2(b, OP_DIV, build2(b, OP_MUL, mean, rate[CORRECT1]), build2(b, OP_ADD, root, rate[EPSILON]));
  if (t->decays)
    step = build2(b, OP_ADD, step, build2(b, OP_MUL, w, rate[DECAY]));
  moments_keep(x, t, mean, square);
  define(x, t, build2(b, OP_SUB, w, build2(b, OP_MUL, step, rate[RATE])));
  clear_gradient(x, t);
}

/* A weight that stands in no repeat gets one of its own: fuse then makes a kernel of its own for it, of which
 * threads share the rows. */
static struct op *stand_alone(struct module *m, struct func *f, const struct weight *w) {
  struct builder b = builder_end(m, f->body);
  if (w->n_counts)
    return NULL;
  struct op *repeat = build(&b, OP_REPEAT, 0, NULL, &(struct attrs){.count = 1}, NULL);
  block_arg(m, repeat->body, type_scalar(ELEM_U32), "l");
  return repeat;
}

static void update_all(struct module *m, struct func *f, const struct trained_weight *t, struct value *seeds,
                       struct value *const *rate) {
  struct op *alone = stand_alone(m, f, t->w);
  struct nest x;
  nest_open(&x, m, builder_end(m, alone ? alone->body : f->body), t->w, NULL);
  x.seeds = seeds;
  optimise_update(&x, t, rate);
  nest_close(&x, NULL);
  if (!alone)
    return;
  build(&x.inside, OP_YIELD, 0, NULL, NULL, NULL);
  op_set_results(m, alone, 0, NULL);
}

struct value *optimise_arguments(struct module *m, struct func *f, struct builder b, int64_t n_seeds,
                                 struct value **rate) {
  struct value *rates = block_arg(m, f->body, type_make(ELEM_F32, 1, (int64_t[]){RATES}), "rates"),
               *seeds = NULL;
  if (n_seeds)
    seeds = block_arg(m, f->body, type_make(ELEM_U32, 1, &n_seeds), "seeds");
  for (int k = 0; k < RATES; k++)
    rate[k] = build_reshape(&b, build_slice(&b, rates, 0, k, k + 1), type_scalar(ELEM_F32));
  return seeds;
}

static void make_update(struct module *m, const trained_list *list, int64_t n_seeds) {
  struct func *f = func_add(m, "update");
  struct value *rate[RATES];
  struct value *seeds = optimise_arguments(m, f, builder_end(m, f->body), n_seeds, rate);
  for (int i = 0; i < list->n; i++)
    if (!list->at[i].consumed)
      update_all(m, f, &list->at[i], seeds, rate);
  struct builder b = builder_end(m, f->body);
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
    nest_put(&x, OP_DEFINE, nest_fetch(&x, OP_WEIGHT, master->name), w->name);
    nest_close(&x, NULL);
  }
  struct builder b = builder_end(m, f->body);
  build(&b, OP_RETURN, 0, NULL, NULL, NULL);
}

bool pass_optimise(struct module *m, const struct pass_context *c) {
  trained_list list = {0};
  int64_t seeds = 0;
  if (!func_find(m, "train")) {
    diag_error(m->diag,
               "optimise: there is no function 'train' whose gradients there are; differentiate makes it");
    return false;
  }
  if (func_find(m, "update"))
    return true;
  find_roles(m);
  if (!find_trained(m, c, &list, &seeds))
    return false;
  if (c->consume && !consume_gradients(m, list.n, list.at, seeds))
    return false;
  make_norm(m, &list);
  make_update(m, &list, seeds);
  make_ternarize(m);
  return true;
}
