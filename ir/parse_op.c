/* parse_op.c: functions, blocks and operators of the IR's text form. */
#include "ir/parse.h"

#include "ir/raw.h"
#include <string.h>

enum { MOST_NESTED = 16 };

/* ---- values ------------------------------------------------------------------------------------------ */

static struct value *find_value(const struct parser *p, const char *name) {
  for (int i = p->scope.n; i-- > 0;)
    if (strcmp(p->scope.at[i].name, name) == 0)
      return p->scope.at[i].value;
  return NULL;
}

/* The spec's name in "h.3" or "h"; NULL in "3". */
static const char *name_hint(struct arena *a, const char *text) {
  size_t n = strlen(text), digits = n;
  while (digits > 0 && text[digits - 1] >= '0' && text[digits - 1] <= '9')
    digits--;
  if (digits < n && digits > 0 && text[digits - 1] == '.')
    n = digits - 1;
  bool named = n > 0 && *text != '.' && !(*text >= '0' && *text <= '9');
  return named ? arena_strndup(a, text, n) : NULL;
}

static bool define(struct parser *p, struct token name, struct value *v) {
  if (find_value(p, name.text))
    return p_error(p, name.at, "'%%%s' is defined twice", name.text);
  v->name = name_hint(p->arena, name.text);
  vec_push(p->arena, p->scope, (struct named_value){name.text, v});
  return true;
}

static bool unknown_value(struct parser *p) {
  VEC(const char *) names = {0};
  for (int i = 0; i < p->scope.n; i++)
    vec_push(p->arena, names, p->scope.at[i].name);
  const char *near = diag_nearest(p->tok.text, names.at, names.n);
  if (near)
    return p_error(p, p->tok.at, "'%%%s' is not defined here; did you mean '%%%s'?", p->tok.text, near);
  return p_error(p, p->tok.at, "'%%%s' is not defined here", p->tok.text);
}

static bool parse_value(struct parser *p, struct value **v) {
  if (p->tok.kind != TOKEN_VALUE)
    return p_expected(p, "a %value");
  if (!(*v = find_value(p, p->tok.text)))
    return unknown_value(p);
  p_next(p);
  return true;
}

struct values {
  VEC(struct value *) list;
};

/* Values with commas between; none when the next token is not a value. */
static bool parse_values(struct parser *p, struct values *values) {
  if (p->tok.kind != TOKEN_VALUE)
    return true;
  do {
    struct value *v;
    if (!parse_value(p, &v))
      return false;
    vec_push(p->arena, values->list, v);
  } while (p_accept(p, ","));
  return true;
}

/* " at 64", " at output", " at output 1" */
static bool parse_place(struct parser *p, int64_t *at) {
  int64_t result = 0;
  *at = AT_NONE;
  if (!p_word(p, "at"))
    return true;
  if (!p_word(p, "output"))
    return p_integer(p, 0, INT64_MAX / 4, at);
  bool ok = p->tok.kind != TOKEN_NUMBER || p_integer(p, 0, INT32_MAX, &result);
  *at = AT_OUTPUT - result;
  return ok;
}

/* ---- operators --------------------------------------------------------------------------------------- */

struct result_text {
  struct type type;
  int frac;
  int64_t at;
};

/* What is read of one operator before it is made. */
struct op_text {
  VEC(struct token) names; /* results */
  VEC(struct result_text) results;
  struct token code_at;
  enum opcode code;
  struct values in;
  struct attrs attr;
};

static bool parse_results(struct parser *p, struct op_text *t) {
  do {
    struct result_text r;
    if (!parse_type(p, &r.type) || !parse_format(p, &r.frac) || !parse_place(p, &r.at))
      return false;
    vec_push(p->arena, t->results, r);
  } while (p_accept(p, ","));
  return true;
}

/* Makes the operator of what was read. Its results are not yet in scope. */
static struct op *make(struct parser *p, struct block *b, const struct op_text *t) {
  struct builder at = builder_end(p->m, b);
  at.at = t->code_at.at;
  struct op *op = op_raw(&at, t->code, t->in.list.n, t->in.list.at, &t->attr);
  struct type *types = arena_array(p->arena, struct type, t->results.n);
  for (int i = 0; i < t->results.n; i++)
    types[i] = t->results.at[i].type;
  op_set_results(p->m, op, t->results.n, types);
  for (int i = 0; i < t->results.n; i++) {
    op->out[i]->at = t->results.at[i].at;
    op->out[i]->frac = t->results.at[i].frac;
  }
  return op;
}

static bool define_results(struct parser *p, const struct op_text *t, struct op *op) {
  if (t->names.n != t->results.n)
    return p_error(p, t->code_at.at, "%d names for %d results", t->names.n, t->results.n);
  for (int i = 0; i < t->names.n; i++)
    if (!define(p, t->names.at[i], op->out[i]))
      return false;
  return true;
}

