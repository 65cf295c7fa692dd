/* dce.c: what nothing needs goes away.
 *
 * requires   nothing (not planned memory).
 * maintains  every result of every function, and every state that is read.
 * breaks     nothing; kernel form stays kernel form.
 *
 * Needed are: what a function returns, writes to states that some `read` names, definitions of folded weights
 * that some `weight` names; and what these are computed from. A slot of a repeat (initial value, argument,
 * yielded value, result) is needed as a whole or not at all, and so is a result of a scan or kernel with what
 * it yields. Pure operators, reads and regions without effects go when no result is needed. Declarations go
 * when no operator names them, but for the checkpoint's own weights, which the driver checks. */
#include "passes/pass.h"

#include <string.h>

struct dce {
  struct module *m;
  VEC(struct value *) work; /* needed, operands not yet looked at */
  struct symbol_use *symbols;
  bool changed;
};

/* ---- symbols ----------------------------------------------------------------------------------------- */

/* What an operator names; found once a round. */
struct symbol_use {
  const char *name;
  bool read, written, weight, scale, defined, part;
  UT_hash_handle hh;
};

static struct symbol_use *symbol_of(const struct dce *d, const char *name) {
  struct symbol_use *s = NULL;
  HASH_FIND_STR(d->symbols, name, s);
  return s;
}

static struct symbol_use *note_symbol(struct dce *d, const char *name) {
  struct symbol_use *s = symbol_of(d, name);
  if (s)
    return s;
  s = arena_new(d->m->arena, struct symbol_use);
  s->name = name;
  HASH_ADD_KEYPTR(hh, d->symbols, s->name, strlen(s->name), s);
  return s;
}

static void note_op(struct op *op, void *data) {
  struct dce *d = data;
  if (!(op_info[op->code].flags & SYMBOL) || !op->attr.symbol)
    return;
  struct symbol_use *s = note_symbol(d, op->attr.symbol);
  s->read |= op->code == OP_READ || op->code == OP_SEEN || op->code == OP_APPEND_BACK;
  s->written |= op_changes(op->code) && op->code != OP_DEFINE;
  s->weight |= op->code == OP_WEIGHT;
  s->scale |= op->code == OP_WSCALE;
  s->defined |= op->code == OP_DEFINE;
}

static void find_symbols(struct dce *d) {
  HASH_CLEAR(hh, d->symbols);
  for (const struct func *f = d->m->funcs; f; f = f->next)
    walk(f->body, note_op, d);
  for (const struct weight *w = d->m->weights; w; w = w->next)
    for (int i = 0; i < w->n_parts; i++)
      note_symbol(d, w->parts[i])->part = true;
}

/* Writes and definitions that something reads. */
static bool has_reader(const struct dce *d, const struct op *op) {
  const struct symbol_use *s = symbol_of(d, op->attr.symbol);
  return op->code == OP_DEFINE ? s->weight || s->scale : s->read;
}

static bool is_effect(const struct op *op) {
  return op_changes(op->code) > 0;
}

/* ---- marking: a needed value's id is 1 --------------------------------------------------------------- */

static void clear_values(int n, struct value **values) {
  for (int i = 0; i < n; i++)
    values[i]->id = 0;
}

static void clear(struct op *op, void *data) {
  (void)data;
  clear_values(op->n_out, op->out);
  if (op->body)
    clear_values(op->body->n_args, op->body->args);
}

static void need(struct dce *d, struct value *v) {
  if (v->id)
    return;
  v->id = 1;
  vec_push(d->m->arena, d->work, v);
}

static void need_operands(struct dce *d, const struct op *op) {
  for (int i = 0; i < op->n_in; i++)
    need(d, op->in[i]);
}

/* The four values of a repeat's slot. */
static void need_slot(struct dce *d, const struct op *repeat, int i) {
  need(d, repeat->in[i]);
  need(d, repeat->body->args[i + 1]);
  need(d, repeat->body->last->in[i]);
  need(d, repeat->out[i]);
}

static void need_sources(struct dce *d, const struct value *v) {
  const struct op *op = v->def ? v->def : v->block->parent;
  if (!op)
    return;
  if (op->code == OP_REPEAT && (v->def || v->index > 0))
    need_slot(d, op, v->index - !v->def);
  else if (op->body && v->def)
    need(d, op->body->last->in[v->index]);
  else if (op->code == OP_SCAN)
    need(d, op->in[v->index]);
  else if (!op->body)
    need_operands(d, op);
}

