/* kernel.c: one kernel as a C function of runtime/model.h's tern_kernel type.
 *
 * A VECTOR loop is a plain loop, which compilers vectorise. Where it accumulates, it is printed as blocks of
 * 16 lanes and a rest, so that the order of the sum is that of docs/numerics.md. An expression that is used
 * once, in the block that it is made in, is written where it is used, as long as lines stay short. */
#include "backends/c/print_c.h"

#include "backends/lower/lower.h"
#include <string.h>

/* Most characters of an expression that is written where it is used: as a whole value, or as an operand. */
enum { WHOLE_LENGTH = 80, OPERAND_LENGTH = 52 };

void print_line(struct c_printer *p, const char *format, ...) {
  va_list ap;
  fprintf(p->out, "%*s", 2 * p->indent, "");
  va_start(ap, format);
  vfprintf(p->out, format, ap);
  va_end(ap);
  fputc('\n', p->out);
}

/* ---- uses ------------------------------------------------------------------------------------ */

static void count_index(int *uses, const struct index *i) {
  if (!i)
    return;
  if (i->kind == INDEX_VALUE)
    uses[i->value->id]++;
  count_index(uses, i->a);
  count_index(uses, i->b);
}

/* What one statement uses itself, not what its operands use. */
static void count_statement(int *uses, const struct stmt *s) {
  const struct expr *e = s->expr;
  count_index(uses, s->index);
  if (s->kind == STMT_STORE || s->kind == STMT_ACCUMULATE)
    uses[e->id]++;
  if (s->kind != STMT_LET)
    return;
  for (int i = 0; i < e->n_in; i++)
    uses[e->in[i]->id]++;
  count_index(uses, e->index);
  count_index(uses, e->bound);
}

static void count_uses_in(int *uses, const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next) {
    count_statement(uses, s);
    if (s->kind == STMT_LOOP)
      count_uses_in(uses, s->loop->body);
  }
}

/* The only use, when it is in the same block and no loop stands before it that may write what a load reads.
 */
static const struct stmt *used_nearby(const struct c_printer *p, const struct stmt *let) {
  int *uses = arena_array(p->arena, int, p->kernel->n_exprs);
  for (const struct stmt *s = let->next; s && s->kind != STMT_LOOP; s = s->next) {
    count_statement(uses, s);
    if (uses[let->expr->id])
      return s;
    if (s->kind == STMT_STORE)
      return NULL;
  }
  return NULL;
}

static bool fits_its_use(const struct c_printer *p, const struct stmt *let, const char *text) {
  const struct stmt *user = p->uses[let->expr->id] == 1 ? used_nearby(p, let) : NULL;
  return user && strlen(text) <= (user->kind == STMT_LET ? OPERAND_LENGTH : WHOLE_LENGTH);
}

/* ---- statements ------------------------------------------------------------------------------ */

static void print_statements(struct c_printer *p, const struct stmt *list);

/* A chip computes in words whatever it stores. */
static const char *scalar_type(const struct c_printer *p, enum elem elem) {
  return c_type(p->weights && elem_integer(elem) ? ELEM_I32 : elem);
}

static void print_let(struct c_printer *p, const struct stmt *s) {
  const struct expr *e = s->expr;
  const char *text = expr_text(p, e), **slot = &p->exprs[e->id];
  bool free = e->kind == EXPR_CONST || e->kind == EXPR_ACC;
  if (free || fits_its_use(p, s, text)) {
    *slot = text;
    p->loose[e->id] = is_loose(e);
    return;
  }
  *slot = fresh_name(p, e->name ? identifier(p->arena, e->name) : "v");
  p->loose[e->id] = false;
  print_line(p, "const %s %s = %s;", scalar_type(p, e->elem), *slot, text);
}

static const char *bracketed(struct c_printer *p, const struct expr *e) {
  const char *text = p->exprs[e->id];
  return p->loose[e->id] ? arena_printf(p->arena, "(%s)", text) : text;
}

