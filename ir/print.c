/* print.c: a module as text, the form that parse.c reads (docs/ir.md has the grammar).
 *
 * Values are numbered function by function in order of definition. Prints whatever is there, complete or not,
 * so that a module that the verifier refuses can be looked at. */
#include "ir/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ir_printer {
  FILE *out;
  const struct module *m;
  struct arena *arena; /* for type texts */
  int next_id;
};

/* ---- words, strings, numbers ------------------------------------------------------------------------- */

/* A name that needs no quotes. */
static bool is_word(const char *s) {
  if (!s || !ir_word_char((unsigned char)*s) || *s == '.' || (*s >= '0' && *s <= '9'))
    return false;
  while (*s && ir_word_char((unsigned char)*s))
    s++;
  return !*s;
}

static void put_string(FILE *out, const char *s) {
  fputc('"', out);
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\')
      fprintf(out, "\\%c", c);
    else if (c < 32 || c == 127)
      fprintf(out, "\\x%02x", c);
    else
      fputc(c, out);
  }
  fputc('"', out);
}

static void put_word(FILE *out, const char *s) {
  if (is_word(s))
    fputs(s, out);
  else
    put_string(out, s ? s : "");
}

/* The fewest digits that read back as the same double; whole numbers in full. */
static void put_number(FILE *out, double x) {
  char s[40];
  if (isnan(x)) {
    fputs("nan", out);
    return;
  }
  if (x == rint(x) && fabs(x) < 1e15 && (x != 0 || !signbit(x))) {
    fprintf(out, "%.0f", x);
    return;
  }
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(s, sizeof s, "%.*g", digits, x);
    if (strtod(s, NULL) == x)
      break;
  }
  fputs(s, out);
}

static void put_integer(FILE *out, int64_t x) {
  fprintf(out, "%lld", (long long)x);
}

/* " word N" where N is planned. */
static void put_plan(FILE *out, const char *word, int64_t n) {
  if (n >= 0)
    fprintf(out, " %s %lld", word, (long long)n);
}

/* ---- declarations ------------------------------------------------------------------------------------ */

static void put_symbol(FILE *out, const char *name) {
  fputc('@', out);
  put_word(out, name);
}

static void put_counts(FILE *out, int n, const int64_t *counts) {
  for (int i = 0; i < n; i++)
    fprintf(out, "%s%lld", i ? ", " : "[", (long long)counts[i]);
  if (n)
    fputc(']', out);
}

static void put_scale(FILE *out, const struct weight *w) {
  if (w->scale == WSCALE_ROW)
    fputs(" per row", out);
  else if (w->scale == WSCALE_GROUP)
    fprintf(out, " per group %lld", (long long)w->group);
  else if (elem_codes(w->type.elem) && w->origin != WEIGHT_MERGED)
    fputs(" per tensor", out);
  if (w->rule != RULE_AUTO)
    fprintf(out, " scale %s", scale_rule_name(w->rule));
}

static void put_format(FILE *out, int frac) {
  if (frac != FRAC_NONE)
    fprintf(out, " frac %d", frac);
}

static void put_beginning(FILE *out, const struct beginning *b) {
  if (!b->given)
    return;
  fputs(" begins ", out);
  put_number(out, b->mean);
  if (b->deviation > 0) {
    fputs(" deviation ", out);
    put_number(out, b->deviation);
  }
}

void ir_print_weight(const struct weight *w, FILE *out) {
  struct arena a = {0};
  fputs("weight ", out);
  put_symbol(out, w->name);
  put_counts(out, w->n_counts, w->counts);
  fprintf(out, " : %s", type_text(&a, NULL, w->type));
  put_format(out, w->frac);
  put_scale(out, w);
  if (w->tensor) {
    fputs(" of ", out);
    put_string(out, w->tensor);
  }
  if (w->trained)
    fputs(" trained", out);
  if (w->role != ROLE_NONE)
    fprintf(out, " role %s", weight_role_name(w->role));
  put_beginning(out, &w->begins);
  if (w->origin == WEIGHT_FOLDED)
    fputs(" folded", out);
  if (w->origin == WEIGHT_MERGED)
    fputs(" merged", out);
  for (int i = 0; i < w->n_parts; i++) {
    fputc(' ', out);
    put_string(out, w->parts[i]);
  }
  if (w->source != STORE_NONE)
    fprintf(out, " source %s", storage_name(w->source));
  if (w->stored != STORE_NONE)
    fprintf(out, " stored %s", storage_name(w->stored));
  put_plan(out, "at", w->offset);
  put_plan(out, "scales", w->scales);
  if (w->stride)
    put_plan(out, "stride", w->stride);
  fputc('\n', out);
  arena_free(&a);
}

