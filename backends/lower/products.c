/* products.c: products of a backward pass, and codes of weights that change, as calls of runtime/kernels.
 *
 * A call's arguments stand in the order of the function's parameters; thread and threads, which every one of
 * them takes last, are the back end's. */
#include "backends/lower/lower.h"

#include "ir/layout.h"
#include "runtime/kernels/ternarize.h"

static void add_buffer(struct kernel_lowering *u, struct buffer *b, bool written) {
  b->written |= written;
  vec_push(u->a, u->kernel->arguments, (struct call_argument){.buffer = b});
}

static void add_number(struct kernel_lowering *u, int64_t n) {
  vec_push(u->a, u->kernel->arguments, (struct call_argument){.number = index_const(u->a, n)});
}

/* The weight or state of op, whose indices are its operands from `first` on. */
static struct buffer *symbol_buffer(struct kernel_lowering *u, const struct op *op, int first) {
  struct index *extra;
  struct buffer *b = buffer_of_symbol(u, op, first, &extra);
  if (b->base == BASE_STATE && b->format == FORMAT_BF16) {
    diag_at(u->d, SEVERITY_ERROR, op->at, "'%s' is stored as bf16, and sums go to float32 alone",
            op->attr.symbol);
    u->failed = true;
  }
  if (extra) {
    diag_at(u->d, SEVERITY_ERROR, op->at, "'%s' is used at an index that is no repeat's", op->attr.symbol);
    u->failed = true;
  }
  return b;
}

/* Rows of x[..., n]. */
struct index *rows_before_last(struct arena *a, struct type x) {
  struct index *rows = index_const(a, 1);
  int64_t n = 1;
  for (int k = 0; k < x.rank - 1; k++) {
    if (x.dim[k] < 0)
      rows = index_dim(a, x.dim[k]);
    else
      n *= x.dim[k];
  }
  return index_scale(a, rows, n);
}

static void add_rows(struct kernel_lowering *u, struct index *rows) {
  vec_push(u->a, u->kernel->arguments, (struct call_argument){.number = rows});
}

/* tern_outer_...(a, b, y, m, n, group, rows) */
static void outer(struct kernel_lowering *u, const struct op *op) {
  struct type a = op->in[0]->type, b = op->in[1]->type;
  u->kernel->function = b.elem == ELEM_I8    ? "tern_outer_i8"
                        : b.elem == ELEM_I16 ? "tern_outer_i16"
                                             : "tern_outer_f32";
  u->kernel->levels = true;
  u->kernel->products = op->attr.products;
  add_buffer(u, buffer_of_value(u, op->in[0]), false);
  add_buffer(u, buffer_of_value(u, op->in[1]), false);
  add_buffer(u, symbol_buffer(u, op, 2), true);
  add_number(u, a.dim[1]);
  add_number(u, b.dim[1]);
  add_number(u, 0);
  add_rows(u, index_dim(u->a, a.dim[0]));
}

/* tern_ternary_back...(w, a, y, m, n, group, rows), tern_matmul_back_f32(w, a, y, m, n, rows) */
static void back(struct kernel_lowering *u, const struct op *op) {
  const struct op *weight = op->in[0]->def;
  const struct weight *w = weight_find(u->m, weight->attr.symbol);
  bool ternary = op->code == OP_TERNARY_BACK;
  u->kernel->function = !ternary                   ? "tern_matmul_back_f32"
                        : w->stored == STORE_TILE3 ? "tern_ternary_back3_f32"
                                                   : "tern_ternary_back_f32";
  u->kernel->levels = true;
  u->kernel->products = op->attr.products;
  add_buffer(u, symbol_buffer(u, weight, 0), false);
  add_buffer(u, buffer_of_value(u, op->in[1]), false);
  add_buffer(u, buffer_of_value(u, op->out[0]), true);
  add_number(u, w->type.dim[0]);
  add_number(u, w->type.dim[1]);
  if (ternary)
    add_number(u, op->attr.group);
  add_rows(u, rows_before_last(u->a, op->out[0]->type));
  u->kernel->weight_bytes = (uint64_t)weight_bytes(w);
}