static void print_store(struct c_printer *p, const struct stmt *s) {
  const char *place = place_text(p, s->buffer, s->index), *value = p->exprs[s->expr->id];
  bool is_bool = s->buffer->format == FORMAT_BOOL, brackets = is_bool && p->loose[s->expr->id];
  bool narrow = s->buffer->format == FORMAT_I8 || s->buffer->format == FORMAT_I16;
  if (s->buffer->format == FORMAT_BF16)
    print_line(p, "%s = tern_to_bf16(%s);", place, value);
  else if (p->weights && narrow)
    print_line(p, "%s = (%s)%s;", place, c_format(s->buffer->format), bracketed(p, s->expr));
  else
    print_line(p,
               brackets  ? "%s = (uint8_t)(%s);"
               : is_bool ? "%s = (uint8_t)%s;"
                         : "%s = %s;",
               place, value);
}

/* ---- accumulators ---------------------------------------------------------------------------- */

bool has_lanes(const struct c_printer *p, const struct accumulator *acc) {
  return acc->loop->kind == LOOP_VECTOR && !(p->weights && acc->elem == ELEM_I32);
}

static void print_accumulate(struct c_printer *p, const struct stmt *s) {
  const char *name = p->accs[s->acc->id], *x = p->exprs[s->expr->id];
  bool lanes = has_lanes(p, s->acc);
  const char *acc = lanes ? arena_printf(p->arena, "%s[%s]", name, p->lane) : name;
  if (s->acc->elem == ELEM_I32) {
    static const char *const forms[] = {[ACC_SUM] = "%s = tern_wrap_add(%s, %s);",
                                        [ACC_MAX] = "%s = tern_most(%s, %s);",
                                        [ACC_ABSMAX] = "%s = tern_most(%s, tern_magnitude(%s));"};
    print_line(p, forms[s->acc->how], acc, acc, x);
    return;
  }
  switch (s->acc->how) {
  case ACC_SUM: print_line(p, "%s += %s;", acc, x); break;
  case ACC_MAX: print_line(p, "%s = tern_max(%s, %s);", acc, acc, x); break;
  case ACC_ABSMAX: print_line(p, "%s = tern_max(%s, tern_fabs(%s));", acc, acc, x); break;
  }
}

static void begin_accumulator(struct c_printer *p, const struct accumulator *acc) {
  const char *least = acc->elem == ELEM_I32 ? "INT32_MIN" : "-tern_infinity()";
  const char *name = fresh_name(p, acc->name), *start = acc->how == ACC_MAX ? least : "0";
  p->accs[acc->id] = name;
  if (!has_lanes(p, acc)) {
    print_line(p, "%s %s = %s;", c_type(acc->elem), name, start);
  } else if (acc->how == ACC_MAX) {
    print_line(p, "%s %s[%d];", c_type(acc->elem), name, LANES);
    print_line(p, "for (int lane = 0; lane < %d; lane++)", LANES);
    print_line(p, "  %s[lane] = %s;", name, start);
  } else {
    print_line(p, "%s %s[%d] = {0};", c_type(acc->elem), name, LANES);
  }
}

static void end_accumulator(struct c_printer *p, const struct accumulator *acc) {
  static const char *const folds[2][2] = {{"tern_max", "TERN_ADD"}, {"tern_most", "tern_wrap_add"}};
  if (has_lanes(p, acc))
    print_line(p, "TERN_FOLD(%s, %s);", p->accs[acc->id], folds[acc->elem == ELEM_I32][acc->how == ACC_SUM]);
}

/* Calls f on the loop's accumulators; returns how many of them have lanes. */
static int each_accumulator(struct c_printer *p, const struct stmt *list, const struct loop *l,
                            void (*f)(struct c_printer *p, const struct accumulator *acc)) {
  int n = 0;
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP)
      n += each_accumulator(p, s->loop->body, l, f);
    if (s->kind != STMT_ACCUMULATE || s->acc->loop != l)
      continue;
    n += has_lanes(p, s->acc);
    f(p, s->acc);
  }
  return n;
}

