/* verify.c: checks that a module keeps the rules of docs/ir.md.
 *
 * In order: symbols, then each function: results of operators against their rules (infer.c), definitions
 * before uses, block ends, where quantised and ternary values go, where tokens' dimensions may stand, states
 * written once, and, where memory is planned, the places of buffers. All that is wrong is reported. */
#include "ir/policy.h"
#include "support/holes.h"
#include "support/whole.h"

#include <string.h>

struct verifier {
  const struct module *m;
  const char *after;
  struct arena arena; /* message texts */
  const struct func *f;
  VEC(struct value *) visible;   /* values that can be used here, innermost block last */
  VEC(const struct op *) writes; /* to states and folded weights, so far in this function */
  VEC(const struct op *) kernels;
  bool ok;
};

__attribute__((format(printf, 3, 4))) static void report(struct verifier *c, struct loc at,
                                                         const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  const char *message = arena_vprintf(&c->arena, format, ap);
  va_end(ap);
  diag_at(c->m->diag, SEVERITY_ERROR, at, "%s%s%s%s", c->after ? "after " : "", c->after ? c->after : "",
          c->after ? ": " : "", message);
  c->ok = false;
}

static const char *text_of(struct verifier *c, struct type t) {
  return type_text(&c->arena, c->m, t);
}

static const char *name_of(const struct op *op) {
  return op_info[op->code].text;
}

/* ---- symbols ----------------------------------------------------------------------------------------- */

static int64_t instances(int n, const int64_t *counts) {
  int64_t product = 1;
  for (int i = 0; i < n; i++)
    product *= counts[i];
  return product;
}

/* [offset, offset + all instances) inside `total`, aligned; offset -1: not planned. */
static void check_place(struct verifier *c, struct loc at, const char *name, int64_t offset, int64_t stride,
                        int64_t count, int64_t total) {
  if (offset < 0)
    return;
  int align = c->m->policy->align;
  if (offset % align || stride % align || stride < 0)
    report(c, at, "'%s' at %lld, stride %lld: buffers are aligned to %d bytes", name, (long long)offset,
           (long long)stride, align);
  else if (total >= 0 && offset + (count - 1) * stride >= total)
    report(c, at, "'%s' at %lld, stride %lld, leaves the %lld bytes", name, (long long)offset,
           (long long)stride, (long long)total);
}

/* In the sequence's state, or in the scratch of its function, whose first axis it has. */
static void check_state_place(struct verifier *c, const struct state *s) {
  const struct func *f = s->within ? func_find(c->m, s->within) : NULL;
  if (s->within && (!f || !type_dynamic(s->type) || type_is_past(c->m, s->type) || s->n_counts))
    report(c, s->at,
           "state '%s' lies within '%s': what does is as long as a call of a function, and has one instance",
           s->name, s->within);
  else
    check_place(c, s->at, s->name, s->offset, s->stride, instances(s->n_counts, s->counts),
                f ? f->scratch : c->m->state_bytes);
}

/* What lies in a buffer of weights or states. */
static bool stored_type(struct type t) {
  return (t.elem == ELEM_F32 || elem_integer(t.elem)) && !type_dynamic(t);
}

/* A state may be as long as a call: one number of tokens, which leads. Such a one may have a quantised vector
 * a token, until ternarize. */
static bool state_type(struct type t) {
  bool quantised = t.elem == ELEM_Q8 || t.elem == ELEM_Q16;
  if (quantised)
    return t.rank == 2 && t.dim[0] < 0 && t.dim[1] > 0;
  if (t.rank && t.dim[0] < 0)
    t.dim[0] = 1;
  return stored_type(t);
}

static void check_format(struct verifier *c, struct loc at, const char *what, struct type t, int frac) {
  if (frac == FRAC_NONE)
    return;
  if (!elem_integer(t.elem))
    report(c, at, "%s: %s has fraction bits; only i8, i16 and i32 have a format", what, text_of(c, t));
  else if (frac < FRAC_LEAST || frac > FRAC_MOST)
    report(c, at, "%s: %d fraction bits are not in %d .. %d", what, frac, FRAC_LEAST, FRAC_MOST);
}