/* "%h, @h[%l]" where something is written, "@h[%l]" elsewhere. */
static bool parse_symbol(struct parser *p, struct op_text *t) {
  for (int i = 0; i < op_changes(t->code); i++) {
    struct value *v;
    if (!parse_value(p, &v) || !p_expect(p, ","))
      return false;
    vec_push(p->arena, t->in.list, v);
  }
  if (!p_take(p, TOKEN_SYMBOL, "an @name", &t->attr.symbol))
    return false;
  return !p_accept(p, "[") || (parse_values(p, &t->in) && p_expect(p, "]"));
}

static bool parse_simple(struct parser *p, struct block *b, struct op_text *t) {
  bool symbol = op_info[t->code].flags & SYMBOL;
  if (!(symbol ? parse_symbol(p, t) : parse_values(p, &t->in)) || !parse_attrs(p, t->code, &t->attr))
    return false;
  if (op_info[t->code].outs != 0 && (!p_expect(p, ":") || !parse_results(p, t)))
    return false;
  return define_results(p, t, make(p, b, t));
}

/* ---- regions ----------------------------------------------------------------------------------------- */

static bool parse_block(struct parser *p, struct block *b);

struct argument_name {
  struct token name;
  int64_t at;
};

struct arguments {
  VEC(struct argument_name) list;
};

/* "(%l, %x = %a)": the first `bare` arguments have no value. */
static bool parse_arguments(struct parser *p, int bare, struct op_text *t, struct arguments *args) {
  if (!p_expect(p, "("))
    return false;
  if (bare == 0 && p_accept(p, ")"))
    return true;
  do {
    struct argument_name a = {.name = p->tok};
    const char *unused;
    if (!p_take(p, TOKEN_VALUE, "a %value", &unused) || !parse_place(p, &a.at))
      return false;
    vec_push(p->arena, args->list, a);
    if (args->list.n <= bare)
      continue;
    struct value *v;
    if (!p_expect(p, "=") || !parse_value(p, &v))
      return false;
    vec_push(p->arena, t->in.list, v);
  } while (p_accept(p, ","));
  return p_expect(p, ")");
}

/* The type of argument i of a body: a repeat's index, a carried value, or a token's part of one. */
static struct type argument_type(const struct op *op, int i) {
  int first = op->code == OP_REPEAT;
  if (i < first)
    return type_scalar(ELEM_U32);
  struct type t = op->in[i - first]->type;
  if (op->code == OP_SCAN && t.rank > 0) {
    memmove(t.dim, t.dim + 1, sizeof t.dim - sizeof *t.dim);
    t.dim[--t.rank] = 0;
  }
  return t;
}

static bool parse_body(struct parser *p, struct op *op, const struct arguments *args) {
  int outside = p->scope.n, first = op->code == OP_REPEAT;
  if (++p->depth > MOST_NESTED)
    return p_error(p, op->at, "bodies nest more than %d deep", MOST_NESTED);
  for (int i = 0; i < args->list.n; i++) {
    struct value *v = block_arg(p->m, op->body, argument_type(op, i), NULL);
    v->at = args->list.at[i].at;
    if (i >= first)
      v->frac = op->in[i - first]->frac;
    if (!define(p, args->list.at[i].name, v))
      return false;
  }
  if (!parse_block(p, op->body))
    return false;
  p->depth--;
  p->scope.n = outside;
  return true;
}

/* "parts P" */
static bool parse_parts(struct parser *p, int64_t *dim) {
  const char *name = NULL;
  struct loc at = p->tok.at;
  if (!p_take(p, TOKEN_WORD, "a dimension of parts", &name))
    return false;
  *dim = dim_find(p->m, name);
  return (*dim < 0 && dim_of(p->m, *dim)->parts) || p_error(p, at, "'%s' is no dimension of parts", name);
}