/* ---- loops ----------------------------------------------------------------------------------- */

/* Names of the body are free again after it. */
static void print_body(struct c_printer *p, const struct stmt *list) {
  int taken = names_count(&p->taken);
  p->indent++;
  print_statements(p, list);
  p->indent--;
  names_leave(&p->taken, taken);
  print_line(p, "}");
}

/* A VECTOR loop with accumulators: all whole blocks of lanes, then the rest. */
static void print_lanes(struct c_printer *p, const struct loop *l, const char *extent) {
  const char *name = p->loops[l->id], *block = fresh_name(p, "block");
  bool fixed = l->extent->kind == INDEX_CONST;
  int64_t n = fixed ? l->extent->constant : 0;
  const char *whole = fixed ? arena_printf(p->arena, "%lld", (long long)(n / LANES * LANES))
                            : arena_printf(p->arena, "%s / %d * %d", extent, LANES, LANES);
  if (!fixed || n >= LANES) {
    print_line(p, "for (%s %s = 0; %s < %s; %s += %d)", index_type(p), block, block, whole, block, LANES);
    print_line(p, "  for (%s lane = 0; lane < %d; lane++) {", index_type(p), LANES);
    p->indent += 2;
    print_line(p, "const %s %s = %s + lane;", index_type(p), name, block);
    p->indent--;
    p->lane = "lane";
    print_body(p, l->body);
    p->indent--;
  }
  if (!fixed || n % LANES) {
    print_line(p, "for (%s %s = %s; %s < %s; %s++) {", index_type(p), name, whole, name, extent, name);
    p->lane = fixed && n < LANES ? name : arena_printf(p->arena, "%s %% %d", name, LANES);
    print_body(p, l->body);
  }
  p->lane = NULL;
}

static void print_shared(struct c_printer *p, const struct loop *l, const char *extent) {
  const char *name = p->loops[l->id], *end = fresh_name(p, "end");
  int grain = l->kind == LOOP_VECTOR ? p->all->policy->grain : 1;
  print_line(p, "for (int64_t %s = tern_begin(%s, %d, thread, threads),", name, extent, grain);
  print_line(p, "             %s = tern_begin(%s, %d, thread + 1, threads);", end, extent, grain);
  print_line(p, "     %s < %s; %s++) {", name, end, name);
  print_body(p, l->body);
}

static void print_loop(struct c_printer *p, const struct loop *l) {
  const char *extent = index_text(p, l->extent);
  int lanes = each_accumulator(p, l->body, l, begin_accumulator);
  int taken = names_count(&p->taken);
  const char *name = p->loops[l->id] = fresh_name(p, l->name);
  if (l->parallel && !p->weights) {
    print_shared(p, l, extent);
  } else if (lanes) {
    print_lanes(p, l, extent);
  } else if (l->reverse) {
    print_line(p, "for (%s %s = %s; %s-- > 0;) {", index_type(p), name, extent, name);
    print_body(p, l->body);
  } else {
    print_line(p, "for (%s %s = 0; %s < %s; %s++) {", index_type(p), name, name, extent, name);
    print_body(p, l->body);
  }
  names_leave(&p->taken, taken);
  each_accumulator(p, l->body, l, end_accumulator);
}

static void print_statements(struct c_printer *p, const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next)
    switch (s->kind) {
    case STMT_LET: print_let(p, s); break;
    case STMT_STORE: print_store(p, s); break;
    case STMT_ACCUMULATE: print_accumulate(p, s); break;
    case STMT_LOOP: print_loop(p, s->loop); break;
    }
}

/* ---- functions ------------------------------------------------------------------------------- */

/* What C for chips calls the ports of a step: the token, and what is written for it. */
static const char *const chip_ports[] = {"token", "out"};