static void need_root(struct op *op, void *data) {
  struct dce *d = data;
  if (op->code == OP_RETURN || (is_effect(op) && has_reader(d, op)))
    need_operands(d, op);
}

/* ---- sweeping ---------------------------------------------------------------------------------------- */

struct effects {
  const struct dce *d;
  bool found;
};

static void find_effect(struct op *op, void *data) {
  struct effects *e = data;
  e->found |= is_effect(op) && has_reader(e->d, op);
}

static bool op_needed(const struct dce *d, const struct op *op) {
  if (op_info[op->code].flags & END)
    return true;
  if (is_effect(op))
    return has_reader(d, op);
  for (int i = 0; i < op->n_out; i++)
    if (op->out[i]->id)
      return true;
  struct effects e = {.d = d};
  if (op->body)
    walk(op->body, find_effect, &e);
  return e.found;
}

/* Keeps of values[0..*n) those whose partner in keep[] is needed. */
static void keep_needed(struct dce *d, int *n, struct value **values, int n_keep, const bool *keep,
                        bool renumber) {
  int kept = 0;
  for (int i = 0; i < n_keep; i++) {
    if (!keep[i])
      continue;
    values[kept] = values[i];
    if (renumber)
      values[kept]->index = kept;
    kept++;
  }
  d->changed |= kept < n_keep;
  *n = kept;
}

static bool *needed_of(struct dce *d, int n, struct value *const *values) {
  bool *keep = arena_array(d->m->arena, bool, n + 1);
  for (int i = 0; i < n; i++)
    keep[i] = values[i]->id != 0;
  return keep;
}

/* Drops the slots of a region that nothing needs. */
static void trim(struct dce *d, struct op *op) {
  struct block *body = op->body;
  struct op *end = body->last;
  bool *results = needed_of(d, op->n_out, op->out);
  if (op->code == OP_SCAN) {
    bool *args = needed_of(d, body->n_args, body->args);
    keep_needed(d, &op->n_in, op->in, op->n_in, args, false);
    keep_needed(d, &body->n_args, body->args, body->n_args, args, true);
  } else if (op->code == OP_REPEAT) {
    bool *args = arena_array(d->m->arena, bool, op->n_out + 1);
    args[0] = true; /* the index */
    memcpy(args + 1, results, sizeof *args * (size_t)op->n_out);
    keep_needed(d, &op->n_in, op->in, op->n_in, results, false);
    keep_needed(d, &body->n_args, body->args, body->n_args, args, true);
  }
  keep_needed(d, &end->n_in, end->in, end->n_in, results, false);
  keep_needed(d, &op->n_out, op->out, op->n_out, results, true);
}

static void sweep(struct op *op, void *data) {
  struct dce *d = data;
  if (!op_needed(d, op)) {
    op_unlink(op);
    d->changed = true;
  } else if (op->body) {
    trim(d, op);
  }
}

static void sweep_function(struct dce *d, struct func *f) {
  clear_values(f->body->n_args, f->body->args);
  walk(f->body, clear, NULL);
  walk(f->body, need_root, d);
  while (d->work.n > 0)
    need_sources(d, d->work.at[--d->work.n]);
  walk(f->body, sweep, d);
}

/* ---- declarations ------------------------------------------------------------------------------------ */

static bool weight_needed(const struct weight *w, void *data) {
  const struct symbol_use *s = symbol_of(data, w->name);
  return w->origin == WEIGHT_LOADED || (s && (s->weight || s->scale || s->defined || s->part));
}

static bool state_needed(const struct state *state, void *data) {
  const struct symbol_use *s = symbol_of(data, state->name);
  return s && (s->read || s->written);
}

/* `fold` goes when it defines nothing. */
static void drop_fold(struct dce *d) {
  for (struct func **at = &d->m->funcs; *at; at = &(*at)->next)
    if (func_is_fold(*at) && (*at)->body->first == (*at)->body->last) {
      *at = (*at)->next;
      d->changed = true;
      return;
    }
}

bool pass_dce(struct module *m, const struct pass_context *c) {
  (void)c;
  struct dce d = {.m = m};
  do {
    d.changed = false;
    find_symbols(&d);
    for (struct func *f = m->funcs; f; f = f->next)
      sweep_function(&d, f);
    drop_fold(&d);
    find_symbols(&d);
    d.changed |= weights_keep(m, weight_needed, &d);
    d.changed |= states_keep(m, state_needed, &d);
  } while (d.changed);
  HASH_CLEAR(hh, d.symbols);
  return true;
}
