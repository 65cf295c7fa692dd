/* past.c: states that grow by a row a token: a history has a row of each token so far, a window of the last
 * ones. A row is appended once for a token; the name then stands for all rows that the token sees, of which
 * the first axis is as long as they are many. */
#include "frontend/language/elaborate.h"

#include <string.h>

/* ---- declarations ------------------------------------------------------------------------------------- */

/* The dimension of a past of that kind and size: all such are as long as each other. */
static int64_t past_dim(struct elaborator *e, enum dim_past past, int64_t most) {
  const char *name = arena_printf(e->m->arena, "%c%lld", past == PAST_WINDOW ? 'W' : 'H', (long long)most);
  int64_t dim = dim_find(e->m, name);
  if (dim || !(dim = dim_add(e->m, name)))
    return dim;
  dim_of(e->m, dim)->most = most;
  dim_of(e->m, dim)->past = past;
  return dim;
}

static bool row_type(struct elaborator *e, const struct statement *s, struct type *t) {
  if (!eval_row_type(e, s->type, t))
    return false;
  if (t->elem != ELEM_F32)
    fail(e, s->type->at, "the rows of a past are f32, bf16 or i8, not %s", type_of(e, *t));
  else if (t->rank >= MAX_RANK)
    fail(e, s->type->at, "a row has at most %d axes, and the tokens are one more", MAX_RANK - 1);
  else if (s->type->stored == STORE_I8 && t->rank == 0)
    fail(e, s->type->at, "a row of codes has at least one axis, along which they share a scale");
  else
    return true;
  return false;
}

enum { MOST_ROWS = 1 << 20 };

static bool row_count(struct elaborator *e, const struct statement *s, int64_t *most) {
  if (!eval_whole(e, s->values.at[0], "a number of rows", 1, most))
    return false;
  if (*most <= MOST_ROWS)
    return true;
  fail(e, s->values.at[0]->at, "a past has at most %d rows, not %lld", MOST_ROWS, (long long)*most);
  return false;
}

static struct state *past_state(struct elaborator *e, const struct name *name, struct type row, int64_t dim,
                                enum storage stored, struct symbol_path *symbol) {
  struct state *s = named_state(e, name, type_lead(row, dim), 0, symbol);
  if (s)
    s->stored = stored == STORE_BF16 ? stored : STORE_NONE;
  return s;
}

/* One scale a vector along the last axis. */
static struct state *scale_state(struct elaborator *e, const struct name *name, struct type row, int64_t dim,
                                 struct symbol_path *symbol) {
  struct name *scale = arena_new(e->arena, struct name);
  *scale = (struct name){.text = arena_printf(e->m->arena, "%s.scale", name->text), .at = name->at};
  row.dim[row.rank - 1] = 1;
  return past_state(e, scale, row, dim, STORE_NONE, symbol);
}

/* One name of the statement. */
static void bind_past(struct elaborator *e, struct statement *s, struct name *name, struct type row,
                      int64_t dim) {
  struct symbol_path symbol = {0}, scales = {0};
  bool codes = s->type->stored == STORE_I8;
  struct type t = row;
  t.elem = codes ? ELEM_I8 : ELEM_F32;
  struct state *state =
      dim && name_free(e, name) ? past_state(e, name, t, dim, s->type->stored, &symbol) : NULL;
  struct binding *b = bind(e, BIND_STATE, name->text, name->at, &name->used);
  b->state = state;
  b->symbol = symbol;
  b->scales = state && codes ? scale_state(e, name, row, dim, &scales) : NULL;
  b->scales_symbol = scales;
  b->type = state ? type_lead(row, dim) : row;
  b->statement = s;
  b->item = b->appended = item_poison();
}

void declare_past(struct elaborator *e, struct statement *s) {
  struct type row = {0};
  int64_t most = 0, dim = 0;
  bool ok = row_type(e, s, &row);
  ok &= row_count(e, s, &most);
  if (ok && !(dim = past_dim(e, s->past, most))) {
    fail(e, s->at, "a model has at most %d kinds of histories and windows", MOST_DIMS - DIMS_GIVEN);
    ok = false;
  }
  for (int i = 0; i < s->names.n; i++)
    bind_past(e, s, s->names.at[i], row, ok ? dim : 0);
}

struct item past_rows_of(struct elaborator *e, const struct binding *b, struct loc at) {
  if (b->item.kind == ITEM_POISON && b->state && !b->assigned.file) {
    fail(e, at, "'%s' has no row of this token yet: %s = append(%s, ...) comes first", b->path.text,
         b->path.text, b->path.text);
    note(e, b->at, "it is declared here");
  }
  return b->item;
}

/* ---- append ------------------------------------------------------------------------------------------- */

/* The row of one state, and all of its rows. */
static struct value *append_row(struct elaborator *e, const struct symbol_path *s, struct value *row) {
  struct value *in[1 + MAX_REPEATS] = {row};
  struct attrs attr = {.symbol = s->name};
  memcpy(in + 1, s->index, sizeof s->index);
  build(&e->b, OP_APPEND, 1 + s->n, in, &attr, NULL);
  return build(&e->b, OP_SEEN, s->n, in + 1, &attr, NULL)->out[0];
}