static const char *base_text(struct c_printer *p, const struct buffer *b) {
  static const char *const names[] = {[BASE_SCRATCH] = "scratch",
                                      [BASE_OWN] = "scratch",
                                      [BASE_WEIGHTS] = "weights",
                                      [BASE_STATE] = "state",
                                      [BASE_POSITIONS] = "positions"};
  if (p->weights && b->base == BASE_POSITIONS)
    return "before";
  if (p->weights)
    return b->base == BASE_WEIGHTS ? p->weights : b->base == BASE_PORT ? chip_ports[b->port] : names[b->base];
  return b->base == BASE_PORT ? arena_printf(p->arena, "args->ports[%d]", b->port)
                              : arena_printf(p->arena, "args->%s", names[b->base]);
}

static const char *add_steps(struct c_printer *p, const char *text, const char *index, int64_t stride) {
  return stride ? arena_printf(p->arena, "%s + %s%s * %lld", text, p->weights ? "" : "(int64_t)", index,
                               (long long)stride)
                : text;
}

/* Address of a buffer: args->scratch + 64 + layer * 1024. */
static const char *address(struct c_printer *p, const struct buffer *b) {
  const char *text = base_text(p, b);
  const struct entry *e = p->kernel->entry;
  int64_t offset = b->offset + (b->base == BASE_OWN ? e->scratch : 0);
  if (offset)
    text = arena_printf(p->arena, "%s + %lld", text, (long long)offset);
  if (b->base == BASE_OWN)
    text = add_steps(p, text, "thread", e->own);
  text = add_steps(p, text, "layer", b->stride_i);
  return add_steps(p, text, "part", b->stride_j);
}

/* Type of a buffer's elements. On a chip, where kernels become one function, those that see that memory has
 * held another type before. */
static const char *element_type(const struct c_printer *p, const struct buffer *b) {
  static const char *const chip[] = {
      [FORMAT_F32] = "tern_f32", [FORMAT_F16] = "tern_u16", [FORMAT_BF16] = "tern_u16",
      [FORMAT_I8] = "int8_t",    [FORMAT_I16] = "tern_i16", [FORMAT_I32] = "tern_i32",
      [FORMAT_U32] = "tern_u32", [FORMAT_BOOL] = "uint8_t"};
  return p->weights && b->base != BASE_PORT ? chip[b->format] : c_format(b->format);
}

static const char *print_buffer(struct c_printer *p, const struct buffer *b) {
  const char *name = fresh_name(p, b->name), *type = element_type(p, b),
             *is_const = b->written ? "" : "const ";
  const char *at = address(p, b);
  if (b->base == BASE_PORT)
    print_line(p, "%s%s *%s = %s;", is_const, type, name, at);
  else if (p->weights) /* through void, as alignment is known */
    print_line(p, "%s%s *%s = (%s%s *)(%svoid *)(%s);", is_const, type, name, is_const, type, is_const, at);
  else
    print_line(p, "%s%s *%s = (%s%s *)(%s);", is_const, type, name, is_const, type, at);
  return name;
}

/* Rows are shared in parts by the threads; without threads, all are one. */
static const char *parts_loop(struct c_printer *p, const struct kernel *k, const char **w, const char **y) {
  int64_t rows = k->m / k->parts, bytes = buffer_bytes(k->weight) / k->parts;
  if (k->parts <= 1)
    return "";
  print_line(p, "for (int64_t n = 0; n < %lld; n++)", (long long)k->parts);
  *w = arena_printf(p->arena, "codes + n * %lld", (long long)bytes);
  *y = arena_printf(p->arena, "%s + n * %lld", *y, (long long)rows);
  return "  ";
}

static const char *const sum_types[] = {[FORMAT_I8] = "i8", [FORMAT_I16] = "i16", [FORMAT_F32] = "f32"};