/* A number that an element of the type can hold. */
static bool holds(enum elem e, double x) {
  static const struct {
    int64_t least, most;
  } range[ELEM_COUNT] = {
      [ELEM_BOOL] = {0, 1},
      [ELEM_U32] = {0, UINT32_MAX},
      [ELEM_I8] = {INT8_MIN, INT8_MAX},
      [ELEM_I16] = {INT16_MIN, INT16_MAX},
      [ELEM_I32] = {INT32_MIN, INT32_MAX},
  };
  int64_t n;
  bool quantised = e == ELEM_Q8 || e == ELEM_Q16;
  return e == ELEM_F32 || (quantised && x == 0) || whole_number(x, range[e].least, range[e].most, &n);
}

static void check_scale(struct verifier *c, const struct weight *w) {
  if (!elem_codes(w->type.elem)) {
    if (w->scale != WSCALE_TENSOR || w->rule != RULE_AUTO || w->origin == WEIGHT_MERGED)
      report(c, w->at, "weight '%s': only weights of codes have scales or are merged", w->name);
    return;
  }
  if (w->type.rank != 2)
    report(c, w->at, "weight '%s' is %s; a weight of codes is a matrix", w->name, text_of(c, w->type));
  else if (w->scale == WSCALE_GROUP && (w->group < 1 || w->group > w->type.dim[1]))
    report(c, w->at, "weight '%s': groups of %lld columns in %s", w->name, (long long)w->group,
           text_of(c, w->type));
}

/* A merged weight has the rows of its parts. */
static void check_parts(struct verifier *c, const struct weight *w) {
  int64_t rows = 0;
  for (int i = 0; i < w->n_parts; i++) {
    const struct weight *part = weight_find(c->m, w->parts[i]);
    if (!part) {
      report(c, w->at, "weight '%s': there is no weight '%s' to merge", w->name, w->parts[i]);
      return;
    }
    if (part->origin == WEIGHT_MERGED || part->type.elem != w->type.elem || !elem_codes(w->type.elem) ||
        part->type.rank != 2 || w->type.rank != 2 || part->type.dim[1] != w->type.dim[1] ||
        part->n_counts != w->n_counts ||
        instances(part->n_counts, part->counts) != instances(w->n_counts, w->counts)) {
      report(c, w->at, "weight '%s' is %s; the part '%s' of type %s does not fit", w->name,
             text_of(c, w->type), part->name, text_of(c, part->type));
      return;
    }
    rows += part->type.dim[0];
  }
  if (w->origin == WEIGHT_MERGED && w->type.rank == 2 && rows != w->type.dim[0])
    report(c, w->at, "weight '%s' is %s; its parts have %lld rows", w->name, text_of(c, w->type),
           (long long)rows);
}

/* The numbers in a tensor's name. Those of computed weights are nobody's. */
static void check_holes(struct verifier *c, struct loc at, const char *name, int n, const int64_t *counts) {
  const char *wrong = holes_wrong(&c->arena, name, n, counts);
  if (wrong)
    report(c, at, "'%s': %s", name, wrong);
}

static void check_symbols(struct verifier *c) {
  for (const struct weight *w = c->m->weights; w; w = w->next) {
    if (!elem_codes(w->type.elem) && !stored_type(w->type))
      report(c, w->at, "weight '%s' is %s; weights are f32 or codes, or folded i8, i16 or i32", w->name,
             text_of(c, w->type));
    else if (elem_integer(w->type.elem) && w->origin != WEIGHT_FOLDED)
      report(c, w->at, "weight '%s' is %s; only folded weights are integers", w->name, text_of(c, w->type));
    if (w->trained && w->origin != WEIGHT_LOADED)
      report(c, w->at, "weight '%s' is computed from others; only tensors of the checkpoint are trained",
             w->name);
    if (w->tensor && w->origin != WEIGHT_LOADED)
      report(c, w->at, "weight '%s' is no tensor of the checkpoint, but is said to be '%s' there", w->name,
             w->tensor);
    if (w->origin == WEIGHT_LOADED)
      check_holes(c, w->at, w->tensor ? w->tensor : w->name, w->n_counts, w->counts);
    check_format(c, w->at, w->name, w->type, w->frac);
    check_scale(c, w);
    check_parts(c, w);
    check_place(c, w->at, w->name, w->offset, w->stride, weight_instances(w), c->m->weights_bytes);
  }
  for (const struct state *s = c->m->states; s; s = s->next) {
    if (!state_type(s->type))
      report(c, s->at, "state '%s' is %s; states are f32, i8, i16 or i32", s->name, text_of(c, s->type));
    else if (!holds(s->type.elem, s->init))
      report(c, s->at, "state '%s' begins with %g, which is not a value of %s", s->name, s->init,
             elem_name(s->type.elem));
    if (s->stored != STORE_NONE && (s->stored != STORE_BF16 || s->type.elem != ELEM_F32))
      report(c, s->at, "state '%s' is %s; f32 can be stored as bf16, nothing else", s->name,
             text_of(c, s->type));
    if (s->n_counts) /* else there is one, whatever its name */
      check_holes(c, s->at, s->name, s->n_counts, s->counts);
    check_format(c, s->at, s->name, s->type, s->frac);
    check_state_place(c, s);
  }
}

