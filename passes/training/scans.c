/* scans.c: going back through scans, and what scans that run a second time begin with.
 *
 * Its results gain what each state was before each token; then a scan from the last token to the
 * first computes the body again for its token, and goes back through it. The cotangent of a state @s goes
 * from token to token in @back.s, as the state itself does in @s. A scan of a body that is computed again
 * runs again too: before its scan an iteration copies the state to @start.s; the scan that runs again does so
 * on
 * @again.s, begun with that. */
#include "passes/training/derivative.h"

#include "passes/rewrite.h"
#include <string.h>

/* ---- states in a body -------------------------------------------------------------------------------- */

/* An instance of a state that a scan's body reads or writes. */
struct carried {
  struct op *read;      /* the first before the write, or NULL */
  struct op *write;     /* or NULL */
  struct value *before; /* in the scan that goes back: what the state was before the token */
  bool done;            /* while the body is computed again: the write has been passed */
};
typedef VEC(struct carried) carried_list;

static bool same_instance(const struct op *a, const struct op *b) {
  int skip_a = a->code == OP_WRITE, skip_b = b->code == OP_WRITE;
  if (strcmp(a->attr.symbol, b->attr.symbol) != 0 || a->n_in - skip_a != b->n_in - skip_b)
    return false;
  for (int i = 0; i < a->n_in - skip_a; i++)
    if (a->in[skip_a + i] != b->in[skip_b + i])
      return false;
  return true;
}

static struct carried *carried_of(carried_list *list, const struct op *op) {
  for (int i = 0; i < list->n; i++) {
    struct carried *c = &list->at[i];
    if (same_instance(c->read ? c->read : c->write, op))
      return c;
  }
  return NULL;
}

static void find_carried(struct arena *a, const struct block *body, carried_list *list) {
  for (struct op *op = body->first; op; op = op->next) {
    if (op->code != OP_READ && op->code != OP_WRITE)
      continue;
    struct carried *c = carried_of(list, op);
    if (!c) {
      vec_push(a, *list, (struct carried){0});
      c = &list->at[list->n - 1];
    }
    if (op->code == OP_WRITE)
      c->write = op;
    else if (!c->read && !c->write)
      c->read = op;
  }
}

static const char again_prefix[] = "again.";

bool state_runs_again(const char *name) {
  return strncmp(name, again_prefix, strlen(again_prefix)) == 0;
}

/* A read or write of the state `prefix`NAME that stands beside that of `like`, at the same indices. */
static struct value *beside(struct frame *f, const char *prefix, const struct op *like, struct value_map *map,
                            struct value *written) {
  struct module *m = f->d->m;
  const struct state *s = state_find(m, like->attr.symbol);
  int first = like->code == OP_WRITE, n = like->n_in - first;
  const char *name = state_runs_again(s->name) ? s->name + strlen(again_prefix) : s->name;
  struct attrs attr = {.symbol = arena_printf(m->arena, "%s%s", prefix, name)};
  state_like(m, attr.symbol, s->type, s->n_counts, s->counts, s->at);
  struct value **in = arena_array(m->arena, struct value *, n + 1);
  in[0] = written;
  for (int i = 0; i < n; i++)
    in[1 + i] = map_value(map, like->in[first + i]);
  struct op *op =
      build(&f->b, written ? OP_WRITE : OP_READ, written ? n + 1 : n, written ? in : in + 1, &attr, NULL);
  return written ? NULL : op->out[0];
}

/* ---- scans ------------------------------------------------------------------------------------------- */

/* Adds the states before the token, where list has what the scan reads and writes, to its results. */
static void add_before(struct frame *f, struct op *scan, carried_list *list) {
  struct module *m = f->d->m;
  struct op *end = scan->body->last;
  VEC(struct value *) yields = {0}, results = {0};
  for (int i = 0; i < end->n_in; i++) {
    vec_push(m->arena, yields, end->in[i]);
    vec_push(m->arena, results, scan->out[i]);
  }
  VEC(struct type) types = {0};
  int64_t lead = scan_lead(scan);
  for (int i = 0; i < end->n_in; i++)
    vec_push(m->arena, types, scan->out[i]->type);
  for (int i = 0; i < list->n; i++)
    if (list->at[i].read && list->at[i].write) {
      vec_push(m->arena, yields, list->at[i].read->out[0]);
      vec_push(m->arena, types, type_lead(list->at[i].read->out[0]->type, lead));
    }
  struct builder b = builder_end(m, scan->body);
  b.at = end->at;
  op_unlink(end);
  build(&b, OP_YIELD, yields.n, yields.at, NULL, NULL);
  op_set_results(m, scan, types.n, types.at);
  for (int i = 0; i < results.n; i++) { /* the old results stay what they are */
    results.at[i]->index = i;
    scan->out[i] = results.at[i];
  }
}

