/* lower.c: from a planned module to loops: schedules, kernels, ternary sums. */
#include "backends/lower/lower.h"

#include "ir/layout.h"
#include "support/escape.h"
#include <string.h>

struct lowering {
  struct arena *a;
  const struct module *m;
  struct diag *d;
  struct loops *loops;
  struct kernel **end; /* of loops->kernels */
  const struct func *f;
  struct entry *entry;
  const struct value *repeat[MAX_REPEATS];
  int depth; /* repeats around */
  int64_t local, own;
  struct names names;       /* of kernels */
  struct made_kernel *made; /* kernels by operator */
  struct value_map kept;    /* of f */
  bool failed;
};

static void refuse(struct lowering *l, const struct op *op, const char *why) {
  diag_at(l->d, SEVERITY_ERROR, op->at, "%s: %s", op_info[op->code].text, why);
  l->failed = true;
}

/* The table of kernels lives in the lowering's arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(l->a, (bytes))
#define uthash_free(memory, size) ((void)(memory))

/* Functions that C has beside them. */
static bool is_helper(const char *name) {
  return strcmp(name, "trace") == 0 || strcmp(name, "team_wait") == 0 || strcmp(name, "main") == 0;
}

static struct kernel *kernel_new(struct lowering *l, const struct op *op, enum kernel_kind kind,
                                 const char *hint) {
  struct kernel *k = arena_new(l->a, struct kernel);
  k->kind = kind;
  k->op = op;
  k->at = op->at;
  k->name = names_fresh(&l->names, c_name(l->a, identifier(l->a, hint)), "_", is_helper);
  *l->end = k;
  l->end = &k->next;
  k->entry = l->entry;
  k->number = (uint32_t)l->loops->n_kernels++;
  struct made_kernel *made = arena_new(l->a, struct made_kernel);
  *made = (struct made_kernel){.op = op, .kernel = k};
  HASH_ADD_PTR(l->made, op, made);
  return k;
}

/* ---- kernels --------------------------------------------------------------------------------- */

static struct kernel_lowering unit_begin(struct lowering *l, struct kernel *k, const struct op *op) {
  struct kernel_lowering u = {.a = l->a,
                              .names.arena = l->a,
                              .m = l->m,
                              .policy = l->loops->policy,
                              .d = l->d,
                              .kernel = k,
                              .op = op,
                              .scratch = l->f->scratch,
                              .made = l->made};
  memcpy(u.repeat, l->repeat, sizeof u.repeat);
  u.failed = l->failed;
  return u;
}

/* False: some reads must be saved first, kernel_lowering.saved names them now, and all is to be done again.
 */
static bool attempt(struct kernel_lowering *u) {
  u->body = expand_kernel(u->a, u->m, u->op, &u->captured);
  if (!u->body) {
    u->failed = true;
    return true;
  }
  scope_open(u, NULL, true); /* indices of symbols */
  find_roots(u);
  u->scope = NULL;
  return u->failed || make_loops(u);
}

static struct kernel *lower_kernel(struct lowering *l, const struct op *op) {
  struct kernel *k = kernel_new(l, op, KERNEL_LOOPS, op->attr.name);
  struct kernel_lowering u = unit_begin(l, k, op);
  while (!attempt(&u)) {
    struct kernel_lowering again = unit_begin(l, k, op);
    again.saved.at = u.saved.at;
    again.saved.n = u.saved.n;
    again.saved.cap = u.saved.cap;
    k->buffers.n = k->n_exprs = k->n_loops = k->n_accs = 0;
    u = again;
  }
  l->failed |= u.failed;
  if (u.failed)
    return k;
  clean_kernel(&u);
  share_kernel(&u, l->f, &l->kept);
  k->weight_bytes = loaded_weights(k);
  l->local = u.local > l->local ? u.local : l->local;
  l->own = u.own > l->own ? u.own : l->own;
  return k;
}

/* ---- ternary sums ---------------------------------------------------------------------------- */

static bool sum_fits(struct lowering *l, const struct op *op, const struct op *weight) {
  const struct weight *w = weight ? weight_find(l->m, weight->attr.symbol) : NULL;
  if (!weight || weight->code != OP_WEIGHT || !w)
    refuse(l, op, "its matrix is not a weight");
  else if (!storage_packed(w->stored) || w->offset < 0)
    refuse(l, op, arena_printf(l->a, "'%s' is not packed; run the pass plan-memory", w->name));
  return !l->failed;
}

