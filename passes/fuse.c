/* fuse.c: groups operators into kernels.
 *
 * requires   no quantised values (ternarize); T, K and B only as the leading axis; no kernels yet. The
 *            function `fold` is not touched: the interpreter runs it.
 * maintains  types and the meaning of every value, bit for bit.
 * breaks     single operators: afterwards the functions are in kernel form (docs/ir.md).
 *
 * Kernel form. Directly in a function's or a repeat's body stand kernels, ternary sums, each preceded by the
 * `weight` that is its matrix, repeats, and the end. All else is inside kernels. A kernel captures results of
 * other kernels, sums and repeats, arguments of the repeats around it and of the function; the leaves that it
 * uses are cloned into it. Leaves: const, weight, wscale, and movement (reshape, slice, index by a repeat's
 * index, ...) of leaves, which lowering turns into addresses. What a repeat's body yields and a function
 * returns is made by a kernel or sum of that same block, each value for one purpose; where it is not, a
 * kernel copies.
 *
 * There are four kinds of kernel. What lowering (backends/lower) can rely on:
 *
 *   rows     Operators in any number whose results all have the same leading T, K or B, or (step: all;
 *            else: what no token changes) none of them. Each row is computed on its own: operators act
 *            within a row, and a row may need several loops one after another (norms, reductions,
 *            softmax). No scan, no matmul, no ternary sum. In the K kind only `tail` reads T rows. A kernel
 *            that writes a state also has the reads that stood before the write, or comes after them.
 *   scan     One scan, and element-wise operators on [T, ...]: before it, any MAP and MOVE operators that
 *            nothing outside the kernel uses; after it, MAP operators of the shape of the scan's results.
 *            The scan's body may hold anything that a rows kernel of one row may.
 *   matmul   One matmul by an f32 weight (or movement of one), and its leaves.
 *   copy     One reshape to the operand's own type; of a computed index, which chooses a weight for others.
 *
 * Which operators go together is decided in fuse_plan.c: by levels between the barriers (sums, matmuls,
 * scans, repeats), so that no two adjacent kernels could be one. */
#include "passes/fuse.h"

#include "ir/composites.h"

#include "passes/pass.h"
#include "passes/rewrite.h"

struct fuse {
  struct module *m;
  struct func *f;
  struct arena scratch; /* plans of blocks */
};

typedef VEC(struct op *) op_list;

/* ---- copies where a value cannot serve as it is ------------------------------------------------------ */

/* In front of `user`, a copy of its operand i, which becomes an operator of a kernel. */
static void copy_operand(struct fuse *f, struct op *user, int i) {
  struct builder b = builder_before(f->m, user);
  struct value *v = user->in[i], *copy = build_reshape(&b, v, v->type);
  copy->name = v->name;
  user->in[i] = copy;
}

static bool made_here(const struct value *v, const struct block *b) {
  return v->def && v->block == b && v->def->code != OP_REPEAT && !fuse_leaf(v);
}

/* Yielded and returned values have a kernel or sum of this block to themselves. */
static void copy_at_end(struct fuse *f, struct op *end) {
  for (int i = 0; i < end->n_in; i++) {
    bool again = false;
    for (int k = 0; k < i; k++)
      again |= end->in[k] == end->in[i];
    bool shared = end->code == OP_RETURN && count_uses(f->f->body, end->in[i]) > 1;
    if (again || shared || !made_here(end->in[i], end->block))
      copy_operand(f, end, i);
  }
}

/* Sums and repeats take buffers that a kernel, a sum or a repeat made. */
static bool is_buffer(const struct value *v) {
  return !fuse_leaf(v) && (v->def || v->block->parent);
}

/* Of the function: the caller's buffer. */
static bool is_argument(const struct value *v) {
  return !v->def && !v->block->parent;
}

/* Operands of a product, its indices left out. */
static int values_of_product(const struct op *op) {
  int changes = op_changes(op->code);
  return !op_is_product(op) ? 0 : changes ? changes : op->n_in;
}

static void copy_inputs(struct fuse *f, struct block *b) {
  for (struct op *op = b->first; op; op = op->next) {
    for (int i = 0; i < values_of_product(op); i++)
      if (!(i == 0 && op_takes_matrix(op)) && !is_buffer(op->in[i]) && !is_argument(op->in[i]))
        copy_operand(f, op, i);
    for (int i = 0; op->code == OP_REPEAT && i < op->n_in; i++)
      if (!is_buffer(op->in[i]))
        copy_operand(f, op, i);
  }
}

/* ---- computed indices -------------------------------------------------------------------------------- */

static bool is_computed(const struct value *index) {
  return index->def && !fuse_leaf(index) && index->def->code != OP_REPEAT && !fuse_index(index->def);
}

