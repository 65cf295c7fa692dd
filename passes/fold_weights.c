/* fold_weights.c: what depends on weights only is computed when the checkpoint is read.
 *
 * requires   step only (before batch-time and fuse); before ternarize, while operators are the spec's own.
 * maintains  every value, bit for bit: `fold` is run by the interpreter.
 * breaks     nothing.
 *
 * A value is constant when it is computed by pure operators from weights that are not ternary, numbers and
 * the indices of the repeats around it; of numbers and indices alone too (a table of angles). Of each
 * constant value that something not constant uses, its operators move to `fold`, there inside the same
 * repeats as far as the value depends on their indices; `fold` defines @fold.N, and a `weight` of that name
 * stands where the value was. Example, a table that every layer reads one row of:
 *
 *   %t = cumsum(softmax(weight @bounds))            func fold() {
 *   repeat 6 (%l, ...) {                     ->       %t = cumsum(softmax(weight @bounds))
 *     %floor = index %t, %l                           repeat 6 (%l) { define index(%t, %l), @fold.0[%l] } }
 *                                                   and in the repeat: %floor = weight @fold.0[%l]
 *
 * Left as it is: what only moves a weight's elements (a slice, or a row that the repeat's index chooses, is
 * read where it lies), stretching, what would take much more room than the weights it is computed from, and
 * whatever touches ternary weights or the token. */
#include "passes/pass.h"

#include "passes/rewrite.h"

enum {
  MOST_GROWTH = 4,     /* room of a folded value, in rooms of the weights that it is computed from */
  MOST_TABLE = 1 << 16 /* elements of one that no weight enters */
};
#define MOST_SOURCE (INT64_MAX / 8) /* counts stop here: long chains name a weight many times over */

/* What is known of a value; the place in facts is its id. */
struct fact {
  bool constant;
  bool computes;     /* more than moving elements */
  bool needed;       /* something that is not constant uses it */
  struct op *repeat; /* the innermost repeat whose index it depends on, or NULL */
  int64_t source;    /* elements of the weights that it is computed from, all instances */
};

/* A repeat of the function, as it is in `fold`. */
struct region {
  struct op *repeat;
  struct block *body; /* in fold */
  struct op *inner;   /* first repeat that this pass has put into body; what does not need one goes before */
};

struct folded_root {
  struct value *v;
  const struct weight *symbol; /* that it becomes */
};

struct fold {
  struct module *m;
  struct func *f;
  VEC(struct fact) facts;
  VEC(struct region) regions; /* [0]: the body of `fold` */
  struct value_map map;       /* values of f to their copies in fold */
  VEC(struct folded_root) roots;
};

/* ---- which values are constant ----------------------------------------------------------------------- */

static struct fact *fact_of(const struct fold *x, const struct value *v) {
  return &x->facts.at[v->id];
}

static struct op *repeat_around(const struct op *op) {
  struct op *p = op->block->parent;
  while (p && p->code != OP_REPEAT)
    p = p->block->parent;
  return p;
}

static int depth_of(const struct op *repeat) {
  int n = 0;
  for (; repeat; repeat = repeat_around(repeat))
    n++;
  return n;
}

/* How many instances a value has that depends on this repeat's index. */
static int64_t instances_of(const struct op *repeat) {
  int64_t n = 1;
  for (; repeat; repeat = repeat_around(repeat))
    n *= repeat->attr.count;
  return n;
}

/* True where `region` is a repeat, and so are all regions around it. */
static bool only_repeats(const struct op *region) {
  while (region && region->code == OP_REPEAT)
    region = region->block->parent;
  return !region;
}

static void learn_value(struct fold *x, struct value *v, struct fact fact) {
  v->id = x->facts.n;
  vec_push(x->m->arena, x->facts, fact);
}

static void learn_arguments(struct fold *x, const struct block *b) {
  for (int i = 0; i < b->n_args; i++) {
    bool index = i == 0 && b->parent && b->parent->code == OP_REPEAT && only_repeats(b->parent) &&
                 depth_of(b->parent) <= MAX_REPEATS;
    learn_value(x, b->args[i], (struct fact){.constant = index, .repeat = index ? b->parent : NULL});
  }
}

static bool foldable(const struct op *op) {
  return op_info[op->code].flags & PURE && op->n_out == 1 && elem_bytes(op->out[0]->type.elem) > 0 &&
         !type_dynamic(op->out[0]->type);
}