void ir_print_state(const struct module *m, const struct state *s, FILE *out) {
  struct arena a = {0};
  fputs("state ", out);
  put_symbol(out, s->name);
  put_counts(out, s->n_counts, s->counts);
  fprintf(out, " : %s", type_text(&a, m, s->type));
  put_format(out, s->frac);
  fputs(" = ", out);
  put_number(out, s->init);
  if (s->stored != STORE_NONE)
    fprintf(out, " stored %s", storage_name(s->stored));
  if (s->within) {
    fputs(" within ", out);
    put_word(out, s->within);
  }
  put_plan(out, "at", s->offset);
  if (s->stride)
    put_plan(out, "stride", s->stride);
  fputc('\n', out);
  arena_free(&a);
}

void ir_print_params(const struct module *m, FILE *out) {
  for (int i = 0; i < m->params.n; i++) {
    fputs("param ", out);
    put_word(out, m->params.at[i].name);
    fputs(" = ", out);
    put_number(out, m->params.at[i].value);
    fputc('\n', out);
  }
}

static void print_dims(const struct module *m, FILE *out) {
  for (int i = DIMS_GIVEN; i < m->dims.n; i++) {
    const struct dim *d = &m->dims.at[i];
    fputs(" dim ", out);
    put_word(out, d->name);
    if (d->most)
      fprintf(out, " %lld", (long long)d->most);
    fputs(d->sequences ? " sequences" : "", out);
    if (d->parts)
      fprintf(out, " parts %s", dim_of(m, d->parts)->name);
    fputs(d->past == PAST_HISTORY ? " history" : d->past == PAST_WINDOW ? " window" : "", out);
  }
}

static void print_header(const struct module *m, FILE *out) {
  fputs("module ", out);
  put_word(out, m->name);
  if (m->spec) {
    fputs(" spec ", out);
    put_string(out, m->spec);
  }
  if (dim_of(m, DIM_T)->most)
    put_plan(out, "chunk", dim_of(m, DIM_T)->most);
  if (dim_of(m, DIM_B)->most)
    put_plan(out, "batch", dim_of(m, DIM_B)->most);
  print_dims(m, out);
  if (m->packing != STORE_NONE)
    fprintf(out, " packing %s", storage_name(m->packing));
  put_plan(out, "weights", m->weights_bytes);
  put_plan(out, "states", m->state_bytes);
  fputc('\n', out);
  ir_print_params(m, out);
}

/* ---- values ------------------------------------------------------------------------------------------ */

static void put_value(FILE *out, const struct value *v) {
  if (is_word(v->name))
    fprintf(out, "%%%s.%d", v->name, v->id);
  else
    fprintf(out, "%%%d", v->id);
}

static void put_values(FILE *out, int n, struct value *const *values) {
  for (int i = 0; i < n; i++) {
    fputs(i ? ", " : "", out);
    put_value(out, values[i]);
  }
}

static void put_place(FILE *out, const struct value *v) {
  if (v->at <= AT_OUTPUT)
    fputs(" at output", out);
  if (v->at < AT_OUTPUT)
    fprintf(out, " %lld", (long long)(AT_OUTPUT - v->at));
  if (v->at > AT_OUTPUT)
    put_plan(out, "at", v->at);
}

static void put_types(struct ir_printer *p, int n, struct value *const *values) {
  for (int i = 0; i < n; i++) {
    fprintf(p->out, "%s%s", i ? ", " : "", type_text(p->arena, p->m, values[i]->type));
    put_format(p->out, values[i]->frac);
    put_place(p->out, values[i]);
  }
}

static void number(struct ir_printer *p, int n, struct value *const *values) {
  for (int i = 0; i < n; i++)
    values[i]->id = p->next_id++;
}

/* ---- attributes -------------------------------------------------------------------------------------- */

static void put_axis(FILE *out, const struct op *op) {
  fprintf(out, "axis = %d", op->attr.axis);
}

