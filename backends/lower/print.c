/* print.c: loops as text, for --print-loops and tests. Expressions are numbered as the back ends see them:
 *
 *   kernel step_k0 parallel "mmfree.tern":12
 *     x: f32[256] scratch + 64
 *     vector parallel x0 < 256 {
 *       %3 = load x[x0]
 *       %4 = mul %3, %3
 *       sum0 += %4
 *     }
 */
#include "backends/lower/lower.h"

struct loops_printer {
  FILE *out;
  const struct module *m;
  int indent;
};

static void line(const struct loops_printer *p) {
  fprintf(p->out, "%*s", 2 * p->indent, "");
}

/* ---- expressions ----------------------------------------------------------------------------- */

static void print_index(const struct loops_printer *p, const struct index *i) {
  FILE *out = p->out;
  static const char *const signs[] = {[INDEX_ADD] = " + ",
                                      [INDEX_SUB] = " - ",
                                      [INDEX_MUL] = " * ",
                                      [INDEX_DIV] = " / ",
                                      [INDEX_MOD] = " % "};
  switch (i->kind) {
  case INDEX_CONST: fprintf(out, "%lld", (long long)i->constant); return;
  case INDEX_VAR: fprintf(out, "%s%d", i->loop->name, i->loop->id); return;
  case INDEX_VALUE: fprintf(out, "%%%d", i->value->id); return;
  case INDEX_MIN:
  case INDEX_MAX:
    fputs(i->kind == INDEX_MIN ? "min(" : "max(", out);
    print_index(p, i->a);
    fputs(", ", out);
    print_index(p, i->b);
    fputc(')', out);
    return;
  case INDEX_I: fputc('I', out); return;
  case INDEX_J: fputc('J', out); return;
  case INDEX_DIM: fputs(dim_of(p->m, i->constant)->name, out); return;
  default: break;
  }
  bool wrap = i->kind == INDEX_MUL || i->kind == INDEX_DIV || i->kind == INDEX_MOD;
  bool sum = i->a->kind == INDEX_ADD || i->a->kind == INDEX_SUB;
  fputs(wrap && sum ? "(" : "", out);
  print_index(p, i->a);
  fputs(wrap && sum ? ")" : "", out);
  fputs(signs[i->kind], out);
  print_index(p, i->b);
}

static void print_place(const struct loops_printer *p, const struct buffer *b, const struct index *i) {
  FILE *out = p->out;
  fprintf(out, "%s[", b->name);
  print_index(p, i);
  fputc(']', out);
}

static void print_attrs(FILE *out, const struct expr *e) {
  if (op_info[e->code].attrs & A_BITS)
    fprintf(out, " bits %d", e->attr.bits);
  if (op_info[e->code].attrs & A_CURVE)
    fprintf(out, " %s frac %d out_frac %d segments %d", curve_name(e->attr.curve), e->attr.frac,
            e->attr.out_frac, e->attr.segments);
  if (op_info[e->code].attrs & A_ROUND)
    fprintf(out, " %s", rounding_name(e->attr.round));
}

static void print_expr(const struct loops_printer *p, const struct expr *e) {
  FILE *out = p->out;
  switch (e->kind) {
  case EXPR_CONST:
    fprintf(out, e->elem == ELEM_F32 ? "%s %.9g" : "%s %.0f", elem_name(e->elem), e->value);
    break;
  case EXPR_LOAD:
    fputs("load ", out);
    print_place(p, e->buffer, e->index);
    break;
  case EXPR_OP:
    fputs(op_info[e->code].text, out);
    for (int i = 0; i < e->n_in; i++)
      fprintf(out, "%s%%%d", i ? ", " : " ", e->in[i]->id);
    print_attrs(out, e);
    break;
  case EXPR_INDEX: print_index(p, e->index); break;
  case EXPR_ACC: fprintf(out, "%s%d", e->acc->name, e->acc->id); break;
  case EXPR_INDEX_LT:
    print_index(p, e->index);
    fputs(" < ", out);
    print_index(p, e->bound);
    break;
  }
}

/* ---- statements ------------------------------------------------------------------------------ */

static void print_statements(struct loops_printer *p, const struct stmt *list);

static void print_loop(struct loops_printer *p, const struct loop *l) {
  fprintf(p->out, "%s%s %s%d < ", l->kind == LOOP_VECTOR ? "vector" : "serial",
          l->parallel ? " parallel" : "", l->name, l->id);
  print_index(p, l->extent);
  fputs(" {\n", p->out);
  p->indent++;
  print_statements(p, l->body);
  p->indent--;
  line(p);
  fputs("}\n", p->out);
}

static void print_accumulate(const struct loops_printer *p, const struct stmt *s) {
  FILE *out = p->out;
  static const char *const signs[] = {[ACC_SUM] = "+=", [ACC_MAX] = "max=", [ACC_ABSMAX] = "absmax="};
  fprintf(out, "%s%d %s %%%d\n", s->acc->name, s->acc->id, signs[s->acc->how], s->expr->id);
}

static void print_statement(struct loops_printer *p, const struct stmt *s) {
  line(p);
  switch (s->kind) {
  case STMT_LET:
    fprintf(p->out, "%%%d = ", s->expr->id);
    print_expr(p, s->expr);
    fputc('\n', p->out);
    break;
  case STMT_STORE:
    fputs("store ", p->out);
    print_place(p, s->buffer, s->index);
    fprintf(p->out, " = %%%d\n", s->expr->id);
    break;
  case STMT_LOOP: print_loop(p, s->loop); break;
  case STMT_ACCUMULATE: print_accumulate(p, s); break;
  }
}

