/* loops.c: `repeat` and `each`. Names that a repeat assigns and that exist outside it are carried from one
 * iteration to the next. An `each` is unrolled: its index is a number, or an element of a list; so is a
 * repeat in more repeats than the IR nests. */
#include "frontend/language/elaborate.h"

#include <string.h>

/* ---- names that are carried
 * ------------------------------------------------------------------------------------------ */

typedef VEC(struct binding *) binding_list;

/* The names that the body assigns and that exist outside it. */
static void find_carried(struct elaborator *e, const statement_list *body, binding_list *carried) {
  for (int i = 0; i < body->n; i++) {
    const struct statement *s = body->at[i];
    find_carried(e, &s->body, carried);
    for (int k = 0; s->kind == STATEMENT_ASSIGN && k < s->names.n; k++) {
      struct binding *b = find_name(e, s->names.at[k]->text);
      bool known = !b || (b->kind != BIND_VARIABLE && b->kind != BIND_STATE);
      for (int j = 0; !known && j < carried->n; j++)
        known = carried->at[j] == b;
      if (!known)
        vec_push(e->arena, *carried, b);
    }
  }
}

/* Initial values: the operands of the repeat. A poisoned name stays poison and is not carried. */
static int initial_values(struct elaborator *e, const statement_list *body, struct loc at,
                          binding_list *carried, struct value ***values) {
  binding_list all = {0};
  find_carried(e, body, &all);
  *values = arena_array(e->arena, struct value *, all.n);
  for (int i = 0; i < all.n; i++) {
    struct value *v = plain(e, all.at[i]->item, at);
    if (!v)
      continue;
    (*values)[carried->n] = v;
    vec_push(e->arena, *carried, all.at[i]);
  }
  return carried->n;
}

/* ---- repeats ------------------------------------------------------------------------------------------- */

/* What a carried name holds after an iteration; NULL after a report. */
static struct value *type_kept(struct elaborator *e, const struct binding *b, struct type before,
                               struct loc at) {
  struct value *v = plain(e, b->item, at);
  if (!v || type_equal(v->type, before))
    return v;
  fail(e, at, "'%s' is %s before this repeat and %s after an iteration", b->path.text, type_of(e, before),
       type_of(e, v->type));
  note(e, b->at, "'%s' is introduced here", b->path.text);
  return NULL;
}

static void end_repeat(struct elaborator *e, struct op *op, const binding_list *carried, struct loc at) {
  struct value **yield = arena_array(e->arena, struct value *, carried->n);
  struct type *types = arena_array(e->arena, struct type, carried->n);
  bool ok = true;
  for (int i = 0; i < carried->n; i++) {
    types[i] = op->in[i]->type;
    yield[i] = type_kept(e, carried->at[i], types[i], at);
    ok &= yield[i] != NULL;
  }
  e->b.at = at;
  if (ok)
    build(&e->b, OP_YIELD, carried->n, yield, NULL, NULL);
  op_set_results(e->m, op, carried->n, types);
}

static void enter_repeat(struct elaborator *e, struct op *op, struct statement *s, int64_t from,
                         const binding_list *carried) {
  struct name *index = s->names.at[0];
  struct value *i = block_arg(e->m, op->body, type_scalar(ELEM_U32), index->text);
  for (int k = 0; k < carried->n; k++) {
    struct binding *b = carried->at[k];
    b->item = item_value(block_arg(e->m, op->body, op->in[k]->type, b->path.text));
  }
  struct binding *b = bind(e, BIND_INDEX, index->text, index->at, NULL);
  b->item = item_value(i);
  b->item.from = from;
  b->depth = e->repeats.n;
  vec_push(e->arena, e->repeats, (struct open_repeat){i, op->attr.count});
  e->b.block = op->body;
}