/* The index's copy, behind what computes it: one for all weights that it chooses. */
static struct value *copy_of_index(struct fuse *f, struct value *index) {
  for (struct op *op = index->def->next; op; op = op->next)
    if (fuse_index(op) && op->in[0] == index)
      return op->out[0];
  struct builder b = {0};
  b = index->def->next ? builder_before(f->m, index->def->next) : builder_end(f->m, index->block);
  b.at = index->def->at;
  struct value *copy = build_reshape(&b, index, index->type);
  copy->name = index->name;
  return copy;
}

static void copy_indices(struct op *op, void *data) {
  if (op->code == OP_WEIGHT || op->code == OP_WSCALE)
    for (int i = 0; i < op->n_in; i++)
      if (is_computed(op->in[i]))
        op->in[i] = copy_of_index(data, op->in[i]);
}

/* ---- leaves ------------------------------------------------------------------------------------------ */

struct leaves {
  struct builder b; /* where clones go */
  const struct block *body;
  struct value_map map;
};

static struct value *clone_leaf(struct leaves *l, struct value *v) {
  if (!fuse_leaf(v))
    return v; /* a repeat's index */
  struct value *done = map_value(&l->map, v);
  if (done != v)
    return done;
  for (int i = 0; i < v->def->n_in; i++)
    clone_leaf(l, v->def->in[i]);
  return op_clone(&l->b, v->def, &l->map)->out[0];
}

static void use_clones(struct op *op, void *data) {
  struct leaves *l = data;
  for (int i = 0; i < op->n_in; i++)
    if (!value_defined_inside(op->in[i], l->body))
      op->in[i] = clone_leaf(l, op->in[i]);
}

/* ---- kernels ----------------------------------------------------------------------------------------- */

/* The operator and the leaves that it uses, of which a weight may be chosen by what a kernel computes. */
static void list_user(struct fuse *f, op_list *users, struct op *op) {
  vec_push(&f->scratch, *users, op);
  for (int i = 0; i < op->n_in; i++)
    if (fuse_leaf(op->in[i]) && op->in[i]->def->n_in)
      list_user(f, users, op->in[i]->def);
}

/* Operators outside the kernel that may use the results of node k: those of nodes, and the block's end. */
static op_list users_outside(struct fuse *f, const struct fuse_plan *s, const struct op *kernel, int k) {
  const struct fuse_node *u = &s->nodes[k];
  op_list users = {0};
  for (int i = 0; i < u->to.n; i++)
    if (s->nodes[u->to.at[i]].op->block != kernel->body)
      list_user(f, &users, s->nodes[u->to.at[i]].op);
  if (u->at_end)
    vec_push(&f->scratch, users, s->end);
  return users;
}

static bool any_uses(const op_list *users, const struct value *v) {
  for (int i = 0; i < users->n; i++)
    if (op_uses(users->at[i], v))
      return true;
  return false;
}

static void use_instead(const op_list *users, struct value *old, struct value *new) {
  for (int i = 0; i < users->n; i++) {
    struct op *op = users->at[i];
    for (int k = 0; k < op->n_in; k++)
      op->in[k] = op->in[k] == old ? new : op->in[k];
    if (op->body)
      replace_uses(op->body, old, new);
  }
}

/* The kernel's results: what others use of its operators' results. */
static void yield_results(struct fuse *f, const struct fuse_plan *s, struct op *kernel,
                          const fuse_list *members) {
  VEC(struct value *) inside = {0};
  VEC(op_list) users = {0};
  VEC(struct type) types = {0};
  for (int m = 0; m < members->n; m++) {
    const struct op *op = s->nodes[members->at[m]].op;
    op_list outside = users_outside(f, s, kernel, members->at[m]);
    for (int i = 0; i < op->n_out; i++)
      if (any_uses(&outside, op->out[i])) {
        vec_push(&f->scratch, inside, op->out[i]);
        vec_push(&f->scratch, users, outside);
        vec_push(&f->scratch, types, op->out[i]->type);
      }
  }
  op_set_results(f->m, kernel, types.n, types.at);
  for (int i = 0; i < inside.n; i++) {
    kernel->out[i]->name = inside.at[i]->name;
    kernel->out[i]->frac = inside.at[i]->frac;
    use_instead(&users.at[i], inside.at[i], kernel->out[i]);
  }
  struct builder b = builder_end(f->m, kernel->body);
  b.at = kernel->at;
  build(&b, OP_YIELD, inside.n, inside.at, NULL, NULL);
}

/* The nodes' operators, in program order, become one kernel at the end of the block. */
static void make_kernel(struct fuse *f, const struct fuse_plan *s, const fuse_list *members) {
  if (members->n == 0)
    return;
  struct op *first = s->nodes[members->at[0]].op;
  struct builder b = builder_end(f->m, s->block);
  b.at = first->at;
  struct op *kernel = build(&b, OP_KERNEL, 0, NULL, NULL, NULL);
  for (int i = 0; i < members->n; i++)
    op_move_end(s->nodes[members->at[i]].op, kernel->body);
  struct leaves l = {.b = builder_before(f->m, first), .body = kernel->body};
  walk(kernel->body, use_clones, &l);
  yield_results(f, s, kernel, members);
}

