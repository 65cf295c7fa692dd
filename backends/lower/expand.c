/* expand.c: a kernel's body in simple operators.
 *
 * Composites (ir/composites.c) and products become MAP operators and reductions, in the order of roundings
 * that docs/numerics.md gives; a read after a write of the same state becomes the value written. The copy
 * lives in the lowering's arena: the module does not change. */
#include "backends/lower/lower.h"

#include "ir/composites.h"
#include <string.h>

struct expansion {
  struct module m; /* a copy of the header: operators go to our arena */
  struct builder b;
  struct value_map map;
  struct value_map scales;       /* quantised value -> its scale */
  VEC(const struct op *) writes; /* so far, expanded */
  int own_writes;                /* those from here on stand in the present block */
  bool failed;
};

static struct value *expand_in(struct expansion *x, const struct op *op, int i) {
  return map_value(&x->map, op->in[i]);
}

static void maps_to(struct expansion *x, struct value *from, struct value *to) {
  if (!to->name && to->def)
    to->name = from->name;
  map_put(x->m.arena, &x->map, from, to);
}

static struct value *binary(struct expansion *x, enum opcode code, struct value *a, struct value *b) {
  return build2(&x->b, code, a, b);
}

static void expand_copy(struct expansion *x, const struct op *op) {
  op_clone(&x->b, op, &x->map);
}

static void expand_composite(struct expansion *x, const struct op *op) {
  struct value **in = arena_array(x->m.arena, struct value *, op->n_in);
  for (int i = 0; i < op->n_in; i++)
    in[i] = expand_in(x, op, i);
  struct composite made = composite_build(&x->b, op, in);
  maps_to(x, op->out[0], made.value);
  if (made.scale)
    map_put(x->m.arena, &x->scales, made.value, made.scale);
}

static struct value *dequantized(struct expansion *x, struct value *codes) {
  struct type t = codes->type;
  t.elem = ELEM_F32;
  struct value *floats = build(&x->b, OP_CONVERT, 1, &codes, NULL, &t)->out[0];
  return binary(x, OP_DIV, floats, map_value(&x->scales, codes));
}

static void expand_dequantize(struct expansion *x, const struct op *op) {
  maps_to(x, op->out[0], dequantized(x, expand_in(x, op, 0)));
}

/* The vector as [..., 1, n], with the axes between the tokens and the last as one, so that there is room. */
static struct value *as_rows(struct expansion *x, struct value *v) {
  struct type t = {.elem = v->type.elem}, from = v->type;
  int64_t between = 1;
  for (int k = from.dim[0] < 0; k < from.rank - 1; k++)
    between *= from.dim[k];
  if (from.dim[0] < 0)
    t.dim[t.rank++] = from.dim[0];
  if (between > 1)
    t.dim[t.rank++] = between;
  t.dim[t.rank++] = 1;
  t.dim[t.rank++] = from.dim[from.rank - 1];
  return build_reshape(&x->b, v, t);
}

/* y[..., m] = sum over n of W[m, n] * x[..., 1, n] */
static void expand_matmul(struct expansion *x, const struct op *op) {
  struct value *w = expand_in(x, op, 0), *v = expand_in(x, op, 1);
  if (w->type.elem != ELEM_F32) {
    diag_at(x->m.diag, SEVERITY_ERROR, op->at,
            "a product by a ternary matrix stands in a kernel; run the pass ternarize before fuse");
    x->failed = true;
    return;
  }
  if (v->type.elem != ELEM_F32)
    v = dequantized(x, v);
  struct value *products = binary(x, OP_MUL, w, as_rows(x, v));
  struct value *sum = build_axis(&x->b, OP_SUM, products, products->type.rank - 1);
  maps_to(x, op->out[0], build_reshape(&x->b, sum, op->out[0]->type));
}