/* ---- types ------------------------------------------------------------------------------------------- */

static void check_results(struct verifier *c, const struct op *op) {
  struct type *want = arena_array(&c->arena, struct type, op->n_out);
  const char *why = "";
  if (!op_infer(&c->arena, c->m, op, want, &why)) {
    report(c, op->at, "%s", why);
    return;
  }
  for (int i = 0; i < op->n_out; i++)
    if (!type_equal(want[i], op->out[i]->type))
      report(c, op->at, "%s: the result is %s, not %s", name_of(op), text_of(c, want[i]),
             text_of(c, op->out[i]->type));
}

/* Whether the block is in a repeat over those parts. */
static bool goes_through(const struct block *b, int64_t dim) {
  for (; b->parent; b = b->parent->block)
    if (b->parent->code == OP_REPEAT && b->parent->attr.group == dim)
      return true;
  return false;
}

static bool in_scan(const struct block *b) {
  for (; b->parent; b = b->parent->block)
    if (b->parent->code == OP_SCAN)
      return true;
  return false;
}

/* Whether one token is at hand: of a call that has no other, or of the scan around. */
static bool one_token(const struct verifier *c, const struct block *b) {
  return !func_dynamic(c->f) || in_scan(b);
}

/* Dimensions that are known only at each call lead, and come in with the function's arguments and results. */
static void check_dims(struct verifier *c, struct loc at, const struct block *b, struct type t) {
  for (int i = 0; i < t.rank; i++) {
    if (t.dim[i] >= 0)
      continue;
    const char *name = dim_of(c->m, t.dim[i])->name;
    int64_t parts = dim_of(c->m, t.dim[i])->parts;
    if (i > 0)
      report(c, at, "%s: only the first axis can be %s, which is known only at each call", text_of(c, t),
             name);
    else if (dim_is_past(c->m, t.dim[i]) && !one_token(c, b))
      report(c, at, "%s: what a token sees is there in a function of one token, and in a scan",
             text_of(c, t));
    else if (dim_is_past(c->m, t.dim[i]))
      continue;
    else if (parts && !goes_through(b, t.dim[i]))
      report(c, at, "%s stands outside a repeat over parts %s", text_of(c, t), name);
    else if (!func_has_dim(c->f, parts ? parts : t.dim[i]))
      report(c, at, "%s in '%s': no argument or result of the function has the dimension %s", text_of(c, t),
             c->f->name, name);
    else
      continue;
    return;
  }
}

/* The index of a part, or of a row, is that of a repeat around it through such parts. */
static bool is_part_number(const struct verifier *c, const struct value *index, struct type t,
                           struct type whole) {
  bool row = type_is_row(c->m, t, whole);
  return is_part_index(c->m, index, whole.dim[0], row ? 1 : dim_of(c->m, t.dim[0])->most);
}

/* A function of several sequences has the state of each, another that of the one. */
static void check_state(struct verifier *c, const struct op *op) {
  const struct state *s = op->attr.symbol ? state_find(c->m, op->attr.symbol) : NULL;
  const struct value *v = op->code == OP_READ ? op->out[0] : op->n_in ? op->in[0] : NULL;
  if (s && s->within && strcmp(s->within, c->f->name) != 0)
    report(c, op->at, "%s: '%s' lies within '%s', not within '%s'", name_of(op), s->name, s->within,
           c->f->name);
  if (s && v && type_is_part(c->m, v->type, s->type) &&
      !is_part_number(c, op->in[op->n_in - 1], v->type, s->type))
    report(c, op->at, "%s: the part of '%s' is not the one of the repeat around it", name_of(op), s->name);
  if (s && type_is_past(c->m, s->type))
    return;
  if (s && type_dynamic(s->type)) {
    if (func_sequences(c->m, c->f))
      report(c, op->at, "%s: '%s' is as long as a call, and '%s' is of several sequences", name_of(op),
             s->name, c->f->name);
    return;
  }
  struct type t = op->code == OP_READ ? op->out[0]->type : op->n_in ? op->in[0]->type : (struct type){0};
  int64_t of = func_sequences(c->m, c->f), lead = t.rank ? t.dim[0] : 1;
  if (of && lead != of)
    report(c, op->at, "%s: %s in '%s', where each sequence has its own; [%s, ...] is expected", name_of(op),
           text_of(c, t), c->f->name, dim_of(c->m, of)->name);
  if (!of && lead < 0)
    report(c, op->at, "%s: %s in '%s', where there is one sequence", name_of(op), text_of(c, t), c->f->name);
}

