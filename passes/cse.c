/* cse.c: equal operators become one.
 *
 * requires   nothing (not planned memory).
 * maintains  every value, bit for bit.
 * breaks     nothing; kernel form stays kernel form, as nothing is shared across a kernel's border.
 *
 * An operator equals another that was met before it in its block or around it: same code, attributes and
 * operands; for operators that commute also with the operands swapped. Two reads of a state are equal when
 * they stand in one block and nothing between them writes the state. */
#include "passes/pass.h"

#include "passes/rewrite.h"
#include <string.h>

/* An operator whose result can be used where the walk is. */
struct known_op {
  struct op *op; /* NULL: forgotten */
  uint64_t hash;
  int next; /* the one before it with the same hash, or -1 */
};

/* The newest operator of a hash: place in `known`. */
struct hash_bucket {
  uint64_t hash;
  int newest;
  UT_hash_handle hh;
};

struct cse {
  struct module *m;
  VEC(struct known_op) known; /* innermost block last */
  int floor;                  /* in a kernel: what stands before it is out of reach */
  struct hash_bucket *buckets;
};

static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * UINT64_C(0x9E3779B97F4A7C15);
  return h ^ h >> 29;
}

/* Equal for operators that are equal, also with their operands swapped; of reads the same for all of a state.
 */
static uint64_t hash_of(const struct op *op) {
  uint64_t h = mix(0, op->code), operands = 0, value;
  for (const char *s = op->attr.symbol; s && *s; s++)
    h = mix(h, (unsigned char)*s);
  if (op->code == OP_READ || op_changes(op->code))
    return h;
  for (int i = 0; i < op->n_in; i++)
    operands += mix(op_info[op->code].flags & COMMUTES ? 0 : (uint64_t)i, (uintptr_t)op->in[i]);
  memcpy(&value, &op->attr.value, sizeof value);
  h = mix(mix(h, operands), value);
  return mix(mix(h, (uint64_t)op->attr.begin), (uint64_t)op->attr.axis);
}

/* What forget and find look through; NULL: there is none. */
static struct hash_bucket *bucket_of(const struct cse *c, uint64_t hash) {
  struct hash_bucket *b = NULL;
  HASH_FIND(hh, c->buckets, &hash, sizeof hash, b);
  return b;
}

static void remember(struct cse *c, struct op *op) {
  uint64_t hash = hash_of(op);
  struct hash_bucket *b = bucket_of(c, hash);
  if (!b) {
    b = arena_new(c->m->arena, struct hash_bucket);
    *b = (struct hash_bucket){.hash = hash, .newest = -1};
    HASH_ADD(hh, c->buckets, hash, sizeof b->hash, b);
  }
  vec_push(c->m->arena, c->known, (struct known_op){op, hash, b->newest});
  b->newest = c->known.n - 1;
}

/* Those from `n` on are out of reach again. */
static void forget_from(struct cse *c, int n) {
  while (c->known.n > n) {
    struct known_op *k = &c->known.at[--c->known.n];
    bucket_of(c, k->hash)->newest = k->next;
  }
}

static bool same_swapped(const struct op *a, struct op *b) {
  if (!(op_info[a->code].flags & COMMUTES) || a->code != b->code)
    return false;
  struct op swapped = *b;
  swapped.in = (struct value *[]){b->in[1], b->in[0]};
  return op_same(a, &swapped);
}

/* A read counts in its own block only. */
static struct op *find_equal(const struct cse *c, struct op *op) {
  const struct hash_bucket *b = bucket_of(c, hash_of(op));
  for (int i = b ? b->newest : -1; i >= c->floor; i = c->known.at[i].next) {
    struct op *k = c->known.at[i].op;
    if (k && (k->code != OP_READ || k->block == op->block) && (op_same(k, op) || same_swapped(k, op)))
      return k;
  }
  return NULL;
}

/* Reads of the state that op writes are no longer what a new read gives. */
static void forget_reads(struct op *op, void *data) {
  struct cse *c = data;
  if (!op_changes(op->code))
    return;
  const struct hash_bucket *b = bucket_of(c, hash_of(&(struct op){.code = OP_READ, .attr = op->attr}));
  for (int i = b ? b->newest : -1; i >= 0; i = c->known.at[i].next) {
    struct op *k = c->known.at[i].op;
    if (k && k->code == OP_READ && strcmp(k->attr.symbol, op->attr.symbol) == 0)
      c->known.at[i].op = NULL;
  }
}

static void visit_block(struct cse *c, struct block *b);

/* A body sees what is known around it; a kernel's body stands alone. */
static void visit_body(struct cse *c, struct op *op) {
  int n = c->known.n, floor = c->floor;
  c->floor = op->code == OP_KERNEL ? n : floor;
  visit_block(c, op->body);
  forget_from(c, n);
  c->floor = floor;
  walk(op->body, forget_reads, c);
}

static void visit_block(struct cse *c, struct block *b) {
  for (struct op *op = b->first, *next; op; op = next) {
    next = op->next;
    struct op *equal;
    use_forwarded(op);
    if (op->body)
      visit_body(c, op);
    else if (op_changes(op->code))
      forget_reads(op, c);
    else if (!(op_info[op->code].flags & PURE) && op->code != OP_READ)
      continue;
    else if ((equal = find_equal(c, op)))
      forward_op(op, equal->out[0]);
    else
      remember(c, op);
  }
}

bool pass_cse(struct module *m, const struct pass_context *context) {
  (void)context;
  for (struct func *f = m->funcs; f; f = f->next) {
    struct cse c = {.m = m};
    visit_block(&c, f->body);
    settle_forwarded(f->body);
    HASH_CLEAR(hh, c.buckets);
  }
  return true;
}