static void put_value_attr(FILE *out, const struct op *op) {
  fputs("value = ", out);
  put_number(out, op->attr.value);
}

static void put_eps(FILE *out, const struct op *op) {
  fputs("eps = ", out);
  put_number(out, op->attr.eps);
}

static void put_range(FILE *out, const struct op *op) {
  fprintf(out, "begin = %lld, end = %lld", (long long)op->attr.begin, (long long)op->attr.end);
}

static void put_perm(FILE *out, const struct op *op) {
  fputs("perm = [", out);
  for (int k = 0; op->n_in && k < op->in[0]->type.rank; k++)
    fprintf(out, "%s%d", k ? ", " : "", op->attr.perm[k]);
  fputc(']', out);
}

static void put_bits(FILE *out, const struct op *op) {
  fprintf(out, "bits = %d", op->attr.bits);
}

static void put_frac(FILE *out, const struct op *op) {
  if (op->attr.frac == FRAC_DYNAMIC)
    fputs("frac = dynamic", out);
  else
    fprintf(out, "frac = %d", op->attr.frac);
}

static void put_rounding(FILE *out, const struct op *op) {
  fprintf(out, "round = %s", rounding_name(op->attr.round));
}

static void put_curve(FILE *out, const struct op *op) {
  fprintf(out, "curve = %s, out_frac = %d, segments = %d", curve_name(op->attr.curve), op->attr.out_frac,
          op->attr.segments);
}

static void put_group(FILE *out, const struct op *op) {
  fputs("group = ", out);
  put_integer(out, op->attr.group);
}

static void put_products(FILE *out, const struct op *op) {
  fprintf(out, "products = %s", products_name(op->attr.products));
}

/* Those that stand in braces; symbol, name and count have places of their own. */
static const struct {
  unsigned flag;
  void (*put)(FILE *out, const struct op *op);
} braced[] = {
    {A_VALUE, put_value_attr}, {A_EPS, put_eps},     {A_AXIS, put_axis},         {A_RANGE, put_range},
    {A_PERM, put_perm},        {A_BITS, put_bits},   {A_FRAC, put_frac},         {A_ROUND, put_rounding},
    {A_GROUP, put_group},      {A_CURVE, put_curve}, {A_PRODUCTS, put_products},
};

static void put_attrs(FILE *out, const struct op *op) {
  unsigned flags = op_info[op->code].attrs;
  if (op->attr.group == 0)
    flags &= ~(unsigned)A_GROUP;
  if (op->attr.products == PRODUCTS_FLOAT32)
    flags &= ~(unsigned)A_PRODUCTS;
  const char *before = " {";
  for (size_t i = 0; i < sizeof braced / sizeof *braced; i++)
    if (flags & braced[i].flag) {
      fputs(before, out);
      braced[i].put(out, op);
      before = ", ";
    }
  if (*before == ',')
    fputc('}', out);
}

/* ---- operators --------------------------------------------------------------------------------------- */

static void print_block(struct ir_printer *p, const struct block *b, int depth);

static void put_indent(FILE *out, int depth) {
  fprintf(out, "%*s", 2 * depth, "");
}

/* " (%x = %a, ...)": a repeat's first argument, its index, has no initial value. */
static void put_arguments(struct ir_printer *p, const struct op *op) {
  const struct block *b = op->body;
  int first = b->n_args - op->n_in;
  number(p, b->n_args, b->args);
  fputs(" (", p->out);
  for (int i = 0; i < b->n_args; i++) {
    fputs(i ? ", " : "", p->out);
    put_value(p->out, b->args[i]);
    put_place(p->out, b->args[i]);
    if (i >= first && i - first < op->n_in) {
      fputs(" = ", p->out);
      put_value(p->out, op->in[i - first]);
    }
  }
  fputc(')', p->out);
}