/* Whether the read, in op's operands from 0, has the symbol and indices of the write (operands from 1). */
static bool reads_what_is_written(const struct expansion *x, const struct op *read, const struct op *write) {
  if (strcmp(read->attr.symbol, write->attr.symbol) != 0)
    return false;
  for (int i = 0; i < read->n_in; i++)
    if (map_value(&x->map, read->in[i]) != write->in[i + 1])
      return false;
  return true;
}

static void expand_read(struct expansion *x, const struct op *op) {
  for (int i = x->writes.n; i-- > x->own_writes;)
    if (reads_what_is_written(x, op, x->writes.at[i])) {
      maps_to(x, op->out[0], x->writes.at[i]->in[0]);
      return;
    }
  expand_copy(x, op);
}

static void expand_write(struct expansion *x, const struct op *op) {
  const struct op *write = op_clone(&x->b, op, &x->map);
  vec_push(x->m.arena, x->writes, write);
}

static void expand_block(struct expansion *x, const struct block *b);

static void expand_scan(struct expansion *x, const struct op *op) {
  struct arena *a = x->m.arena;
  struct value **in = arena_array(a, struct value *, op->n_in);
  struct type *types = arena_array(a, struct type, op->n_out);
  for (int i = 0; i < op->n_in; i++)
    in[i] = expand_in(x, op, i);
  struct op *scan = build(&x->b, OP_SCAN, op->n_in, in, &op->attr, NULL);
  struct builder outside = x->b;
  int writes = x->own_writes;
  x->own_writes = x->writes.n; /* in the body, and after it, the last write may be another token's */
  x->b = builder_end(&x->m, scan->body);
  for (int i = 0; i < op->body->n_args; i++)
    maps_to(x, op->body->args[i],
            block_arg(&x->m, scan->body, op->body->args[i]->type, op->body->args[i]->name));
  expand_block(x, op->body);
  x->b = outside;
  x->writes.n = x->own_writes;
  x->own_writes = writes;
  for (int i = 0; i < op->n_out; i++)
    types[i] = op->out[i]->type;
  op_set_results(&x->m, scan, op->n_out, types);
  for (int i = 0; i < op->n_out; i++)
    maps_to(x, op->out[i], scan->out[i]);
}

static void expand_refused(struct expansion *x, const struct op *op) {
  diag_at(x->m.diag, SEVERITY_ERROR, op->at, "'%s' cannot stand in a kernel", op_info[op->code].text);
  x->failed = true;
}

/* Operators that are not here are simple already. */
static void (*const expanders[OP_COUNT])(struct expansion *, const struct op *) = {
    [OP_DEQUANTIZE] = expand_dequantize,
    [OP_MATMUL] = expand_matmul,
    [OP_READ] = expand_read,
    [OP_WRITE] = expand_write,
    [OP_SCAN] = expand_scan,
    [OP_REPEAT] = expand_refused,
    [OP_KERNEL] = expand_refused,
    [OP_TERNARY_SUM] = expand_refused,
    [OP_TERNARY_BACK] = expand_refused,
    [OP_MATMUL_BACK] = expand_refused,
    [OP_OUTER] = expand_refused,
    [OP_SCATTER] = expand_refused,
};

static void expand_block(struct expansion *x, const struct block *b) {
  for (const struct op *op = b->first; op && !x->failed; op = op->next) {
    x->b.at = op->at;
    if (op_info[op->code].flags & COMPOSITE)
      expand_composite(x, op);
    else
      (expanders[op->code] ? expanders[op->code] : expand_copy)(x, op);
  }
}

struct block *expand_kernel(struct arena *a, const struct module *m, const struct op *kernel,
                            struct value ***captured) {
  struct expansion x = {.m = *m};
  x.m.arena = a;
  struct block *body = block_new(&x.m, NULL);
  x.b = builder_end(&x.m, body);
  int n = captured_values(a, kernel, captured);
  for (int i = 0; i < n; i++)
    maps_to(&x, (*captured)[i], block_arg(&x.m, body, (*captured)[i]->type, (*captured)[i]->name));
  expand_block(&x, kernel->body);
  return x.failed ? NULL : body;
}