/* What is of each token of a call: the numbers of tokens, and what is appended. */
static void check_rows(struct verifier *c, const struct op *op, struct type t, int rank) {
  int64_t of = func_sequences(c->m, c->f), lead = t.rank > rank ? t.dim[0] : 1;
  bool many = func_dynamic(c->f);
  if (in_scan(op->block))
    report(c, op->at, "%s: stands in a scan; it is of all tokens of a call at once", name_of(op));
  else if (many != (lead < 0) || (of && lead != of))
    report(c, op->at, "%s: %s in '%s', %s", name_of(op), text_of(c, t), c->f->name,
           many ? "which takes several tokens" : "which takes one token");
}

static void check_past(struct verifier *c, const struct op *op) {
  const struct state *s = op->attr.symbol ? state_find(c->m, op->attr.symbol) : NULL;
  bool access = op->code == OP_READ || op->code == OP_WRITE;
  if (access && s && type_is_past(c->m, s->type))
    report(c, op->at, "%s: '%s' is a history or a window; rows are appended to it, and seen", name_of(op),
           s->name);
  if (op->code == OP_APPEND && s && op->n_in && s->type.rank)
    check_rows(c, op, op->in[0]->type, s->type.rank - 1);
  if (op->code == OP_APPEND_BACK)
    check_rows(c, op, op->out[0]->type, op->out[0]->type.rank - 1);
  if (op->code == OP_POSITION)
    check_rows(c, op, op->out[0]->type, 0);
}

/* Quantised values and weights of codes enter products only; a weight as the matrix. */
static void check_operand(struct verifier *c, const struct op *op, int i) {
  enum elem e = op->in[i]->type.elem;
  bool quantised = e == ELEM_Q8 || e == ELEM_Q16;
  if ((quantised && op->code != OP_MATMUL && op->code != OP_OUTER && op->code != OP_DEQUANTIZE &&
       op->code != OP_WRITE) ||
      (elem_codes(e) && !(op_takes_matrix(op) && i == 0)))
    report(c, op->at, "%s: %s can only enter a matrix product", name_of(op), text_of(c, op->in[i]->type));
}

/* A constant of an integer type is an integer that the type holds. */
static void check_const(struct verifier *c, const struct op *op) {
  enum elem e = op->out[0]->type.elem;
  if (!holds(e, op->attr.value))
    report(c, op->at, "const: %g is not a value of %s", op->attr.value, elem_name(e));
}

/* ---- definitions and effects ------------------------------------------------------------------------- */

/* While a value can be used it stands at visible.at[value->id]. */
static bool is_visible(const struct verifier *c, const struct value *v) {
  return v->id >= 0 && v->id < c->visible.n && c->visible.at[v->id] == v;
}

static void make_visible(struct verifier *c, struct loc at, struct value *v, const struct op *def,
                         const struct block *b, int index) {
  if (v->def != def || v->block != b || v->index != index)
    report(c, at, "%s: a result or argument that is linked elsewhere", def ? name_of(def) : "block");
  check_dims(c, at, b, v->type);
  check_format(c, at, def ? name_of(def) : "argument", v->type, v->frac);
  v->id = c->visible.n;
  vec_push(&c->arena, c->visible, v);
}

static void check_operands(struct verifier *c, const struct op *op) {
  for (int i = 0; i < op->n_in; i++) {
    if (!is_visible(c, op->in[i]))
      report(c, op->at, "%s: operand %d%s%s%s is not defined before it", name_of(op), i + 1,
             op->in[i]->name ? " '" : "", op->in[i]->name ? op->in[i]->name : "", op->in[i]->name ? "'" : "");
    check_operand(c, op, i);
  }
}

