/* nests.c: repeats around operators, one for each count of a weight. */
#include "passes/training/optimiser.h"

void nest_open(struct nest *x, struct module *m, struct builder at, const struct weight *w,
               struct value *carried) {
  *x = (struct nest){.m = m, .inside = at, .carried = carried, .n = carried != NULL};
  for (; x->depth < w->n_counts; x->depth++) {
    struct attrs attr = {.count = w->counts[x->depth]};
    struct op *repeat = build(&x->inside, OP_REPEAT, x->n, &x->carried, &attr, NULL);
    x->repeat[x->depth] = repeat;
    x->index[x->depth] = block_arg(m, repeat->body, type_scalar(ELEM_U32), "l");
    if (x->carried)
      x->carried = block_arg(m, repeat->body, x->carried->type, x->carried->name);
    x->inside = builder_end(m, repeat->body);
    x->inside.at = at.at;
  }
}

struct value *nest_close(struct nest *x, struct value *carried) {
  while (x->depth > 0) {
    struct op *repeat = x->repeat[--x->depth];
    build(&x->inside, OP_YIELD, x->n, &carried, NULL, NULL);
    if (!carried)
      op_set_results(x->m, repeat, 0, NULL);
    else
      op_set_results(x->m, repeat, 1, &carried->type);
    x->inside = builder_end(x->m, repeat->block);
    carried = carried ? repeat->out[0] : NULL;
  }
  return carried;
}

struct value *nest_fetch(struct nest *x, enum opcode code, const char *symbol) {
  return build(&x->inside, code, x->depth, x->index, &(struct attrs){.symbol = symbol}, NULL)->out[0];
}

void nest_put(struct nest *x, enum opcode code, struct value *v, const char *symbol) {
  struct value *in[1 + MAX_REPEATS] = {v};
  for (int i = 0; i < x->depth; i++)
    in[1 + i] = x->index[i];
  build(&x->inside, code, 1 + x->depth, in, &(struct attrs){.symbol = symbol}, NULL);
}

/* u32: the seed of this instance. */
static struct value *seed_of(struct nest *x, const struct weight *w, int64_t first) {
  struct builder *b = &x->inside;
  struct value *v = build_slice(b, x->seeds, 0, first, first + weight_instances(w));
  if (x->depth == 0)
    return build_reshape(b, v, type_scalar(ELEM_U32));
  v = build_reshape(b, v, type_make(ELEM_U32, x->depth, w->counts));
  for (int i = 0; i < x->depth; i++)
    v = build2(b, OP_INDEX, v, x->index[i]);
  return v;
}

struct value *nest_dither(struct nest *x, const struct weight *w, int64_t first, struct value *v, int bits) {
  struct value *in[] = {v, seed_of(x, w, first)};
  return build(&x->inside, OP_DITHER, 2, in, &(struct attrs){.bits = bits}, NULL)->out[0];
}