static void repeat_rolled(struct elaborator *e, struct statement *s, int64_t from, int64_t count) {
  binding_list carried = {0};
  struct value **in;
  int n = initial_values(e, &s->body, s->at, &carried, &in), scope = e->scope.n;
  struct block *outside = e->b.block;
  e->b.at = s->at;
  struct op *op = build(&e->b, OP_REPEAT, n, in, &(struct attrs){.count = count}, NULL);
  enter_repeat(e, op, s, from, &carried);
  elaborate_body(e, &s->body);
  end_repeat(e, op, &carried, s->at);
  e->b.block = outside;
  e->repeats.n--;
  unbind(e, scope, true);
  for (int i = 0; i < n; i++) {
    carried.at[i]->item = item_value(op->out[i]);
    name_value(carried.at[i]->item, carried.at[i]->path.text);
  }
}

/* ---- unrolled ------------------------------------------------------------------------------------------ */

enum { MOST_UNROLLED = 50000 };

/* A state that stands in the body itself would be one for all iterations. */
static bool states_apart(struct elaborator *e, const statement_list *body) {
  for (int i = 0; i < body->n; i++) {
    const struct statement *s = body->at[i];
    if (s->kind != STATEMENT_STATE)
      continue;
    fail(e, s->at,
         "a state in a loop is that of a block, which has the index in its path: move it into one, and 'use' "
         "that");
    return false;
  }
  return true;
}

static bool iterate(struct elaborator *e, struct statement *s, struct item index) {
  struct name *name = s->names.at[0];
  int scope = e->scope.n, errors = e->diag->errors;
  if (e->calls++ >= MOST_UNROLLED) {
    fail(e, s->at, "the model is made of more than %d blocks and iterations of 'each'", MOST_UNROLLED);
    return false;
  }
  bind(e, BIND_ELEMENT, name->text, name->at, NULL)->item = index;
  elaborate_body(e, &s->body);
  unbind(e, scope, true);
  return e->diag->errors == errors; /* one mistake, one error */
}

/* As an unrolled repeat's names keep their types. */
static bool types_kept(struct elaborator *e, const struct statement *s, const binding_list *carried,
                       struct value *const *before) {
  bool ok = true;
  for (int i = 0; i < carried->n; i++)
    if (!type_kept(e, carried->at[i], before[i]->type, s->at)) {
      carried->at[i]->item = item_poison();
      ok = false;
    }
  return ok;
}

static void unroll(struct elaborator *e, struct statement *s, int64_t from, int64_t count) {
  binding_list carried = {0};
  struct value **before = NULL;
  if (s->kind == STATEMENT_REPEAT)
    initial_values(e, &s->body, s->at, &carried, &before);
  bool ok = states_apart(e, &s->body);
  for (int64_t i = 0; ok && i < count; i++)
    ok = iterate(e, s, item_number((double)(from + i))) && types_kept(e, s, &carried, before);
}

static void unroll_list(struct elaborator *e, struct statement *s, struct item list) {
  bool ok = states_apart(e, &s->body);
  for (int i = 0; ok && i < list.n; i++)
    ok = iterate(e, s, list.items[i]);
}

/* ---- computed indices ---------------------------------------------------------------------------------- */

/* How many numbers a computed index can be: the length of what argmax or top looked through; 0: it is none.
 */
static int64_t index_count(const struct value *v) {
  if (!v->def)
    return 0;
  if (v->def->code == OP_ORDINAL)
    return v->def->attr.group;
  return op_info[v->def->code].flags & MOVE && v->def->code != OP_NTH ? index_count(v->def->in[0]) : 0;
}