/* Whether the result of an operator on constants is worth to be held instead of computed. */
static bool pays(const struct op *op, const struct fact *f) {
  int64_t most = f->source ? MOST_GROWTH * f->source : MOST_TABLE;
  return type_count(op->out[0]->type, NULL) * instances_of(f->repeat) <= most;
}

static struct fact learn_result(const struct fold *x, const struct op *op) {
  struct fact f = {.constant = foldable(op)};
  for (int i = 0; i < op->n_in; i++) {
    const struct fact *in = fact_of(x, op->in[i]);
    f.constant &= in->constant;
    f.computes |= in->computes;
    f.source = f.source > MOST_SOURCE - in->source ? MOST_SOURCE : f.source + in->source;
    if (depth_of(in->repeat) > depth_of(f.repeat))
      f.repeat = in->repeat;
  }
  unsigned flags = op_info[op->code].flags;
  const struct weight *w = op->code == OP_WEIGHT ? weight_find(x->m, op->attr.symbol) : NULL;
  if (w)
    f.source = type_count(w->type, NULL) * weight_instances(w);
  else if (op->n_in > 0 && !(flags & MOVE) && op->code != OP_WSCALE)
    f.computes |= op->code != OP_CONVERT || op->in[0]->type.elem == ELEM_U32;
  f.constant &= !f.computes || (op->code != OP_BROADCAST && pays(op, &f));
  return f;
}

static void need_operands(struct fold *x, const struct op *op) {
  for (int i = 0; i < op->n_in; i++)
    fact_of(x, op->in[i])->needed = true;
}

static void learn_block(struct fold *x, struct block *b) {
  learn_arguments(x, b);
  for (struct op *op = b->first; op; op = op->next) {
    if (op->body)
      learn_block(x, op->body);
    bool constant = false;
    for (int i = 0; i < op->n_out; i++) {
      struct fact f = op->body ? (struct fact){0} : learn_result(x, op);
      constant |= f.constant;
      learn_value(x, op->out[i], f);
    }
    if (!constant)
      need_operands(x, op);
  }
}

/* Whether v only moves elements of a value that is folded for another reason. */
static bool moves_folded(const struct fold *x, const struct value *v) {
  for (; v->def && op_info[v->def->code].flags & MOVE && v->def->code != OP_CONCAT; v = v->def->in[0])
    if (fact_of(x, v->def->in[0])->needed)
      return true;
  return false;
}

static void find_root(struct op *op, void *data) {
  struct fold *x = data;
  if (op->body || op->n_out != 1 ||
      (op->out[0]->type.elem != ELEM_F32 && !elem_integer(op->out[0]->type.elem)))
    return;
  const struct fact *f = fact_of(x, op->out[0]);
  if (f->constant && f->computes && f->needed && !moves_folded(x, op->out[0]))
    vec_push(x->m->arena, x->roots, (struct folded_root){op->out[0], NULL});
}

/* ---- `fold` ------------------------------------------------------------------------------------------ */

/* Where operators go that depend on the region's index but on no inner one. */
static struct builder region_builder(const struct fold *x, const struct region *r) {
  struct op *end = r->body->last;
  return builder_before(x->m, r->inner ? r->inner : end);
}

static struct region open_fold(struct fold *x) {
  struct func *fold = func_find(x->m, "fold");
  if (!fold) {
    fold = func_add(x->m, "fold");
    struct builder b = builder_end(x->m, fold->body);
    build(&b, OP_RETURN, 0, NULL, NULL, NULL);
  }
  return (struct region){.body = fold->body};
}

/* The place in x->regions of the repeat's copy, made when it is first asked for. */
static int region_of(struct fold *x, struct op *repeat) {
  for (int i = 0; i < x->regions.n; i++)
    if (x->regions.at[i].repeat == repeat)
      return i;
  int outer = region_of(x, repeat_around(repeat));
  struct builder b = builder_before(x->m, x->regions.at[outer].body->last);
  b.at = repeat->at;
  struct op *copy = build(&b, OP_REPEAT, 0, NULL, &(struct attrs){.count = repeat->attr.count}, NULL);
  struct value *index = repeat->body->args[0];
  map_put(x->m->arena, &x->map, index, block_arg(x->m, copy->body, index->type, index->name));
  struct builder inside = builder_end(x->m, copy->body);
  build(&inside, OP_YIELD, 0, NULL, NULL, NULL);
  if (!x->regions.at[outer].inner)
    x->regions.at[outer].inner = copy;
  vec_push(x->m->arena, x->regions, (struct region){.repeat = repeat, .body = copy->body});
  return x->regions.n - 1;
}