/* The table lives in the pass's arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(&f->d->scratch, (bytes))
#define uthash_free(memory, size) ((void)(memory))

int scan_yield_before(struct frame *f, struct op *scan) {
  struct yielded *y = NULL;
  const struct op *key = scan;
  HASH_FIND_PTR(f->d->yielded, &key, y);
  if (y)
    return y->results;
  carried_list carried = {0};
  find_carried(&f->d->scratch, scan->body, &carried);
  y = arena_new(&f->d->scratch, struct yielded);
  *y = (struct yielded){.scan = scan, .results = scan->n_out};
  HASH_ADD_PTR(f->d->yielded, scan, y);
  add_before(f, scan, &carried);
  return y->results;
}

/* The scan that goes back, while it is made. */
struct back {
  struct frame *f;        /* around it */
  struct frame inner;     /* its body */
  const struct op *scan;  /* the one that went forward */
  struct op *op;          /* this one */
  struct value_map map;   /* from values of the forward body */
  VEC(struct value *) in; /* operands */
  carried_list *carried;
};

static struct value *operand_of(struct back *k, struct value *tokens, const char *name) {
  struct module *m = k->f->d->m;
  struct type t = tokens->type;
  memmove(t.dim, t.dim + 1, sizeof t.dim - sizeof *t.dim);
  t.dim[--t.rank] = 0;
  vec_push(m->arena, k->in, tokens);
  return block_arg(m, k->op->body, t, name);
}

/* The forward body's operands, and the states before each token. */
static void take_operands(struct back *k, int results) {
  struct arena *a = &k->f->d->scratch;
  for (int i = 0; i < k->scan->n_in; i++) {
    struct value *token = k->scan->body->args[i];
    map_put(a, &k->map, token, operand_of(k, k->scan->in[i], token->name));
  }
  int n = results;
  for (int i = 0; i < k->carried->n; i++) {
    struct carried *c = &k->carried->at[i];
    if (c->read && c->write)
      c->before = operand_of(k, k->scan->out[n++], c->read->out[0]->name);
  }
}

/* Cotangents of the scan's results enter as operands; those that have none are left out. */
static void seed_results(struct back *k, int results, struct value **seeds) {
  for (int i = 0; i < results; i++) {
    struct value *d = cotangent_of(k->f, k->scan->out[i]);
    seeds[i] = d ? operand_of(k, d, NULL) : NULL;
  }
}

/* The body once more, for the token: states are what they were before it, and what was written. */
static void run_again(struct back *k) {
  struct arena *a = &k->f->d->scratch;
  for (const struct op *op = k->scan->body->first; op != k->scan->body->last; op = op->next) {
    bool access = op->code == OP_READ || op->code == OP_WRITE;
    struct carried *c = access ? carried_of(k->carried, op) : NULL;
    if (op->code == OP_WRITE)
      c->done = true;
    else if (c && c->write)
      map_put(a, &k->map, op->out[0], c->done ? map_value(&k->map, c->write->in[0]) : c->before);
    else
      op_clone(&k->inner.b, op, &k->map);
  }
}

/* Integers have none. */
static bool has_slope(const struct op *write) {
  return write && write->in[0]->type.elem == ELEM_F32;
}

static void seed(struct back *k, int results, struct value **seeds) {
  const struct op *end = k->scan->body->last;
  for (int i = 0; i < results; i++)
    if (seeds[i])
      cotangent_add(&k->inner, map_value(&k->map, end->in[i]), seeds[i]);
  for (int i = 0; i < k->carried->n; i++) {
    const struct carried *c = &k->carried->at[i];
    if (has_slope(c->write))
      cotangent_add(&k->inner, map_value(&k->map, c->write->in[0]),
                    beside(&k->inner, "back.", c->write, &k->map, NULL));
  }
}

/* The cotangents of states before the token go to the token before it. */
static void pass_on(struct back *k) {
  for (int i = 0; i < k->carried->n; i++) {
    const struct carried *c = &k->carried->at[i];
    if (!has_slope(c->write))
      continue;
    struct value *d = c->before ? cotangent_or_zeros(&k->inner, c->before)
                                : build_const(&k->inner.b, 0, cotangent_type(c->write->in[0]->type));
    beside(&k->inner, "back.", c->write, &k->map, d);
  }
}

/* Of the values from outside the body that gained something: the operands of the scan, and what it captured.
 */
