/* cse.c: equal operators become one.
 *
 * requires   nothing.
 * maintains  every value, bit for bit.
 * breaks     nothing; kernel form stays kernel form, as nothing is shared across a kernel's border.
 *
 * An operator equals another that was met before it in its block or around it: same code, attributes and
 * operands; for operators that commute also with the operands swapped. Two reads of a state are equal when
 * they stand in one block and nothing between them writes the state. */
#include "passes/pass.h"

#include "passes/rewrite.h"
#include <string.h>

struct cse {
  struct module *m;
  struct block *root;
  VEC(struct op *) known; /* operators whose results can be used here, innermost block last */
};

static bool same_swapped(const struct op *a, struct op *b) {
  if (!(op_info[a->code].flags & COMMUTES) || a->code != b->code)
    return false;
  struct op swapped = *b;
  swapped.in = (struct value *[]){b->in[1], b->in[0]};
  return op_same(a, &swapped);
}

static struct op *find_equal(const struct cse *c, struct op *op) {
  for (int i = c->known.n; i-- > 0;)
    if (op_same(c->known.at[i], op) || same_swapped(c->known.at[i], op))
      return c->known.at[i];
  return NULL;
}

/* Reads of the state that op writes are no longer what a new read gives. */
static void forget_reads(struct op *op, void *data) {
  struct cse *c = data;
  if (op->code != OP_WRITE)
    return;
  int kept = 0;
  for (int i = 0; i < c->known.n; i++) {
    struct op *k = c->known.at[i];
    if (k->code != OP_READ || strcmp(k->attr.symbol, op->attr.symbol) != 0)
      c->known.at[kept++] = k;
  }
  c->known.n = kept;
}

static void visit_block(struct cse *c, struct block *b);

/* A body sees what is known around it, but for reads; a kernel's body stands alone. */
static void visit_body(struct cse *c, struct op *op) {
  struct cse inner = {.m = c->m, .root = c->root};
  for (int i = 0; op->code != OP_KERNEL && i < c->known.n; i++)
    if (c->known.at[i]->code != OP_READ)
      vec_push(c->m->arena, inner.known, c->known.at[i]);
  visit_block(&inner, op->body);
  walk(op->body, forget_reads, c);
}

static void visit_block(struct cse *c, struct block *b) {
  for (struct op *op = b->first, *next; op; op = next) {
    next = op->next;
    struct op *equal;
    if (op->body)
      visit_body(c, op);
    else if (op->code == OP_WRITE)
      forget_reads(op, c);
    else if (!(op_info[op->code].flags & PURE) && op->code != OP_READ)
      continue;
    else if ((equal = find_equal(c, op)))
      replace_op(c->root, op, equal->out[0]);
    else
      vec_push(c->m->arena, c->known, op);
  }
}

bool pass_cse(struct module *m) {
  for (struct func *f = m->funcs; f; f = f->next)
    visit_block(&(struct cse){.m = m, .root = f->body}, f->body);
  return true;
}