static void print_chip_sum(struct c_printer *p, const struct kernel *k, const char *x, const char *y) {
  const char *tables = !sum_takes_tables(k) ? ""
                                            : arena_printf(p->arena, ", (uint16_t *)(void *)(scratch + %lld)",
                                                           (long long)k->entry->scratch);
  print_line(p, "tern_sum%s_%s(codes, %s, %s, %lld, %lld, %lld, %s%s);", sum_layout(k->stored),
             sum_types[k->in->format], x, y, (long long)k->m, (long long)k->n, (long long)k->group,
             index_text(p, k->rows), tables);
}

static void print_sum(struct c_printer *p, const struct kernel *k) {
  names_take(&p->taken, "codes");
  names_take(&p->taken, "n");
  names_take(&p->taken, "row");
  for (int i = 0; k->place && i < k->buffers.n; i++)
    vec_push(p->arena, p->buffers,
             k->buffers.at[i] == k->weight || k->buffers.at[i] == k->in || k->buffers.at[i] == k->out
                 ? ""
                 : print_buffer(p, k->buffers.at[i]));
  count_uses_in(p->uses, k->body);
  print_statements(p, k->body);
  if (k->row) {
    p->loops[k->row->id] = "row";
    count_uses_in(p->uses, k->row->body);
    print_line(p, "for (int64_t row = 0; row < %s; row++) {", index_text(p, k->row->extent));
    p->indent++;
    print_statements(p, k->row->body);
  }
  if (k->place)
    print_line(p, "const uint8_t *codes = %s + %s;", address(p, k->weight), index_text(p, k->place));
  else
    print_line(p, "const uint8_t *codes = %s;", address(p, k->weight));
  const char *x = print_buffer(p, k->in), *y = print_buffer(p, k->out), *w = "codes";
  if (p->weights) {
    print_chip_sum(p, k, x, y);
    return;
  }
  if (k->row) {
    int64_t in = sum_in_step(k) / (buffer_bytes(k->in) / k->in->elements);
    int64_t out = sum_out_step(k) / (buffer_bytes(k->out) / k->out->elements);
    x = arena_printf(p->arena, "%s + row * %lld", x, (long long)in);
    y = arena_printf(p->arena, "%s + row * %lld", y, (long long)out);
  }
  const char *layout = sum_layout(k->stored), *indent = parts_loop(p, k, &w, &y);
  const char *name = k->in->format == FORMAT_I8
                         ? arena_printf(p->arena, "SUM%s_I8", layout)
                         : arena_printf(p->arena, "tern_ternary_sum%s_%s", layout, sum_types[k->in->format]);
  print_line(p, "%s%s(%s, %s, %s, %lld, %lld, %lld, %s, thread, threads);", indent, name, w, x, y,
             (long long)(k->m / k->parts), (long long)k->n, (long long)k->group, index_text(p, k->rows));
  if (k->row) {
    p->indent--;
    print_line(p, "}");
  }
}

/* Pointers are void in the call: what a function reads as bytes or doubles may have another type here. */
static void print_called(struct c_printer *p, const struct kernel *k) {
  const char *list = "";
  for (int i = 0; i < k->arguments.n; i++) {
    const struct call_argument *x = &k->arguments.at[i];
    const char *text =
        x->buffer ? arena_printf(p->arena, "(void *)(%s)", address(p, x->buffer)) : index_text(p, x->number);
    list = arena_printf(p->arena, "%s%s, ", list, text);
  }
  print_line(p, "%s(%sthread, threads);", product_function(p->arena, k), list);
}

static bool index_uses(const struct index *i, enum index_kind kind, int64_t dim) {
  if (!i)
    return false;
  return i->kind == kind ? kind != INDEX_DIM || i->constant == dim
                         : index_uses(i->a, kind, dim) || index_uses(i->b, kind, dim);
}

