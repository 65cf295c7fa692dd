/* consume.c: gradients that are used up layer by layer, inside of `train`.
 *
 * The gradient of a ternary matrix of layer l is whole when the repeat that goes back has left the layer, and
 * nothing of the call reads the matrix's master. So the layer's numbers are updated there, and the gradient
 * needs room for one layer. What that asks of a caller: one call is one step, and how much gradients are
 * scaled down is known before it. */
#include "passes/training/derivative.h"
#include "passes/training/optimiser.h"

#include <string.h>

#define SQUARES "sum.squares" /* the state; its prefix says that it is of no value between calls */

/* What adds to a gradient. */
struct additions {
  const char *state;
  VEC(struct op *) list;
  struct arena *arena;
  bool fits; /* all are OUTER in one repeat, at its index */
};

static void note_addition(struct op *op, void *data) {
  struct additions *a = data;
  if (!op->attr.symbol || strcmp(op->attr.symbol, a->state) != 0)
    return;
  const struct op *repeat = op->block->parent;
  a->fits &= op->code == OP_OUTER && op_is(repeat, OP_REPEAT) && !repeat->block->parent && op->n_in == 3 &&
             op->in[2] == op->block->args[0] && (!a->list.n || a->list.at[0]->block == op->block);
  vec_push(a->arena, a->list, op);
}

/* The gradient has room for one instance from now on. Its block; NULL: it cannot. */
static struct block *take_gradient(struct module *m, const struct func *f, struct trained_weight *t) {
  struct additions a = {.state = t->gradient, .arena = m->arena, .fits = true};
  walk(f->body, note_addition, &a);
  if (!a.list.n || !a.fits || t->w->n_counts != 1 || strncmp(t->w->name, "master.", 7) != 0)
    return NULL;
  for (int i = 0; i < a.list.n; i++)
    a.list.at[i]->n_in = 2;
  state_find(m, t->gradient)->n_counts = 0;
  t->consumed = true;
  return a.list.at[0]->block;
}

static struct type one_number(void) {
  return type_make(ELEM_F32, 1, (int64_t[]){1});
}

static struct value *squares_so_far(struct builder *b) {
  return build(b, OP_READ, 0, NULL, &(struct attrs){.symbol = SQUARES}, NULL)->out[0];
}

static void put_squares(struct builder *b, struct value *v) {
  build(b, OP_WRITE, 1, &v, &(struct attrs){.symbol = SQUARES}, NULL);
}

/* Operators at the end of the layer that run as kernels of their own: a repeat of one iteration around them.
 */
static struct nest open_layer(struct module *m, struct block *layer, struct value *seeds) {
  struct builder end = builder_before(m, layer->last);
  struct op *repeat = build(&end, OP_REPEAT, 0, NULL, &(struct attrs){.count = 1}, NULL);
  block_arg(m, repeat->body, type_scalar(ELEM_U32), "u");
  return (struct nest){
      .m = m, .inside = builder_end(m, repeat->body), .depth = 1, .index = {layer->args[0]}, .seeds = seeds};
}

static void close_layer(struct nest *x) {
  struct op *repeat = x->inside.block->parent;
  build(&x->inside, OP_YIELD, 0, NULL, NULL, NULL);
  op_set_results(x->m, repeat, 0, NULL);
}

static void consume_one(struct module *m, struct block *layer, const struct trained_weight *t,
                        struct value *seeds, struct value *const *rate) {
  struct nest x = open_layer(m, layer, seeds);
  struct value *g = optimise_gradient(&x, t);
  struct value *squares = optimise_sum(&x.inside, build2(&x.inside, OP_MUL, g, g));
  put_squares(&x.inside, build2(&x.inside, OP_ADD, squares_so_far(&x.inside), squares));
  close_layer(&x);
  x = open_layer(m, layer, seeds);
  optimise_update(&x, t, rate);
  close_layer(&x);
}

/* loss -> (loss, squares) */
static void return_squares(struct module *m, struct func *f) {
  struct op *end = f->body->last;
  struct value *loss = end->in[0];
  op_unlink(end);
  struct builder b = builder_end(m, f->body);
  struct value *results[] = {loss, squares_so_far(&b)};
  build(&b, OP_RETURN, 2, results, NULL, NULL);
  vec_push(m->arena, f->results, (struct result){.name = "squares", .updates = -1});
}

bool consume_gradients(struct module *m, int n, struct trained_weight *list, int64_t n_seeds) {
  struct func *f = func_find(m, "train");
  struct block **layer = arena_array(m->arena, struct block *, n + 1);
  struct value *rate[OPTIMISE_RATES];
  int consumed = 0;
  for (int i = 0; i < n; i++)
    consumed += (layer[i] = take_gradient(m, f, &list[i])) != NULL;
  if (!consumed) {
    diag_error(m->diag,
               "optimise: no ternary matrix is one of a layer's, so there is no gradient that could be "
               "consumed layer by layer");
    return false;
  }
  state_like(m, SQUARES, one_number(), 0, NULL, (struct loc){0});
  struct builder begin = builder_before(m, f->body->first);
  put_squares(&begin, build_const(&begin, 0, one_number()));
  struct value *seeds = optimise_arguments(m, f, begin, n_seeds, rate);
  for (int i = 0; i < n; i++)
    if (layer[i])
      consume_one(m, layer[i], &list[i], seeds, rate);
  return_squares(m, f);
  return true;
}