/* Each token has a matrix of its own: a loop over tokens, in which the kernel's rows are those of one. */
static void sum_by_rows(struct kernel_lowering *u, const struct op *op) {
  struct kernel *k = u->kernel;
  struct type x = op->in[1]->type;
  k->row = loop_new(u, LOOP_SERIAL, x.dim[0], "row");
  k->rows = rows_before_last(u->a, type_make(x.elem, x.rank - 1, x.dim + 1));
  u->row = index_var(u->a, k->row);
  scope_open(u, k->row, true);
}

static struct kernel *lower_sum(struct lowering *l, const struct op *op) {
  const struct op *weight = op->in[0]->def;
  if (!sum_fits(l, op, weight))
    return NULL;
  const struct weight *w = weight_find(l->m, weight->attr.symbol);
  const char *hint = arena_printf(l->a, "%s_sum_%s", l->f->name, weight_name(l->a, w));
  struct kernel *k = kernel_new(l, op, KERNEL_TERNARY_SUM, hint);
  struct kernel_lowering u = unit_begin(l, k, op);
  k->team = l->loops->policy->team ? TEAM_SHARE : TEAM_FIRST;
  k->parts = 1;
  k->stored = w->stored;
  k->m = w->type.dim[0];
  k->n = w->type.dim[1];
  k->group = op->attr.group;
  k->rows = rows_before_last(l->a, op->in[1]->type);
  scope_open(&u, NULL, true); /* loads of computed indices */
  if (op->in[0]->type.rank == 3)
    sum_by_rows(&u, op);
  k->weight = buffer_of_symbol(&u, weight, 0, &k->place);
  k->weight->elements = weight_bytes(w);
  if (k->row)
    k->row->body = scope_close(&u);
  k->body = scope_close(&u);
  k->in = buffer_of_value(&u, op->in[1]);
  k->out = buffer_of_value(&u, op->out[0]);
  k->out->written = true;
  k->weight_bytes = (uint64_t)weight_bytes(w);
  l->failed |= u.failed;
  return k;
}

/* ---- other calls of runtime/kernels ------------------------------------------------------------- */

static struct kernel *lower_call(struct lowering *l, const struct op *op,
                                 void (*fill)(struct kernel_lowering *u, const struct op *op)) {
  const char *symbol = op->attr.symbol ? op->attr.symbol : op->in[0]->def->attr.symbol;
  const char *hint = arena_printf(l->a, "%s_%s_%s", l->f->name, op_info[op->code].text, symbol);
  struct kernel *k = kernel_new(l, op, KERNEL_CALL, hint);
  struct kernel_lowering u = unit_begin(l, k, op);
  k->team = TEAM_SHARE;
  fill(&u, op);
  l->local = u.local > l->local ? u.local : l->local;
  l->failed |= u.failed;
  return k;
}

static bool matrix_is_weight(struct lowering *l, const struct op *op) {
  bool fits = !op_takes_matrix(op) || (op->in[0]->def && op->in[0]->def->code == OP_WEIGHT);
  if (!fits)
    refuse(l, op, "its matrix is not a weight");
  return fits;
}

/* ---- schedules ------------------------------------------------------------------------------- */

static struct call *lower_block(struct lowering *l, const struct block *b);

/* plan-memory puts what goes into an iteration, and what comes out of it, in one place. */
static void check_carried(struct lowering *l, const struct op *op) {
  for (int i = 0; i < op->n_in; i++) {
    int64_t at = op->out[i]->at;
    if (at < 0 || op->in[i]->at != at || op->body->args[i + 1]->at != at || op->body->last->in[i]->at != at)
      refuse(l, op, "what its iterations hand on is not in one place; run the pass plan-memory");
  }
}

static struct call *lower_repeat(struct lowering *l, const struct op *op) {
  struct call *c = arena_new(l->a, struct call);
  if (l->depth == MAX_REPEATS) {
    refuse(l, op, arena_printf(l->a, "stands in %d others; at most %d nest", l->depth, MAX_REPEATS));
    return c;
  }
  check_carried(l, op);
  l->repeat[l->depth++] = op->body->args[0];
  c->count = op->attr.count;
  c->parts = op->attr.group;
  c->reverse = op->attr.reverse;
  c->body = lower_block(l, op->body);
  l->repeat[--l->depth] = NULL;
  return c;
}

