/* parse.c: reads the IR's text form, by recursive descent (grammar in docs/ir.md).
 *
 * The text is user input. The parser stops at the first error of form; what the operators mean is then
 * checked by ir_verify as a whole. A value is known from its definition to the end of its block. */
#include "ir/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- tokens ------------------------------------------------------------------------------------------ */

void p_next(struct parser *p) {
  p->tok = lexer_next(&p->lexer);
}

bool p_error(struct parser *p, struct loc at, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  const char *message = arena_vprintf(p->arena, format, ap);
  va_end(ap);
  diag_at(p->m->diag, SEVERITY_ERROR, at, "%s", message);
  return false;
}

bool p_expected(struct parser *p, const char *what) {
  if (p->tok.kind == TOKEN_BAD)
    return p_error(p, p->tok.at, "%s", p->tok.text);
  if (p->tok.kind == TOKEN_END)
    return p_error(p, p->tok.at, "expected %s, but the text ends", what);
  return p_error(p, p->tok.at, "expected %s, not '%s'", what, p->tok.text);
}

bool p_is(const struct parser *p, enum token_kind kind, const char *text) {
  return p->tok.kind == kind && strcmp(p->tok.text, text) == 0;
}

bool p_accept(struct parser *p, const char *mark) {
  bool here = p_is(p, TOKEN_MARK, mark);
  if (here)
    p_next(p);
  return here;
}

bool p_expect(struct parser *p, const char *mark) {
  return p_accept(p, mark) || p_expected(p, arena_printf(p->arena, "'%s'", mark));
}

bool p_word(struct parser *p, const char *word) {
  bool here = p_is(p, TOKEN_WORD, word);
  if (here)
    p_next(p);
  return here;
}

bool p_take(struct parser *p, enum token_kind kind, const char *what, const char **text) {
  if (p->tok.kind != kind)
    return p_expected(p, what);
  *text = p->tok.text;
  p_next(p);
  return true;
}

bool p_name(struct parser *p, const char *what, const char **text) {
  return p_take(p, p->tok.kind == TOKEN_STRING ? TOKEN_STRING : TOKEN_WORD, what, text);
}

bool p_integer(struct parser *p, int64_t least, int64_t most, int64_t *n) {
  char *end;
  errno = 0;
  long long x = p->tok.kind == TOKEN_NUMBER ? strtoll(p->tok.text, &end, 10) : 0;
  if (p->tok.kind != TOKEN_NUMBER || *end)
    return p_expected(p, "a whole number");
  if (errno || x < least || x > most)
    return p_error(p, p->tok.at, "%s is not in %lld .. %lld", p->tok.text, (long long)least, (long long)most);
  *n = x;
  p_next(p);
  return true;
}

bool p_number(struct parser *p, double *x) {
  bool word = p_is(p, TOKEN_WORD, "inf") || p_is(p, TOKEN_WORD, "nan");
  char *end;
  if (p->tok.kind != TOKEN_NUMBER && !word)
    return p_expected(p, "a number");
  *x = strtod(p->tok.text, &end);
  if (*end)
    return p_expected(p, "a number");
  p_next(p);
  return true;
}

/* ---- types ------------------------------------------------------------------------------------------- */

static bool parse_dim(struct parser *p, int64_t *dim) {
  *dim = p->tok.kind == TOKEN_WORD ? dim_find(p->m, p->tok.text) : 0;
  if (*dim) {
    p_next(p);
    return true;
  }
  return p_integer(p, 1, (int64_t)1 << 40, dim);
}

bool parse_type(struct parser *p, struct type *t) {
  *t = (struct type){0};
  if (p->tok.kind != TOKEN_WORD || !elem_parse(p->tok.text, &t->elem))
    return p_expected(p, "an element type (bool, u32, i8, i16, i32, f32, q8, q16, ternary)");
  p_next(p);
  if (!p_accept(p, "["))
    return true;
  do {
    if (t->rank == MAX_RANK)
      return p_error(p, p->tok.at, "a type has at most %d axes", MAX_RANK);
    if (!parse_dim(p, &t->dim[t->rank++]))
      return false;
  } while (p_accept(p, ","));
  return p_expect(p, "]");
}