static void give_outside(struct back *k) {
  struct module *m = k->f->d->m;
  VEC(struct value *) yields = {0}, to = {0};
  VEC(struct type) types = {0};
  int64_t lead = scan_lead(k->scan);
  for (int i = 0; i < k->scan->n_in; i++) {
    struct value *d = cotangent_of(&k->inner, map_value(&k->map, k->scan->body->args[i]));
    if (d) {
      vec_push(m->arena, yields, d);
      vec_push(m->arena, to, k->scan->in[i]);
    }
  }
  for (struct cotangent *c = k->inner.cotangents; c; c = c->hh.next)
    if (!value_defined_inside(c->of, k->op->body)) {
      vec_push(m->arena, yields, c->value);
      vec_push(m->arena, to, (struct value *)c->of);
    }
  for (int i = 0; i < yields.n; i++)
    vec_push(m->arena, types, type_lead(yields.at[i]->type, lead));
  build(&k->inner.b, OP_YIELD, yields.n, yields.at, NULL, NULL);
  k->op->n_in = k->in.n;
  k->op->in = k->in.at;
  op_set_results(m, k->op, types.n, types.at);
  for (int i = 0; i < to.n; i++)
    cotangent_add(k->f, to.at[i], k->op->out[i]);
}

static bool any_cotangent(struct frame *f, const struct op *op) {
  for (int i = 0; i < op->n_out; i++)
    if (cotangent_of(f, op->out[i]))
      return true;
  return false;
}

void go_back_scan(struct frame *f, struct op *scan) {
  carried_list carried = {0};
  find_carried(&f->d->scratch, scan->body, &carried);
  if (!any_cotangent(f, scan) && !carried.n)
    return;
  int results = scan_yield_before(f, scan);
  f->b.at = scan->at;
  struct back k = {.f = f, .scan = scan, .carried = &carried};
  k.op = build(&f->b, OP_SCAN, 0, NULL, &(struct attrs){.reverse = true}, NULL);
  k.inner = (struct frame){.d = f->d, .b = builder_end(f->d->m, k.op->body)};
  k.inner.b.at = scan->at;
  struct value **seeds = arena_array(&f->d->scratch, struct value *, results);
  take_operands(&k, results);
  seed_results(&k, results, seeds);
  run_again(&k);
  struct op *last = k.op->body->last;
  seed(&k, results, seeds);
  go_back(&k.inner, last);
  pass_on(&k);
  give_outside(&k);
}

/* ---- scans that run again ---------------------------------------------------------------------------- */

/* In front of a scan of the body that runs again: what its states began with. */
static void begin_again(struct frame *f, struct op *scan) {
  struct module *m = f->d->m;
  carried_list carried = {0};
  find_carried(&f->d->scratch, scan->body, &carried);
  for (int i = 0; i < carried.n; i++) {
    if (!carried.at[i].write)
      continue;
    struct frame here = {.d = f->d, .b = builder_before(m, scan)};
    struct value_map none = {0};
    struct value *start = beside(&here, "start.", carried.at[i].write, &none, NULL);
    beside(&here, again_prefix, carried.at[i].write, &none, start);
  }
}

static void rename_state(struct op *op, void *data) {
  struct frame *f = data;
  if (op->code != OP_READ && op->code != OP_WRITE)
    return;
  struct module *m = f->d->m;
  const struct state *s = state_find(m, op->attr.symbol);
  op->attr.symbol = arena_printf(m->arena, "%s%s", again_prefix, s->name);
  state_like(m, op->attr.symbol, s->type, s->n_counts, s->counts, s->at);
}

static bool writes_state(const struct op *scan) {
  for (const struct op *op = scan->body->first; op; op = op->next)
    if (op->code == OP_WRITE && !state_runs_again(op->attr.symbol))
      return true;
  return false;
}

/* Scans in the block, and in the repeats of it, that run on the sequence's own states. */
static void each_scan(struct frame *f, struct block *b, void (*visit)(struct frame *f, struct op *scan)) {
  for (struct op *op = b->first; op; op = op->next) {
    if (op->code == OP_REPEAT)
      each_scan(f, op->body, visit);
    if (op->code == OP_SCAN && writes_state(op))
      visit(f, op);
  }
}

static void start_kept(struct frame *f, struct op *scan) {
  carried_list carried = {0};
  find_carried(&f->d->scratch, scan->body, &carried);
  for (int i = 0; i < carried.n; i++) {
    if (!carried.at[i].write)
      continue;
    struct frame here = {.d = f->d, .b = builder_before(f->d->m, scan)};
    struct value_map none = {0};
    beside(&here, "start.", carried.at[i].write, &none, beside(&here, "", carried.at[i].write, &none, NULL));
  }
}

static void run_on_again(struct frame *f, struct op *scan) {
  begin_again(f, scan);
  walk(scan->body, rename_state, f);
}

void scans_keep_start(struct frame *f, struct block *b) {
  each_scan(f, b, start_kept);
}

void scans_use_again(struct frame *f, struct block *b) {
  each_scan(f, b, run_on_again);
}