static bool parse_region(struct parser *p, struct block *b, struct op_text *t) {
  struct arguments args = {0};
  unsigned attrs = op_info[t->code].attrs;
  t->attr.reverse = attrs & A_REVERSE && p_word(p, "reverse");
  if (attrs & A_COUNT && !p_integer(p, 1, INT32_MAX, &t->attr.count))
    return false;
  if (t->code == OP_REPEAT && p_word(p, "parts") && !parse_parts(p, &t->attr.group))
    return false;
  if (attrs & A_NAME && !p_take(p, TOKEN_STRING, "the kernel's name in quotes", &t->attr.name))
    return false;
  if (t->code != OP_KERNEL && !parse_arguments(p, t->code == OP_REPEAT, t, &args))
    return false;
  if (p_accept(p, "->") && !parse_results(p, t))
    return false;
  struct op *op = make(p, b, t);
  return parse_body(p, op, &args) && define_results(p, t, op);
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

static bool parse_opcode(struct parser *p, struct op_text *t) {
  static const char *const names[OP_COUNT] = {
#define OP(id, text, ins, outs, rule, attrs, flags, doc) text,
#include "ir/ops.def"
  };
  t->code_at = p->tok;
  if (p->tok.kind != TOKEN_WORD)
    return p_expected(p, "an operator or '}'");
  if (!opcode_parse(p->tok.text, &t->code)) {
    const char *near = diag_nearest(p->tok.text, names, OP_COUNT);
    return p_error(p, p->tok.at, "there is no operator '%s'%s%s%s", p->tok.text,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  }
  p_next(p);
  return true;
}

static bool parse_names(struct parser *p, struct op_text *t) {
  if (p->tok.kind != TOKEN_VALUE)
    return true;
  do {
    struct token name = p->tok;
    const char *unused;
    if (!p_take(p, TOKEN_VALUE, "a %value", &unused))
      return false;
    vec_push(p->arena, t->names, name);
  } while (p_accept(p, ","));
  return p_expect(p, "=");
}

static bool parse_op(struct parser *p, struct block *b) {
  struct op_text t = {0};
  if (!parse_names(p, &t) || !parse_opcode(p, &t))
    return false;
  return op_info[t.code].flags & REGION ? parse_region(p, b, &t) : parse_simple(p, b, &t);
}

static bool parse_block(struct parser *p, struct block *b) {
  if (!p_expect(p, "{"))
    return false;
  while (!p_accept(p, "}"))
    if (!parse_op(p, b))
      return false;
  return true;
}

static bool parse_parameters(struct parser *p, struct func *f) {
  if (!p_expect(p, "("))
    return false;
  if (p_accept(p, ")"))
    return true;
  do {
    struct token name = p->tok;
    const char *unused;
    struct type t;
    int frac;
    if (!p_take(p, TOKEN_VALUE, "a %value", &unused) || !p_expect(p, ":") || !parse_type(p, &t) ||
        !parse_format(p, &frac))
      return false;
    struct value *v = block_arg(p->m, f->body, t, NULL);
    v->frac = frac;
    if (!define(p, name, v))
      return false;
  } while (p_accept(p, ","));
  return p_expect(p, ")");
}

/* "f32[8]", "loss: f32", "w: f32[8, 8] updates %w": the name may be missing where there is one result. */
static bool parse_result(struct parser *p, struct func *f, struct op_text *t) {
  struct result r = {.updates = -1};
  struct result_text text = {.at = AT_NONE};
  enum elem e;
  bool named = p->tok.kind == TOKEN_STRING || (p->tok.kind == TOKEN_WORD && !elem_parse(p->tok.text, &e));
  struct value *argument;
  if (named && (!p_name(p, "a result's name", &r.name) || !p_expect(p, ":")))
    return false;
  if (!parse_type(p, &text.type) || !parse_format(p, &text.frac))
    return false;
  if (p_word(p, "updates")) { /* only arguments are in scope here */
    if (!parse_value(p, &argument))
      return false;
    r.updates = argument->index;
  }
  if (named || r.updates >= 0 || f->results.n || p_is(p, TOKEN_MARK, ",")) {
    r.name = named ? r.name : arena_printf(p->arena, "result%d", f->results.n);
    vec_push(p->arena, f->results, r);
  }
  vec_push(p->arena, t->results, text);
  return true;
}

static bool parse_func_results(struct parser *p, struct func *f, struct op_text *t) {
  do
    if (!parse_result(p, f, t))
      return false;
  while (p_accept(p, ","));
  return true;
}

/* The types after "->" against what return gives. */
static bool check_results(struct parser *p, struct loc at, const struct func *f, const struct op_text *t) {
  const struct op *end = f->body->last;
  if (!end || end->code != OP_RETURN)
    return true; /* the verifier's */
  bool same = end->n_in == t->results.n;
  for (int i = 0; same && i < end->n_in; i++)
    same = type_equal(end->in[i]->type, t->results.at[i].type);
  return same || p_error(p, at, "the results of func '%s' are not those that it returns", f->name);
}

bool parse_func(struct parser *p) {
  struct loc at = p->tok.at;
  const char *name = NULL;
  struct op_text t = {0};
  if (!p_name(p, "the function's name", &name))
    return false;
  if (func_find(p->m, name))
    return p_error(p, at, "the function '%s' is defined twice", name);
  struct func *f = func_add(p->m, name);
  p->scope.n = 0;
  if (!parse_parameters(p, f) || (p_accept(p, "->") && !parse_func_results(p, f, &t)))
    return false;
  f->spread = p_word(p, "spread");
  return (!p_word(p, "scratch") || p_integer(p, 0, INT64_MAX / 4, &f->scratch)) && parse_block(p, f->body) &&
         check_results(p, at, f, &t);
}