bool parse_format(struct parser *p, int *frac) {
  int64_t n = FRAC_NONE;
  bool ok = !p_word(p, "frac") || p_integer(p, FRAC_LEAST, FRAC_MOST, &n);
  *frac = (int)n;
  return ok;
}

/* ---- declarations ------------------------------------------------------------------------------------ */

/* "[6, 2]" */
static bool parse_counts(struct parser *p, int *n, int64_t *counts) {
  *n = 0;
  if (!p_accept(p, "["))
    return true;
  do {
    if (*n == MAX_REPEATS)
      return p_error(p, p->tok.at, "at most %d repeats nest", MAX_REPEATS);
    if (!p_integer(p, 1, 1 << 20, &counts[(*n)++]))
      return false;
  } while (p_accept(p, ","));
  return p_expect(p, "]");
}

static const int64_t most_bytes = INT64_MAX / 4;

static bool parse_scale(struct parser *p, struct weight *w) {
  static const char *const names[] = {"tensor", "row", "group"};
  for (int i = 0; i < 3; i++)
    if (p_word(p, names[i])) {
      w->scale = (enum weight_scale)i;
      return i < 2 || p_integer(p, 1, (int64_t)1 << 40, &w->group);
    }
  return p_expected(p, "'tensor', 'row' or 'group'");
}

static bool parse_rule(struct parser *p, struct weight *w) {
  if (p->tok.kind != TOKEN_WORD || !scale_rule_parse(p->tok.text, &w->rule))
    return p_expected(p, "a rule for scales (mean, largest, stored, inverse)");
  p_next(p);
  return true;
}

static bool parse_of(struct parser *p, struct weight *w) {
  return p_take(p, TOKEN_STRING, "the name of a tensor, in quotes", &w->tensor);
}

static bool parse_folded(struct parser *p, struct weight *w) {
  (void)p;
  w->origin = WEIGHT_FOLDED;
  return true;
}

static bool parse_trained(struct parser *p, struct weight *w) {
  (void)p;
  return w->trained = true;
}

static bool parse_role(struct parser *p, struct weight *w) {
  if (p->tok.kind != TOKEN_WORD || !weight_role_parse(p->tok.text, &w->role))
    return p_expected(p, "what a weight is for (matrix, table, gain, filter, bias)");
  p_next(p);
  return true;
}

static bool parse_begins(struct parser *p, struct weight *w) {
  w->begins.given = true;
  return p_number(p, &w->begins.mean);
}

static bool parse_deviation(struct parser *p, struct weight *w) {
  return p_number(p, &w->begins.deviation);
}

static bool parse_merged(struct parser *p, struct weight *w) {
  VEC(const char *) parts = {0};
  w->origin = WEIGHT_MERGED;
  do {
    const char *part = NULL;
    if (!p_take(p, TOKEN_STRING, "the name of a merged weight, in quotes", &part))
      return false;
    vec_push(p->arena, parts, part);
  } while (p->tok.kind == TOKEN_STRING);
  w->parts = parts.at;
  w->n_parts = parts.n;
  return true;
}

static bool parse_storage(struct parser *p, enum storage *s) {
  if (p->tok.kind != TOKEN_WORD || !storage_parse(p->tok.text, s))
    return p_expected(p, "a kind of storage (f32, f16, bf16, tile2, tile3, tile4, tile8, i8, i16, i32)");
  p_next(p);
  return true;
}

static bool parse_source(struct parser *p, struct weight *w) {
  return parse_storage(p, &w->source);
}

static bool parse_stored(struct parser *p, struct weight *w) {
  return parse_storage(p, &w->stored);
}

static bool parse_frac(struct parser *p, struct weight *w) {
  int64_t n = FRAC_NONE;
  bool ok = p_integer(p, FRAC_LEAST, FRAC_MOST, &n);
  w->frac = (int)n;
  return ok;
}

static bool parse_at(struct parser *p, struct weight *w) {
  return p_integer(p, 0, most_bytes, &w->offset);
}