/* The copy in fold of a constant value, with all that it is computed from. */
static struct value *copy_value(struct fold *x, struct value *v) {
  struct value *copy = map_value(&x->map, v);
  if (copy != v)
    return copy;
  const struct fact *f = fact_of(x, v);
  int r = region_of(x, f->repeat);
  if (!v->def) /* the index of a repeat: now there */
    return map_value(&x->map, v);
  for (int i = 0; i < v->def->n_in; i++)
    copy_value(x, v->def->in[i]);
  struct builder b = region_builder(x, &x->regions.at[r]);
  return op_clone(&b, v->def, &x->map)->out[0];
}

static struct weight *new_symbol(struct fold *x, const struct value *v, struct op *repeat) {
  struct weight *w = NULL;
  for (int n = 0; !w; n++)
    w = weight_add(x->m, arena_printf(x->m->arena, "fold.%d", n), v->type);
  w->origin = WEIGHT_FOLDED;
  w->frac = v->frac;
  w->at = v->def->at;
  w->n_counts = depth_of(repeat);
  for (int i = w->n_counts; i-- > 0; repeat = repeat_around(repeat))
    w->counts[i] = repeat->attr.count;
  return w;
}

/* The indices of the repeats around, outermost first. */
static int indices_of(struct op *repeat, struct value **indices) {
  int n = depth_of(repeat);
  for (int i = n; i-- > 0; repeat = repeat_around(repeat))
    indices[i] = repeat->body->args[0];
  return n;
}

/* Computes and defines the root in `fold`. */
static bool define_root(struct fold *x, struct folded_root *root) {
  struct op *repeat = fact_of(x, root->v)->repeat;
  struct value *in[MAX_REPEATS + 1] = {copy_value(x, root->v)};
  int n = indices_of(repeat, in + 1);
  for (int i = 1; i <= n; i++)
    in[i] = map_value(&x->map, in[i]);
  root->symbol = new_symbol(x, root->v, repeat);
  struct builder b = region_builder(x, &x->regions.at[region_of(x, repeat)]);
  b.at = root->v->def->at;
  return build(&b, OP_DEFINE, n + 1, in, &(struct attrs){.symbol = root->symbol->name}, NULL);
}

/* Puts the folded weight where the root was. */
static bool use_root(struct fold *x, const struct folded_root *root) {
  struct value *in[MAX_REPEATS];
  int n = indices_of(fact_of(x, root->v)->repeat, in);
  struct builder b = builder_before(x->m, root->v->def);
  struct op *leaf = build(&b, OP_WEIGHT, n, in, &(struct attrs){.symbol = root->symbol->name}, NULL);
  if (leaf)
    replace_op(x->f->body, root->v->def, leaf->out[0]);
  return leaf;
}

/* Takes away the constants that the folded values were computed from, last ones first. */
static void drop_unused(const struct fold *x, struct block *root, struct block *b) {
  for (struct op *op = b->last, *before; op; op = before) {
    before = op->prev;
    if (op->body)
      drop_unused(x, root, op->body);
    else if (op->n_out == 1 && op_info[op->code].flags & PURE && count_uses(root, op->out[0]) == 0)
      op_unlink(op);
  }
}

static bool fold_function(struct module *m, struct func *f) {
  struct fold x = {.m = m, .f = f};
  learn_block(&x, f->body);
  walk(f->body, find_root, &x);
  if (x.roots.n == 0)
    return true;
  vec_push(m->arena, x.regions, open_fold(&x));
  for (int i = 0; i < x.roots.n; i++)
    if (!define_root(&x, &x.roots.at[i]))
      return false;
  for (int i = 0; i < x.roots.n; i++)
    if (!use_root(&x, &x.roots.at[i]))
      return false;
  drop_unused(&x, f->body, f->body);
  return true;
}

bool pass_fold_weights(struct module *m, const struct pass_context *c) {
  (void)c;
  for (struct func *f = m->funcs; f; f = f->next)
    if (!func_is_fold(f) && !fold_function(m, f))
      return false;
  return true;
}