static bool statements_use(const struct stmt *list, enum index_kind kind, int64_t dim) {
  for (const struct stmt *s = list; s; s = s->next) {
    if (index_uses(s->index, kind, dim) ||
        (s->expr && (index_uses(s->expr->index, kind, dim) || index_uses(s->expr->bound, kind, dim))))
      return true;
    if (s->kind == STMT_LOOP &&
        (index_uses(s->loop->extent, kind, dim) || statements_use(s->loop->body, kind, dim)))
      return true;
  }
  return false;
}

static bool arguments_use(const struct kernel *k, int64_t dim) {
  for (int i = 0; i < k->arguments.n; i++)
    if (index_uses(k->arguments.at[i].number, INDEX_DIM, dim))
      return true;
  return false;
}

static bool uses_dim(const struct kernel *k, int64_t dim) {
  return statements_use(k->body, INDEX_DIM, dim) || (k->row && index_uses(k->row->extent, INDEX_DIM, dim)) ||
         index_uses(k->rows, INDEX_DIM, dim) || arguments_use(k, dim);
}

/* What is left of the call behind the parts before it, or a whole part. */
static void print_part_size(struct c_printer *p, int64_t dim) {
  const struct dim *d = dim_of(p->all->module, dim);
  const char *left = arena_printf(p->arena, "args->sizes[%d] - (int64_t)layer * %lld", (int)(-1 - d->parts),
                                  (long long)d->most);
  print_line(p, "const int64_t %s = %s < %lld ? %s : %lld;", size_name(p, dim), left, (long long)d->most,
             left, (long long)d->most);
}

static void print_sizes(struct c_printer *p, const struct kernel *k) {
  for (int i = 0; i < p->all->module->dims.n; i++) {
    if (!uses_dim(k, -1 - i))
      continue;
    if (p->all->module->dims.at[i].parts)
      print_part_size(p, -1 - i);
    else
      print_line(p, "const int64_t %s = args->sizes[%d];", size_name(p, -1 - i), i);
  }
}

static bool strides_use(const struct kernel *k, bool inner) {
  const struct buffer *of_sum[] = {k->weight, k->in, k->out};
  for (int i = 0; i < k->buffers.n; i++)
    if (inner ? k->buffers.at[i]->stride_j : k->buffers.at[i]->stride_i)
      return true;
  for (int i = 0; i < 3 && k->weight; i++)
    if (inner ? of_sum[i]->stride_j : of_sum[i]->stride_i)
      return true;
  return false;
}

static bool uses_repeat(const struct kernel *k, bool inner) {
  return strides_use(k, inner) || statements_use(k->body, inner ? INDEX_J : INDEX_I, 0);
}

static void print_unused(struct c_printer *p, const struct kernel *k) {
  if (!uses_repeat(k, false))
    print_line(p, "(void)layer;");
  if (!uses_repeat(k, true))
    print_line(p, "(void)part;");
  if (k->team != TEAM_SHARE)
    print_line(p, "(void)threads;");
}

static void print_title(struct c_printer *p, const struct module *m, const struct kernel *k) {
  const char *file = comment_text(p->arena, source_name(p->arena, m, k->at.file));
  if (k->kind == KERNEL_TERNARY_SUM)
    print_line(p, "/* %s, %s line %u: sums of %lld codes for each of %lld rows. */", kernel_title(k), file,
               (unsigned)k->at.line, (long long)k->n, (long long)k->m);
  else
    print_line(p, "/* %s, %s line %u. */", kernel_title(k), file, (unsigned)k->at.line);
}

/* ---- the parameters of a kernel for a chip --------------------------------------------------- */

struct memory {
  enum buffer_base base;
  int port;
};

static bool lies_in(const struct buffer *b, struct memory m) {
  return b->base == m.base && b->port == m.port;
}

static bool reads(const struct kernel *k, struct memory m) {
  for (int i = 0; i < k->buffers.n; i++)
    if (lies_in(k->buffers.at[i], m))
      return true;
  bool sum = k->kind == KERNEL_TERNARY_SUM;
  return sum && (lies_in(k->in, m) || lies_in(k->out, m) || m.base == BASE_SCRATCH);
}