static bool parse_scales(struct parser *p, struct weight *w) {
  return p_integer(p, 0, most_bytes, &w->scales);
}

static bool parse_stride(struct parser *p, struct weight *w) {
  return p_integer(p, 0, most_bytes, &w->stride);
}

static const struct {
  const char *word;
  bool (*parse)(struct parser *p, struct weight *w);
} weight_clauses[] = {
    {"per", parse_scale},     {"folded", parse_folded}, {"merged", parse_merged},
    {"source", parse_source}, {"stored", parse_stored}, {"at", parse_at},
    {"scales", parse_scales}, {"stride", parse_stride}, {"frac", parse_frac},
    {"scale", parse_rule},    {"of", parse_of},         {"trained", parse_trained},
    {"role", parse_role},     {"begins", parse_begins}, {"deviation", parse_deviation},
};
enum { WEIGHT_CLAUSES = sizeof weight_clauses / sizeof *weight_clauses };

static bool parse_weight(struct parser *p) {
  const char *name = NULL;
  struct weight w = {.at = p->tok.at};
  if (!p_take(p, TOKEN_SYMBOL, "the weight's @name", &name) || !parse_counts(p, &w.n_counts, w.counts) ||
      !p_expect(p, ":") || !parse_type(p, &w.type))
    return false;
  struct weight *added = weight_add(p->m, name, w.type);
  if (!added)
    return p_error(p, w.at, "the weight '%s' is declared twice", name);
  added->at = w.at;
  added->n_counts = w.n_counts;
  memcpy(added->counts, w.counts, sizeof w.counts);
  for (int i = 0; i < WEIGHT_CLAUSES;)
    if (!p_word(p, weight_clauses[i].word))
      i++;
    else if (!weight_clauses[i].parse(p, added))
      return false;
    else
      i = 0;
  return true;
}

static bool parse_state(struct parser *p) {
  const char *name = NULL;
  struct state s = {.at = p->tok.at};
  if (!p_take(p, TOKEN_SYMBOL, "the state's @name", &name) || !parse_counts(p, &s.n_counts, s.counts) ||
      !p_expect(p, ":") || !parse_type(p, &s.type) || !parse_format(p, &s.frac) || !p_expect(p, "=") ||
      !p_number(p, &s.init))
    return false;
  struct state *added = state_add(p->m, name, s.type);
  if (!added)
    return p_error(p, s.at, "the state '%s' is declared twice", name);
  added->at = s.at;
  added->n_counts = s.n_counts;
  memcpy(added->counts, s.counts, sizeof s.counts);
  added->init = s.init;
  added->frac = s.frac;
  return (!p_word(p, "stored") || parse_storage(p, &added->stored)) &&
         (!p_word(p, "within") || p_name(p, "the function's name", &added->within)) &&
         (!p_word(p, "at") || p_integer(p, 0, most_bytes, &added->offset)) &&
         (!p_word(p, "stride") || p_integer(p, 0, most_bytes, &added->stride));
}

static bool parse_param(struct parser *p) {
  struct dim_param d;
  if (!p_name(p, "the parameter's name", &d.name) || !p_expect(p, "=") || !p_number(p, &d.value))
    return false;
  vec_push(p->arena, p->m->params, d);
  return true;
}

static bool parse_packing(struct parser *p) {
  enum storage s;
  if (p->tok.kind != TOKEN_WORD || !storage_parse(p->tok.text, &s) || !storage_packed(s))
    return p_expected(p, "a packing (tile2, tile3)");
  p->m->packing = s;
  p_next(p);
  return true;
}

enum { MOST_SIZE = 1 << 20 }; /* of a dimension that is known only at each call */

/* "T" */
static bool parse_parts(struct parser *p, struct dim *d) {
  const char *name = NULL;
  struct loc at = p->tok.at;
  if (!p_take(p, TOKEN_WORD, "the dimension that it has a part of", &name))
    return false;
  d->parts = dim_find(p->m, name);
  if (d->parts >= 0 || dim_of(p->m, d->parts) == d || dim_of(p->m, d->parts)->parts || d->most < 1)
    return p_error(p, at, "'%s' has no parts of '%s'; a size and another dimension are expected", d->name,
                   name);
  return true;
}