static struct call *call_new(struct lowering *l, struct kernel *k) {
  struct call *c = arena_new(l->a, struct call);
  c->kernel = k;
  return c;
}

/* A ternary weight anew: its scales want all of the master's sum first. */
static struct call *lower_define(struct lowering *l, const struct op *op) {
  struct call *sums = call_new(l, lower_call(l, op, lower_define_sums));
  sums->next = call_new(l, lower_call(l, op, lower_define_codes));
  return sums;
}

static struct call *lower_op(struct lowering *l, const struct op *op) {
  switch (op->code) {
  case OP_REPEAT: return lower_repeat(l, op);
  case OP_KERNEL: return call_new(l, lower_kernel(l, op));
  case OP_TERNARY_SUM: return call_new(l, lower_sum(l, op));
  case OP_DEFINE: return matrix_is_weight(l, op) ? lower_define(l, op) : NULL;
  default: break;
  }
  if (op_is_product(op))
    return matrix_is_weight(l, op) ? call_new(l, lower_call(l, op, lower_product)) : NULL;
  if (op->code != OP_WEIGHT && op->code != OP_NTH && !(op_info[op->code].flags & END))
    refuse(l, op, "stands outside a kernel; run the passes fuse and plan-memory");
  return NULL;
}

static struct call *lower_block(struct lowering *l, const struct block *b) {
  struct call *first = NULL, **end = &first;
  for (const struct op *op = b->first; op && !l->failed; op = op->next)
    for (*end = lower_op(l, op); *end;)
      end = &(*end)->next;
  return first;
}

static uint64_t weights_read(const struct call *c) {
  uint64_t sum = 0;
  for (; c; c = c->next)
    sum += c->kernel ? c->kernel->weight_bytes : (uint64_t)c->count * weights_read(c->body);
  return sum;
}

static bool has_each(const struct loops *l, const struct entry *e) {
  for (const struct kernel *k = l->kernels; k; k = k->next)
    if (k->entry == e && k->team == TEAM_EACH)
      return true;
  return false;
}

static void lower_entry(struct lowering *l, const struct func *f) {
  if (f->scratch < 0) {
    diag_error(l->d, "the function '%s' is not planned; run the pass plan-memory", f->name);
    l->failed = true;
    return;
  }
  struct entry *e = entry_new(l->a, l->m, f, l->loops->entries.n);
  e->symbol = names_fresh(&l->names, c_name(l->a, identifier(l->a, f->name)), "_", is_helper);
  vec_push(l->a, l->loops->entries, e);
  l->f = f;
  l->entry = e;
  l->local = l->own = 0;
  l->kept = kept_values(l->a, f);
  e->schedule = lower_block(l, f->body);
  e->scratch = f->scratch + l->local;
  e->own = has_each(l->loops, e) && e->scratch > l->own ? e->scratch : l->own;
  e->weight_bytes = weights_read(e->schedule);
  if (l->failed)
    return;
  if (!l->loops->policy->team)
    return;
  share_sums(l->loops, e);
  place_barriers(e, l->loops->n_kernels);
}

/* Buffers that only kernels in turn can share would be overwritten by a team. */
static void check_policy(struct lowering *l, const struct policy *policy) {
  const struct policy *planned = l->m->policy;
  if (!planned->in_turn || !policy->team)
    return;
  diag_error(l->d, "the module '%s' is planned for '%s' (%s) and cannot be lowered for '%s' (%s)", l->m->name,
             planned->name, planned->help, policy->name, policy->help);
  l->failed = true;
}

struct loops *loops_lower(struct arena *a, const struct module *m, const struct policy *policy) {
  struct lowering l = {.a = a, .m = m, .d = m->diag, .loops = arena_new(a, struct loops), .names.arena = a};
  l.end = &l.loops->kernels;
  l.loops->module = m;
  l.loops->policy = policy;
  check_policy(&l, policy);
  for (const struct func *f = m->funcs; f && !l.failed; f = f->next)
    if (!func_is_fold(f))
      lower_entry(&l, f);
  if (!l.failed && !l.loops->entries.n) {
    diag_error(l.d, "the module '%s' has no function that can be called", m->name);
    l.failed = true;
  }
  return l.failed ? NULL : l.loops;
}