static void make_sum(struct fuse *f, struct op *sum) {
  op_move_end(sum, sum->block);
  struct leaves l = {.b = builder_before(f->m, sum)};
  if (op_takes_matrix(sum))
    sum->in[0] = clone_leaf(&l, sum->in[0]);
  for (int i = op_changes(sum->code); i > 0 && i < sum->n_in; i++)
    sum->in[i] = clone_leaf(&l, sum->in[i]);
}

/* Barriers of one level, and what runs in the kernel of each scan or product. */
struct level_barriers {
  fuse_list *of_level, *members;
};

static struct level_barriers find_barriers(struct fuse *f, const struct fuse_plan *s) {
  struct level_barriers b = {arena_array(&f->scratch, fuse_list, s->levels),
                             arena_array(&f->scratch, fuse_list, s->n)};
  for (int k = 0; k < s->n; k++) {
    const struct fuse_node *u = &s->nodes[k];
    if (u->kind != FUSE_TOGETHER)
      vec_push(&f->scratch, b.of_level[u->level], k);
    if (u->kind != FUSE_TOGETHER || u->cluster >= 0)
      vec_push(&f->scratch, b.members[u->cluster >= 0 ? u->cluster : k], k);
  }
  return b;
}

static void make_barrier(struct fuse *f, const struct fuse_plan *s, const struct level_barriers *b, int k) {
  const struct fuse_node *u = &s->nodes[k];
  switch (u->kind) {
  case FUSE_SUM: make_sum(f, u->op); break;
  case FUSE_REPEAT: op_move_end(u->op, s->block); break;
  default: make_kernel(f, s, &b->members[k]);
  }
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

static void find_leaves(struct fuse *f, const struct block *b, op_list *leaves) {
  for (struct op *op = b->first; op; op = op->next)
    if (op->n_out == 1 && fuse_leaf(op->out[0]))
      vec_push(&f->scratch, *leaves, op);
}

/* Everything is made anew at the end of the block, in its new order; what is left at the front are the old
 * leaves, by then unused. Bodies of repeats come first: they leave nothing but buffers captured from here. */
static void fuse_block(struct fuse *f, struct block *b) {
  struct op *end = b->last;
  copy_inputs(f, b);
  copy_at_end(f, end);
  for (struct op *op = b->first; op; op = op->next)
    if (op->code == OP_REPEAT)
      fuse_block(f, op->body);
  op_list leaves = {0};
  find_leaves(f, b, &leaves);
  struct fuse_plan *s = fuse_plan(&f->scratch, f->m, b);
  const fuse_list *kernels = fuse_kernels(s);
  struct level_barriers barriers = find_barriers(f, s);
  for (int level = 0; level < s->levels; level++) {
    for (int rows = 0; rows < s->row_kinds; rows++)
      make_kernel(f, s, &kernels[level * s->row_kinds + rows]);
    for (int i = 0; i < barriers.of_level[level].n; i++)
      make_barrier(f, s, &barriers, barriers.of_level[level].at[i]);
  }
  op_move_end(end, b);
  for (int i = 0; i < leaves.n; i++)
    op_unlink(leaves.at[i]);
}

static void note_kernel(struct op *op, void *data) {
  *(bool *)data |= op->code == OP_KERNEL;
}

static bool in_kernel_form(const struct func *f) {
  bool found = false;
  walk(f->body, note_kernel, &found);
  return found;
}

static bool in_scan(const struct op *op) {
  const struct op *region = op->block->parent;
  return region && (region->code == OP_SCAN || in_scan(region));
}

/* Of what a token sees, each step of a softmax is a kernel of its own, which threads share row by row. In a
 * scan they share the tokens. */
static void part_softmax(struct op *op, void *module) {
  struct module *m = module;
  if (op->code != OP_SOFTMAX || !dim_is_past(m, op->in[0]->type.dim[op->attr.axis]) || in_scan(op))
    return;
  struct builder b = builder_before(m, op);
  struct value *made = composite_step(&b, op, op->in).value;
  made->name = op->out[0]->name;
  replace_uses(op->block, op->out[0], made);
  op_unlink(op);
}

bool pass_fuse(struct module *m, const struct pass_context *c) {
  (void)c;
  for (struct func *f = m->funcs; f; f = f->next) {
    if (func_is_fold(f) || in_kernel_form(f))
      continue;
    struct fuse fuse = {.m = m, .f = f};
    walk(f->body, part_softmax, m);
    walk(f->body, copy_indices, &fuse);
    fuse_block(&fuse, f->body);
    name_kernels(m, f);
    arena_free(&fuse.scratch);
  }
  return true;
}