static const char *add_part(struct arena *a, const char *list, const char *part) {
  return *list ? arena_printf(a, "%s, %s", list, part) : part;
}

enum { MEMORIES = 5 };
static const struct memory memories[MEMORIES] = {
    {BASE_STATE, 0}, {BASE_SCRATCH, 0}, {BASE_PORT, 0}, {BASE_PORT, 1}, {BASE_POSITIONS, 0}};

const char *kernel_parameters(struct c_printer *p, const struct kernel *k) {
  int frac;
  const char *list = "", *logits = logits_are_integers(p->all->module, &frac) ? "int32_t *out" : "float *out";
  const char *const texts[MEMORIES] = {"uint8_t *state", "uint8_t *scratch", "const uint32_t *token", logits,
                                       "const uint32_t *before"};
  for (int i = 0; i < MEMORIES; i++)
    if (reads(k, memories[i]))
      list = add_part(p->arena, list, texts[i]);
  if (uses_repeat(k, false))
    list = add_part(p->arena, list, "int32_t layer");
  if (uses_repeat(k, true))
    list = add_part(p->arena, list, "int32_t part");
  return *list ? list : "void";
}

const char *kernel_arguments(struct c_printer *p, const struct kernel *k, int depth) {
  static const char *const texts[MEMORIES] = {"state", "scratch", "&token", "logits", "position"};
  const char *list = "";
  for (int i = 0; i < MEMORIES; i++)
    if (reads(k, memories[i]))
      list = add_part(p->arena, list, texts[i]);
  if (uses_repeat(k, false))
    list = add_part(p->arena, list, depth > 0 ? "layer" : "0");
  if (uses_repeat(k, true))
    list = add_part(p->arena, list, depth > 1 ? "part" : "0");
  return list;
}

/* ---- the function ---------------------------------------------------------------------------- */

static void print_head(struct c_printer *p, const struct kernel *k) {
  if (p->weights) {
    print_line(p, "static void %s(%s) {", k->name, kernel_parameters(p, k));
    p->indent++;
    return;
  }
  print_line(p,
             "static void %s(const struct tern_args *args, uint32_t layer, uint32_t part, uint32_t thread,",
             k->name);
  print_line(p, "%*suint32_t threads) {", (int)strlen(k->name) + 13, "");
  p->indent++;
  print_unused(p, k);
  if (k->team == TEAM_FIRST) {
    print_line(p, "if (thread != 0)");
    print_line(p, "  return;");
  }
  print_sizes(p, k);
}

static void print_function(struct c_printer *p, const struct kernel *k) {
  print_head(p, k);
  if (k->kind == KERNEL_TERNARY_SUM) {
    print_sum(p, k);
  } else if (k->kind == KERNEL_CALL) {
    print_called(p, k);
  } else {
    for (int i = 0; i < k->buffers.n; i++)
      vec_push(p->arena, p->buffers, print_buffer(p, k->buffers.at[i]));
    count_uses_in(p->uses, k->body);
    print_statements(p, k->body);
  }
  p->indent--;
  print_line(p, "}");
  print_line(p, "%s", "");
}

void print_kernel(FILE *out, const struct loops *l, const struct kernel *k, const char *weights) {
  struct arena arena = {0};
  struct c_printer p = {
      .out = out, .arena = &arena, .taken.arena = &arena, .all = l, .kernel = k, .weights = weights};
  p.exprs = arena_array(&arena, const char *, k->n_exprs + 1);
  p.loose = arena_array(&arena, bool, k->n_exprs + 1);
  p.uses = arena_array(&arena, int, k->n_exprs + 1);
  p.loops = arena_array(&arena, const char *, k->n_loops + 1);
  p.accs = arena_array(&arena, const char *, k->n_accs + 1);
  print_title(&p, l->module, k);
  print_function(&p, k);
  arena_free(&arena);
}