static bool parse_past(struct parser *p, struct loc at, struct dim *d) {
  d->past = p_word(p, "history") ? PAST_HISTORY : p_word(p, "window") ? PAST_WINDOW : PAST_NONE;
  if (!d->past || (d->most > 0 && !d->sequences && !d->parts))
    return true;
  return p_error(p, at, "'%s' is a history or a window, and needs a size and nothing else", d->name);
}

/* "dim S 4096", "dim R 8 sequences", "dim P 256 parts T", "dim H 8192 history", "dim W 512 window" */
static bool parse_dims(struct parser *p) {
  while (p_word(p, "dim")) {
    struct loc at = p->tok.at;
    const char *name = NULL;
    if (!p_take(p, TOKEN_WORD, "a dimension's name", &name))
      return false;
    int64_t dim = dim_add(p->m, name);
    if (!dim)
      return p_error(p, at,
                     dim_find(p->m, name) ? "the dimension '%s' is declared twice"
                                          : "the dimension '%s': a module has at most %d of them",
                     name, MOST_DIMS);
    if (p->tok.kind == TOKEN_NUMBER && !p_integer(p, 1, MOST_SIZE, &dim_of(p->m, dim)->most))
      return false;
    dim_of(p->m, dim)->sequences = p_word(p, "sequences");
    if (p_word(p, "parts") && !parse_parts(p, dim_of(p->m, dim)))
      return false;
    if (!parse_past(p, at, dim_of(p->m, dim)))
      return false;
  }
  return true;
}

static bool parse_header(struct parser *p) {
  struct module *m = p->m;
  if (!p_word(p, "module"))
    return p_expected(p, "'module'");
  return p_name(p, "the module's name", &m->name) &&
         (!p_word(p, "spec") || p_take(p, TOKEN_STRING, "a file name in quotes", &m->spec)) &&
         (!p_word(p, "chunk") || p_integer(p, 1, MOST_SIZE, &dim_of(m, DIM_T)->most)) &&
         (!p_word(p, "batch") || p_integer(p, 1, MOST_SIZE, &dim_of(m, DIM_B)->most)) && parse_dims(p) &&
         (!p_word(p, "packing") || parse_packing(p)) &&
         (!p_word(p, "weights") || p_integer(p, 0, most_bytes, &m->weights_bytes)) &&
         (!p_word(p, "states") || p_integer(p, 0, most_bytes, &m->state_bytes));
}

/* New kernels get numbers above those that the text uses: "step.k12". */
static void reserve_name(struct op *op, void *data) {
  struct module *m = data;
  if (op->code != OP_KERNEL)
    return;
  const char *digits = op->attr.name + strlen(op->attr.name);
  while (digits > op->attr.name && digits[-1] >= '0' && digits[-1] <= '9')
    digits--;
  if (strlen(digits) > 0 && strlen(digits) < 9 && atoi(digits) >= m->next_kernel)
    m->next_kernel = atoi(digits) + 1;
}

static bool parse_module(struct parser *p) {
  if (!parse_header(p))
    return false;
  while (p->tok.kind != TOKEN_END) {
    bool ok = p_word(p, "weight")  ? parse_weight(p)
              : p_word(p, "state") ? parse_state(p)
              : p_word(p, "param") ? parse_param(p)
              : p_word(p, "func")  ? parse_func(p)
                                   : p_expected(p, "'param', 'weight', 'state' or 'func'");
    if (!ok)
      return false;
  }
  for (struct func *f = p->m->funcs; f; f = f->next)
    walk(f->body, reserve_name, p->m);
  return true;
}

struct module *ir_parse(struct arena *a, struct diag *d, uint16_t file) {
  const struct source *text = &d->sources.at[file - 1];
  struct parser p = {.arena = a, .lexer = lexer_new(a, file, text->text, text->length)};
  p.m = module_new(a, d, "");
  p_next(&p);
  return parse_module(&p) && ir_verify(p.m, NULL) ? p.m : NULL;
}