/* Same symbol and indices; the indices of write and define follow the value. */
static bool same_target(const struct op *a, const struct op *b) {
  if (a->code != b->code || a->n_in != b->n_in || a->block != b->block ||
      strcmp(a->attr.symbol, b->attr.symbol) != 0)
    return false;
  for (int i = 1; i < a->n_in; i++)
    if (a->in[i] != b->in[i])
      return false;
  return true;
}

static void check_effect(struct verifier *c, const struct op *op) {
  bool in_fold = func_is_fold(c->f);
  if (in_fold && op->code != OP_DEFINE)
    report(c, op->at, "%s: 'fold' has no states", name_of(op));
  if (op->code == OP_READ || op->code == OP_SEEN || op->code == OP_SEEN_BACK || op->code == OP_APPEND_BACK ||
      op->code == OP_OUTER || op->code == OP_SCATTER || !op->attr.symbol)
    return;
  const struct weight *w = op->code == OP_DEFINE ? weight_find(c->m, op->attr.symbol) : NULL;
  if (w && in_fold && w->origin != WEIGHT_FOLDED)
    report(c, op->at, "define: '%s' is not a folded weight", w->name);
  if (w && !in_fold && !w->trained)
    report(c, op->at, "define: '%s' is not a trained weight; others are defined in 'fold' only", w->name);
  for (int i = 0; i < c->writes.n; i++)
    if (same_target(c->writes.at[i], op)) {
      report(c, op->at, "%s: '%s' is written twice", name_of(op), op->attr.symbol);
      return;
    }
  vec_push(&c->arena, c->writes, op);
}

static void check_name(struct verifier *c, const struct op *op) {
  if (!op->attr.name || !*op->attr.name) {
    report(c, op->at, "kernel: has no name");
    return;
  }
  for (int i = 0; i < c->kernels.n; i++)
    if (strcmp(c->kernels.at[i]->attr.name, op->attr.name) == 0)
      report(c, op->at, "kernel: two have the name '%s'", op->attr.name);
  vec_push(&c->arena, c->kernels, op);
}

/* ---- planned memory ---------------------------------------------------------------------------------- */

static void check_buffer(struct verifier *c, struct loc at, const struct value *v) {
  if (v->at <= AT_NONE)
    return;
  int64_t bytes = most_count(c->m, v->type) * elem_bytes(v->type.elem);
  int align = c->m->policy->align;
  if (v->at < 0 || v->at % align || bytes == 0)
    report(c, at, "%s at %lld: a buffer holds plain elements and is aligned to %d bytes", text_of(c, v->type),
           (long long)v->at, align);
  else if (c->f->scratch >= 0 && v->at > c->f->scratch - bytes)
    report(c, at, "%s at %lld leaves the %lld bytes of scratch", text_of(c, v->type), (long long)v->at,
           (long long)c->f->scratch);
}