static void print_statements(struct loops_printer *p, const struct stmt *list) {
  for (; list; list = list->next)
    print_statement(p, list);
}

/* ---- kernels and schedules ------------------------------------------------------------------- */

static const char *base_name(const struct entry *e, const struct buffer *b) {
  static const char *const names[] = {[BASE_SCRATCH] = "scratch",
                                      [BASE_OWN] = "own",
                                      [BASE_WEIGHTS] = "weights",
                                      [BASE_STATE] = "state",
                                      [BASE_POSITIONS] = "positions"};
  return b->base == BASE_PORT ? e->ports.at[b->port].name : names[b->base];
}

static const char *const formats[] = {
    [FORMAT_F32] = "f32", [FORMAT_F16] = "f16", [FORMAT_BF16] = "bf16", [FORMAT_I8] = "i8",
    [FORMAT_I16] = "i16", [FORMAT_I32] = "i32", [FORMAT_U32] = "u32",   [FORMAT_BOOL] = "bool"};

static void print_buffer(const struct loops_printer *p, const struct entry *e, const char *role,
                         const struct buffer *b) {
  FILE *out = p->out;
  fprintf(out, "  %s%s: %s[%lld] %s + %lld", role, b->name, formats[b->format], (long long)b->elements,
          base_name(e, b), (long long)b->offset);
  if (b->stride_i)
    fprintf(out, " + I * %lld", (long long)b->stride_i);
  if (b->stride_j)
    fprintf(out, " + J * %lld", (long long)b->stride_j);
  if (b->sequence)
    fprintf(out, " sequence %lld", (long long)b->sequence);
  if (b->shared)
    fprintf(out, " shared %lld", (long long)b->shared);
  fputs(b->written ? " written\n" : "\n", out);
}

static void print_sum(const struct loops_printer *p, const struct kernel *k) {
  FILE *out = p->out;
  print_buffer(p, k->entry, "weight ", k->weight);
  print_buffer(p, k->entry, "in ", k->in);
  print_buffer(p, k->entry, "out ", k->out);
  fprintf(out, "  ternary sum %s m %lld n %lld group %lld rows ", storage_name(k->stored), (long long)k->m,
          (long long)k->n, (long long)k->group);
  print_index(p, k->rows);
  if (k->parts > 1)
    fprintf(out, " parts %lld", (long long)k->parts);
  if (k->row)
    fputs(" by rows", out);
  if (k->place) {
    fputs(" place ", out);
    print_index(p, k->place);
  }
  fputc('\n', out);
}

static void print_called(const struct loops_printer *p, const struct kernel *k) {
  fprintf(p->out, "  call %s%s", k->function, k->products == PRODUCTS_BF16 ? "_bf16" : "");
  for (int i = 0; i < k->arguments.n; i++) {
    fputc(' ', p->out);
    if (k->arguments.at[i].buffer)
      fputs(k->arguments.at[i].buffer->name, p->out);
    else
      print_index(&(struct loops_printer){p->out, p->m, 1}, k->arguments.at[i].number);
  }
  fputc('\n', p->out);
}

static const char *const team_text[] = {[TEAM_FIRST] = "", [TEAM_SHARE] = " parallel", [TEAM_EACH] = " each"};

static void print_kernel(const struct loops_printer *p, const struct kernel *k) {
  FILE *out = p->out;
  fprintf(out, "kernel %s%s weights %llu line %u\n", k->name, team_text[k->team],
          (unsigned long long)k->weight_bytes, (unsigned)k->at.line);
  if (k->kind == KERNEL_TERNARY_SUM) {
    print_sum(p, k);
    return;
  }
  if (k->kind == KERNEL_CALL)
    print_called(p, k);
  for (int i = 0; i < k->buffers.n; i++)
    print_buffer(p, k->entry, "", k->buffers.at[i]);
  print_statements(&(struct loops_printer){out, p->m, 1}, k->body);
}

static void print_calls(struct loops_printer *p, const struct call *c) {
  for (; c; c = c->next) {
    line(p);
    if (c->kernel) {
      fprintf(p->out, "%s%s\n", c->barrier ? "barrier " : "", c->kernel->name);
      continue;
    }
    fprintf(p->out, "repeat %s%lld%s%s {\n", c->reverse ? "reverse " : "", (long long)c->count,
            c->parts ? " parts " : "", c->parts ? dim_of(p->m, c->parts)->name : "");
    p->indent++;
    print_calls(p, c->body);
    p->indent--;
    line(p);
    fputs("}\n", p->out);
  }
}

static void print_entry(struct loops_printer *p, const struct entry *e) {
  fprintf(p->out, "entry %s scratch %lld ", e->name, (long long)e->scratch);
  if (e->own)
    fprintf(p->out, "own %lld ", (long long)e->own);
  fprintf(p->out, "barriers %lld {\n", (long long)e->barriers);
  p->indent++;
  print_calls(p, e->schedule);
  p->indent--;
  fputs("}\n", p->out);
}

void loops_print(const struct loops *l, FILE *out) {
  struct loops_printer p = {.out = out, .m = l->module};
  for (const struct kernel *k = l->kernels; k; k = k->next)
    print_kernel(&p, k);
  for (int i = 0; i < l->entries.n; i++)
    print_entry(&p, l->entries.at[i]);
}