static void print_region(struct ir_printer *p, const struct op *op, int depth) {
  if (op->attr.reverse)
    fputs(op->code == OP_SCAN ? " reverse" : "reverse ", p->out);
  if (op_info[op->code].attrs & A_COUNT)
    put_integer(p->out, op->attr.count);
  if (op->code == OP_REPEAT && op->attr.group < 0)
    fprintf(p->out, " parts %s", dim_of(p->m, op->attr.group)->name);
  if (op_info[op->code].attrs & A_NAME)
    put_string(p->out, op->attr.name ? op->attr.name : "");
  else
    put_arguments(p, op);
  if (op->n_out) {
    fputs(" -> ", p->out);
    put_types(p, op->n_out, op->out);
  }
  fputs(" {\n", p->out);
  print_block(p, op->body, depth + 1);
  put_indent(p->out, depth);
  fputs("}\n", p->out);
}

/* Operands; those after a symbol are its indices: "write %h, @h[%l]". */
static void put_operands(FILE *out, const struct op *op) {
  bool symbol = op_info[op->code].flags & SYMBOL;
  int changes = op_changes(op->code), plain = symbol && changes < op->n_in ? changes : op->n_in;
  if (plain)
    fputc(' ', out);
  put_values(out, plain, op->in);
  if (!symbol)
    return;
  fputs(plain ? ", " : " ", out);
  put_symbol(out, op->attr.symbol);
  if (op->n_in > plain) {
    fputc('[', out);
    put_values(out, op->n_in - plain, op->in + plain);
    fputc(']', out);
  }
}

static void print_op(struct ir_printer *p, const struct op *op, int depth) {
  put_indent(p->out, depth);
  if (op->n_out) {
    put_values(p->out, op->n_out, op->out);
    fputs(" = ", p->out);
  }
  fputs(op_info[op->code].text, p->out);
  if (op->body) {
    fputs(op->code == OP_SCAN ? "" : " ", p->out);
    print_region(p, op, depth);
    return;
  }
  put_operands(p->out, op);
  put_attrs(p->out, op);
  if (op->n_out) {
    fputs(" : ", p->out);
    put_types(p, op->n_out, op->out);
  }
  fputc('\n', p->out);
}

static void print_block(struct ir_printer *p, const struct block *b, int depth) {
  for (const struct op *op = b->first; op; op = op->next) {
    number(p, op->n_out, op->out);
    print_op(p, op, depth);
  }
}

/* "-> f32[K, 256]", or "-> loss: f32, w: f32[8, 8] updates %w.1" */
static void put_results(struct ir_printer *p, const struct func *f, const struct op *end) {
  for (int i = 0; i < end->n_in; i++) {
    struct result r = func_result(f, i);
    enum elem e;
    fputs(i ? ", " : " -> ", p->out);
    if (f->results.n) {
      (elem_parse(r.name, &e) ? put_string : put_word)(p->out, r.name); /* a word there is a type */
      fputs(": ", p->out);
    }
    fputs(type_text(p->arena, p->m, end->in[i]->type), p->out);
    put_format(p->out, end->in[i]->frac);
    if (r.updates >= 0 && r.updates < f->body->n_args) {
      fputs(" updates ", p->out);
      put_value(p->out, f->body->args[r.updates]);
    }
  }
}

static void print_func(struct ir_printer *p, const struct func *f) {
  const struct block *b = f->body;
  p->next_id = 0;
  number(p, b->n_args, b->args);
  fputs("\nfunc ", p->out);
  put_word(p->out, f->name);
  fputc('(', p->out);
  for (int i = 0; i < b->n_args; i++) {
    fputs(i ? ", " : "", p->out);
    put_value(p->out, b->args[i]);
    fprintf(p->out, ": %s", type_text(p->arena, p->m, b->args[i]->type));
    put_format(p->out, b->args[i]->frac);
  }
  fputc(')', p->out);
  if (b->last && b->last->code == OP_RETURN && b->last->n_in)
    put_results(p, f, b->last);
  fputs(f->spread ? " spread" : "", p->out);
  put_plan(p->out, "scratch", f->scratch);
  fputs(" {\n", p->out);
  print_block(p, b, 1);
  fputs("}\n", p->out);
}

void ir_print(const struct module *m, FILE *out) {
  struct arena texts = {0};
  struct ir_printer p = {.out = out, .m = m, .arena = &texts};
  print_header(m, out);
  for (const struct weight *w = m->weights; w; w = w->next)
    ir_print_weight(w, out);
  for (const struct state *s = m->states; s; s = s->next)
    ir_print_state(m, s, out);
  for (const struct func *f = m->funcs; f; f = f->next)
    print_func(&p, f);
  arena_free(&texts);
}