/* tern_scatter_f32(d, i, y, n, rest, rows) */
static void scatter(struct kernel_lowering *u, const struct op *op) {
  struct type y = state_find(u->m, op->attr.symbol)->type;
  u->kernel->function = "tern_scatter_f32";
  add_buffer(u, buffer_of_value(u, op->in[0]), false);
  add_buffer(u, buffer_of_value(u, op->in[1]), false);
  add_buffer(u, symbol_buffer(u, op, 2), true);
  add_number(u, y.dim[0]);
  add_number(u, type_count(y, NULL) / y.dim[0]);
  add_rows(u, index_dim(u->a, op->in[0]->type.dim[0]));
}

/* ---- codes of a weight that changed -------------------------------------------------------------------- */

static int64_t span_of(const struct weight *w) {
  return w->scale == WSCALE_TENSOR ? 0 : w->scale == WSCALE_ROW ? w->type.dim[1] : w->group;
}

/* The master, and what both steps know of it. */
static void add_master(struct kernel_lowering *u, const struct op *define, const struct weight *w) {
  add_buffer(u, symbol_buffer(u, define->in[0]->def, 0), false);
  add_number(u, w->type.dim[0]);
  add_number(u, w->type.dim[1]);
  add_number(u, span_of(w));
  add_number(u, w->rule == RULE_LARGEST);
}

/* Sums of magnitudes, doubles, stand in the kernel's own scratch. */
static struct buffer *sums_buffer(struct kernel_lowering *u, const struct weight *w) {
  int64_t sums = tern_ternarize_sums(w->type.dim[0], w->type.dim[1], span_of(w));
  return buffer_local(u, ELEM_I32, 2 * sums, "sums");
}

/* The function for a master of its kind of numbers. */
static const char *of_master(const struct kernel_lowering *u, const struct op *define, const char *of_float,
                             const char *of_bf16) {
  return weight_find(u->m, define->in[0]->def->attr.symbol)->stored == STORE_BF16 ? of_bf16 : of_float;
}

/* tern_ternarize_sum...(w, m, n, span, largest, sums) */
void lower_define_sums(struct kernel_lowering *u, const struct op *define) {
  const struct weight *w = weight_find(u->m, define->attr.symbol);
  u->kernel->function = of_master(u, define, "tern_ternarize_sum", "tern_ternarize_sum_bf16");
  add_master(u, define, w);
  add_buffer(u, sums_buffer(u, w), true);
}

/* tern_ternarize_tile...(w, m, n, span, largest, sums, scales, out) */
void lower_define_codes(struct kernel_lowering *u, const struct op *define) {
  const struct weight *w = weight_find(u->m, define->attr.symbol);
  struct op scales = *define;
  scales.code = OP_WSCALE;
  u->kernel->function = w->stored == STORE_TILE3
                            ? of_master(u, define, "tern_ternarize_tile3", "tern_ternarize_tile3_bf16")
                            : of_master(u, define, "tern_ternarize_tile2", "tern_ternarize_tile2_bf16");
  add_master(u, define, w);
  add_buffer(u, sums_buffer(u, w), false);
  add_buffer(u, symbol_buffer(u, &scales, 1), true);
  add_buffer(u, symbol_buffer(u, define, 1), true);
}

void lower_product(struct kernel_lowering *u, const struct op *op) {
  switch (op->code) {
  case OP_OUTER: outer(u, op); break;
  case OP_SCATTER: scatter(u, op); break;
  default: back(u, op); break;
  }
}

int64_t sum_in_step(const struct kernel *k) {
  return k->rows->constant * k->n * (buffer_bytes(k->in) / k->in->elements);
}

int64_t sum_out_step(const struct kernel *k) {
  int64_t groups = k->group ? (k->n + k->group - 1) / k->group : 1;
  return k->rows->constant * k->m * groups * (buffer_bytes(k->out) / k->out->elements);
}

const char *sum_layout(enum storage stored) {
  switch (stored) {
  case STORE_TILE3: return "3";
  case STORE_TILE4: return "4";
  case STORE_TILE8: return "8";
  default: return "";
  }
}

const char *product_function(struct arena *a, const struct kernel *k) {
  return k->products == PRODUCTS_BF16 ? arena_printf(a, "%s_bf16", k->function) : k->function;
}

bool loops_call(const struct loops *l) {
  for (const struct kernel *k = l->kernels; k; k = k->next)
    if (k->kind == KERNEL_CALL)
      return true;
  return false;
}