/* The indices that `repeat i, e in` goes through; NULL after a report. */
static struct value *chosen_indices(struct elaborator *e, const struct statement *s) {
  const struct node *n = s->values.at[0];
  struct item which = eval_one(e, n);
  if (which.kind == ITEM_POISON)
    return NULL;
  struct type t = which.kind == ITEM_VALUE ? which.value->type : type_scalar(ELEM_F32);
  if (t.elem != ELEM_U32 || t.rank > 1 || !index_count(which.value)) {
    fail(e, n->at, "'repeat i, e in' goes through indices, as top and argmax give them; this is %s",
         which.kind == ITEM_VALUE ? type_of(e, t) : "a number");
    return NULL;
  }
  e->b.at = n->at;
  if (e->repeats.n < MAX_REPEATS)
    return t.rank ? which.value : build_reshape(&e->b, which.value, type_make(ELEM_U32, 1, (int64_t[]){1}));
  fail(e, s->at, "a computed index stands in at most %d repeats", MAX_REPEATS - 1);
  return NULL;
}

/* `repeat i, e in which`: a body for each of the indices of a u32 vector, i the number of the iteration.
 * Paths have e as they have the index of a repeat. */
static void elaborate_chosen(struct elaborator *e, struct statement *s) {
  struct value *which = chosen_indices(e, s);
  if (!which || !states_apart(e, &s->body))
    return;
  s->entered = true;
  for (int64_t i = 0; i < which->type.dim[0]; i++) {
    int scope = e->scope.n, errors = e->diag->errors;
    e->b.at = s->values.at[0]->at;
    struct value *one = build_reshape(&e->b, build_slice(&e->b, which, 0, i, i + 1), type_scalar(ELEM_U32));
    struct item number = item_number((double)i), index = item_value(one);
    bind(e, BIND_ELEMENT, s->names.at[0]->text, s->names.at[0]->at, NULL)->item = number;
    struct binding *b = bind(e, BIND_INDEX, s->names.at[1]->text, s->names.at[1]->at, NULL);
    b->item = index;
    b->depth = e->repeats.n;
    name_value(index, s->names.at[1]->text);
    vec_push(e->arena, e->repeats, (struct open_repeat){one, index_count(which)});
    elaborate_body(e, &s->body);
    e->repeats.n--;
    unbind(e, scope, true);
    if (e->diag->errors > errors)
      return;
  }
}

/* ---- both ---------------------------------------------------------------------------------------------- */

/* From the first index, so many. False after a report. */
static bool loop_bounds(struct elaborator *e, const struct statement *s, int64_t *from, int64_t *count) {
  const struct node *first = s->values.at[0], *last = s->values.at[s->values.n - 1];
  *from = 0;
  if (s->values.n == 1)
    return eval_whole(
        e, first, s->kind == STATEMENT_EACH ? "what 'each' counts to" : "a number of iterations", 0, count);
  bool ok = eval_whole(e, first, "the first index of a loop", 0, from);
  ok &= eval_whole(e, last, "where a loop ends", 0, count);
  if (!ok)
    return false;
  *count -= *from;
  if (*count >= 0)
    return true;
  fail(e, loc_span(first->at, last->at), "this loop ends before %lld, and would begin at %lld",
       (long long)(*from + *count), (long long)*from);
  origin_notes(e, first);
  origin_notes(e, last);
  return false;
}

void elaborate_loop(struct elaborator *e, struct statement *s) {
  int64_t from, count;
  if (s->names.n == 2) {
    elaborate_chosen(e, s);
    return;
  }
  if (s->kind == STATEMENT_EACH && s->values.n == 1) {
    int errors = e->diag->errors;
    struct item list = eval_constant(e, s->values.at[0], "what 'each' goes through");
    s->entered |= list.kind == ITEM_LIST && list.n > 0;
    if (list.kind == ITEM_LIST)
      unroll_list(e, s, list);
    if (list.kind == ITEM_LIST || e->diag->errors > errors)
      return;
  }
  if (!loop_bounds(e, s, &from, &count) || count == 0)
    return;
  s->entered = true;
  if (s->kind == STATEMENT_EACH || e->repeats.n == MAX_REPEATS)
    unroll(e, s, from, count);
  else
    repeat_rolled(e, s, from, count);
}