/* What stands outside kernels after fuse, each with a buffer for what it makes. */
static void check_planned(struct verifier *c, const struct op *op) {
  bool makes = op->code == OP_KERNEL || op_is_product(op) || op->code == OP_REPEAT;
  if (!makes && op->code != OP_WEIGHT && op->code != OP_NTH && !(op_info[op->code].flags & END)) {
    report(c, op->at, "%s: stands outside a kernel where memory is planned", name_of(op));
    return;
  }
  for (int i = 0; makes && i < op->n_out; i++)
    if (op->out[i]->at == AT_NONE)
      report(c, op->at, "%s: result %d has no place in memory", name_of(op), i + 1);
  for (int i = 0; op->code == OP_REPEAT && i < op->n_out && i + 1 < op->body->n_args; i++)
    if (op->out[i]->at != op->body->args[i + 1]->at)
      report(c, op->at, "repeat: result %d and what carries it lie in different places", i + 1);
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

static void check_block(struct verifier *c, const struct block *b, struct loc at, bool in_kernel);

static void check_op(struct verifier *c, const struct op *op, bool in_kernel) {
  check_operands(c, op);
  if (op->body)
    check_block(c, op->body, op->at, in_kernel || op->code == OP_KERNEL);
  check_results(c, op);
  if (op->code == OP_CONST)
    check_const(c, op);
  if (op->code == OP_READ || op->code == OP_SEEN || op->code == OP_APPEND_BACK || op_changes(op->code))
    check_effect(c, op);
  check_past(c, op);
  if (op->code == OP_READ || op->code == OP_WRITE)
    check_state(c, op);
  if (op->code == OP_KERNEL)
    check_name(c, op);
  if (c->f->scratch >= 0 && !in_kernel)
    check_planned(c, op);
  for (int i = 0; i < op->n_out; i++) {
    check_buffer(c, op->at, op->out[i]);
    make_visible(c, op->at, op->out[i], op, op->block, i);
  }
}

static void check_end(struct verifier *c, const struct block *b, struct loc at) {
  enum opcode end = b->parent ? OP_YIELD : OP_RETURN;
  if (!b->last || b->last->code != end)
    report(c, b->last ? b->last->at : at, "the body of '%s' does not end with %s",
           b->parent ? name_of(b->parent) : c->f->name, op_info[end].text);
  for (const struct op *op = b->first; op && op->next; op = op->next)
    if (op_info[op->code].flags & END)
      report(c, op->at, "%s: stands before the end of its body", name_of(op));
}

static void check_block(struct verifier *c, const struct block *b, struct loc at, bool in_kernel) {
  int outside = c->visible.n;
  for (int i = 0; i < b->n_args; i++) {
    check_buffer(c, at, b->args[i]);
    make_visible(c, at, b->args[i], NULL, b, i);
  }
  for (const struct op *op = b->first; op; op = op->next) {
    if (op->block != b)
      report(c, op->at, "%s: linked into a block that is not its own", name_of(op));
    check_op(c, op, in_kernel);
  }
  check_end(c, b, at);
  c->visible.n = outside;
}

/* What a function takes and gives lies in buffers: quantised values come from quantize, ternary ones from
 * weights. */
static void check_port(struct verifier *c, const char *takes, struct type t) {
  if (elem_bytes(t.elem) == 0)
    report(c, (struct loc){0}, "the function '%s' %s %s; %s are bool, u32, i8, i16, i32 or f32", c->f->name,
           takes, text_of(c, t), takes[0] == 't' ? "arguments" : "results");
}

/* A result that updates an argument is what that becomes: of its type, and the only one. */
static void check_update(struct verifier *c, const struct op *end, int i) {
  const struct block *b = c->f->body;
  struct result r = func_result(c->f, i);
  if (r.updates < 0)
    return;
  if (r.updates >= b->n_args || !type_equal(b->args[r.updates]->type, end->in[i]->type)) {
    report(c, end->at, "the result '%s' of '%s' is %s and updates no argument of that type", r.name,
           c->f->name, text_of(c, end->in[i]->type));
    return;
  }
  for (int k = 0; k < i; k++)
    if (func_result(c->f, k).updates == r.updates)
      report(c, end->at, "the results '%s' and '%s' of '%s' update one argument", func_result(c->f, k).name,
             r.name, c->f->name);
}

/* Rows of states are found along one dimension. */
static void check_sequences(struct verifier *c) {
  int64_t of = func_sequences(c->m, c->f);
  for (int i = 0; i < c->m->dims.n; i++) {
    const struct dim *d = &c->m->dims.at[i];
    if (d->sequences && -1 - i != of && func_has_dim(c->f, -1 - i))
      report(c, (struct loc){0},
             "the function '%s' has sequences along %s and along %s; it can have one of them", c->f->name,
             dim_of(c->m, of)->name, d->name);
  }
}

static void check_signature(struct verifier *c) {
  const struct block *b = c->f->body;
  const struct op *end = b->last && b->last->code == OP_RETURN ? b->last : NULL;
  for (int i = 0; i < b->n_args; i++)
    check_port(c, "takes", b->args[i]->type);
  check_sequences(c);
  if (!end)
    return;
  if ((c->f->results.n || end->n_in > 1) && c->f->results.n != end->n_in)
    report(c, end->at, "'%s' returns %d values and names %d results", c->f->name, end->n_in, c->f->results.n);
  for (int i = 0; i < end->n_in; i++) {
    check_port(c, "returns", end->in[i]->type);
    check_update(c, end, i);
  }
}

bool ir_verify(const struct module *m, const char *after) {
  struct verifier c = {.m = m, .after = after, .ok = true};
  check_symbols(&c);
  for (const struct func *f = m->funcs; f; f = f->next) {
    c.f = f;
    c.writes.n = 0;
    if (f->spread && func_dynamic(f))
      report(&c, (struct loc){0}, "the function '%s' cannot be spread: its sizes are known only at each call",
             f->name);
    check_signature(&c);
    check_block(&c, f->body, (struct loc){0}, false);
  }
  arena_free(&c.arena);
  return c.ok;
}