/* Codes of 8 bits as quantize makes them; the rows are codes / scale again. */
static struct value *append_codes(struct elaborator *e, const struct binding *b, struct value *row) {
  struct builder *at = &e->b;
  struct type f32 = type_scalar(ELEM_F32);
  struct value *largest = build_axis(at, OP_ABSMAX, row, row->type.rank - 1);
  largest = build2(at, OP_MAX, largest, build_const(at, 1e-5, f32));
  struct value *scale = build2(at, OP_DIV, build_const(at, 127, f32), largest);
  struct value *codes = build(at, OP_CODES, 2, (struct value *[]){row, scale},
                              &(struct attrs){.bits = 8, .round = ROUND_HALF_EVEN}, NULL)
                            ->out[0];
  struct value *all = append_row(e, &b->symbol, codes), *scales = append_row(e, &b->scales_symbol, scale);
  struct value *numbers = build(at, OP_CONVERT, 1, &all, NULL, &b->type)->out[0];
  return build2(at, OP_DIV, numbers, scales);
}

/* The row, stretched to the shape of the past's. */
static struct value *row_of(struct elaborator *e, const struct binding *b, const struct node *n) {
  struct item item = eval_one(e, n);
  struct value *v = plain(e, item, n->at);
  struct type row = type_rest(b->type), both;
  if (!v || type_equal(v->type, row))
    return v;
  if (v->type.elem != ELEM_F32 || !type_broadcast(v->type, row, &both) || !type_equal(both, row)) {
    fail(e, n->at, "a row of '%s' is %s; this is %s", b->path.text, type_of(e, row), type_of(e, v->type));
    note(e, b->at, "it is declared here");
    return NULL;
  }
  item = item_value(v);
  return apply(e, OP_BROADCAST, n->at, 1, &item, NULL, NULL, &row).value;
}

/* Whether this is the place of this token's one row. */
static bool may_append(struct elaborator *e, const struct binding *b, struct loc at) {
  if (b->assigned.file)
    fail(e, at, "'%s' would get a second row of one token", b->path.text);
  else if (b->state->n_counts != e->repeats.n)
    fail(e, at, "'%s' would get a row in each iteration of this repeat; declare it in there", b->path.text);
  else
    return true;
  note(e, b->assigned.file ? b->assigned : b->at, b->assigned.file ? "the first one" : "it is declared here");
  return false;
}

/* The past that the node names, or NULL after a report. */
static struct binding *named_past(struct elaborator *e, const struct node *call, const struct node *n) {
  struct binding *b = n->kind == NODE_NAME ? find_name(e, n->text) : NULL;
  if (b && b->kind == BIND_STATE && b->statement->past)
    return b;
  fail(e, n->at, "%s takes the name of a history or a window; this is '%s'", call->a->text,
       node_text(e->arena, n));
  if (b)
    note(e, b->at, "'%s' is declared here", n->text);
  return NULL;
}

static struct item call_append(struct elaborator *e, const struct node *n) {
  struct binding *b = named_past(e, n, n->args.at[0].value);
  struct value *row = b && b->state ? row_of(e, b, n->args.at[1].value) : NULL;
  if (!row || !may_append(e, b, n->at))
    return item_poison();
  e->b.at = n->at;
  b->assigned = n->at;
  struct value *all = b->scales ? append_codes(e, b, row) : append_row(e, &b->symbol, row);
  b->item = b->appended = item_value(sound(all));
  name_value(b->appended, b->path.text);
  return b->appended;
}

/* ---- the token's number, and those of the rows ----------------------------------------------------------
 */

static struct item call_position(struct elaborator *e, const struct node *n) {
  struct type t = type_scalar(ELEM_U32);
  e->b.at = n->at;
  return item_value(build(&e->b, OP_POSITION, 0, NULL, NULL, &t)->out[0]);
}

static struct item call_age(struct elaborator *e, const struct node *n) {
  const struct binding *b = named_past(e, n, n->args.at[0].value);
  if (!b || !b->state)
    return item_poison();
  struct type t = type_lead(type_scalar(ELEM_F32), b->type.dim[0]);
  e->b.at = n->at;
  return item_value(build(&e->b, OP_AGE, 0, NULL, NULL, &t)->out[0]);
}

struct item call_past(struct elaborator *e, const struct node *n, bool *known) {
  static const struct {
    const char *name, *usage;
    int arguments;
    struct item (*run)(struct elaborator *e, const struct node *n);
  } functions[] = {{"append", "append(NAME, row)", 2, call_append},
                   {"position", "position()", 0, call_position},
                   {"age", "age(NAME)", 1, call_age}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (strcmp(n->a->text, functions[i].name) != 0)
      continue;
    bool fits = n->args.n == functions[i].arguments;
    for (int k = 0; k < n->args.n; k++)
      fits &= !n->args.at[k].name;
    *known = true;
    if (fits)
      return functions[i].run(e, n);
    fail(e, n->at, "%s is called as %s", functions[i].name, functions[i].usage);
    return item_poison();
  }
  *known = false;
  return item_poison();
}
