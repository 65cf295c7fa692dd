/* moments.c: how AdamW's moments are kept from step to step.
 *
 * As floats, of 32 or 16 bits; or in 8 bits (Dettmers et al. 2022, arXiv 2110.02861, has the idea of blocks):
 * a block of elements, in their order in memory, has one scale s, the largest magnitude in it, and of each
 * element the square root of its share of s is kept, so that small elements keep a digit:
 *
 *   mean           q = -127 .. 127   mean = s * sign(q) * (q / 127)^2
 *   sqrt(square)   q = 1 .. 255      sqrt(square) = s * (q / 255)^2
 *
 * q is rounded by chance, so that what grows or shrinks by less than a code still does so in the mean. The
 * root has no code for 0: a mean of one code over it would be a step without bound. docs/numerics.md has the
 * formulas with their roundings. */
#include "passes/training/optimiser.h"

#include "passes/training/derivative.h"

enum {
  BLOCK_MOST = 256,
  BLOCK_LEAST = 32, /* below it scales take too much, and moments stay float32 */
  MEAN_CODES = 127,
  ROOT_CODES = 255,
  ROOT_SHIFT = 128, /* from the root's codes to an int8 */
  DITHER_BITS = 9   /* of a number from 256 to 511: it becomes an integer */
};
#define LEAST_SCALE 0x1p-126

/* The largest block of which there is a whole number in so many elements; 0: it is too small. */
static int64_t block_of(int64_t elements) {
  int64_t n = BLOCK_MOST;
  while (elements % n)
    n--;
  return n < BLOCK_LEAST ? 0 : n;
}

static int64_t last_axis(struct type t) {
  return t.rank ? t.dim[t.rank - 1] : 1;
}

/* Blocks lie within rows where these have room for them, so that whoever updates a row has all of its blocks.
 */
static bool within_rows(struct type t) {
  return t.rank < MAX_RANK && block_of(last_axis(t)) > 0;
}

static int64_t block_for(struct type t) {
  return block_of(within_rows(t) ? last_axis(t) : type_count(t, NULL));
}

/* [rows, blocks of a row, width], or [blocks, width]. */
static struct type blocks_type(const struct trained_weight *t, enum elem elem, int64_t width) {
  struct type blocks = t->w->type;
  blocks.elem = elem;
  if (!within_rows(blocks))
    return type_make(elem, 2, (int64_t[]){type_count(blocks, NULL) / t->block, width});
  blocks.dim[blocks.rank - 1] /= t->block;
  blocks.dim[blocks.rank++] = width;
  return blocks;
}

static void add_state(struct module *m, const struct trained_weight *t, const char *name, struct type type,
                      enum storage kept) {
  state_like(m, name, type, t->w->n_counts, t->w->counts, t->w->at)->stored = kept;
}

void moments_add(struct module *m, struct trained_weight *t, enum storage kept) {
  t->block = kept == STORE_I8 ? block_for(t->w->type) : 0;
  if (!t->block) {
    enum storage floats = kept == STORE_BF16 ? STORE_BF16 : STORE_NONE;
    add_state(m, t, t->mean, t->w->type, floats);
    add_state(m, t, t->square, t->w->type, floats);
    return;
  }
  add_state(m, t, t->mean, blocks_type(t, ELEM_I8, t->block), STORE_NONE);
  add_state(m, t, t->square, blocks_type(t, ELEM_I8, t->block), STORE_NONE);
  add_state(m, t, t->mean_scale, blocks_type(t, ELEM_F32, 1), STORE_NONE);
  add_state(m, t, t->square_scale, blocks_type(t, ELEM_F32, 1), STORE_NONE);
}

struct value *moments_shape(struct nest *x, const struct trained_weight *t, struct value *v) {
  return t->block ? build_reshape(&x->inside, v, blocks_type(t, ELEM_F32, t->block)) : v;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static struct value *number(struct nest *x, double value) {
  return build_const(&x->inside, value, type_scalar(ELEM_F32));
}

static struct value *codes(struct nest *x, const struct trained_weight *t, const char *state) {
  struct value *q = nest_fetch(x, OP_READ, state);
  struct type floats = blocks_type(t, ELEM_F32, t->block);
  return build(&x->inside, OP_CONVERT, 1, &q, NULL, &floats)->out[0];
}

struct value *moments_mean(struct nest *x, const struct trained_weight *t) {
  struct builder *b = &x->inside;
  if (!t->block)
    return nest_fetch(x, OP_READ, t->mean);
  struct value *share = build2(b, OP_MUL, codes(x, t, t->mean), number(x, 1.0 / MEAN_CODES));
  struct value *signed_square = build2(b, OP_MUL, share, build1(b, OP_ABS, share));
  return build2(b, OP_MUL, signed_square, nest_fetch(x, OP_READ, t->mean_scale));
}

struct value *moments_square(struct nest *x, const struct trained_weight *t) {
  struct builder *b = &x->inside;
  if (!t->block)
    return nest_fetch(x, OP_READ, t->square);
  struct value *q = build2(b, OP_ADD, codes(x, t, t->square), number(x, ROOT_SHIFT));
  struct value *share = build2(b, OP_MUL, q, number(x, 1.0 / ROOT_CODES));
  struct value *root =
      build2(b, OP_MUL, build2(b, OP_MUL, share, share), nest_fetch(x, OP_READ, t->square_scale));
  return build2(b, OP_MUL, root, root);
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* The square root of each element's share of its block's scale, from 0 to `most`. */
static struct value *companded(struct nest *x, struct value *magnitude, struct value *scale, int most) {
  struct builder *b = &x->inside;
  struct value *divisor = build2(b, OP_MAX, scale, number(x, LEAST_SCALE));
  struct value *share = build2(b, OP_DIV, magnitude, divisor);
  return build2(b, OP_MUL, build1(b, OP_SQRT, share), number(x, most));
}

/* v, rounded by chance to an integer, less `shift`: its code. `to_range` moves v to where its integers have
 * DITHER_BITS. */
static struct value *to_codes(struct nest *x, const struct trained_weight *t, int64_t seeds, struct value *v,
                              double to_range, double least, double shift) {
  struct builder *b = &x->inside;
  v = build2(b, OP_ADD, v, number(x, to_range));
  v = nest_dither(x, t->w, seeds, v, DITHER_BITS);
  v = build2(b, OP_MAX, v, number(x, to_range + least));
  v = build2(b, OP_SUB, v, number(x, to_range + shift));
  return build(b, OP_CODES, 2, (struct value *[]){v, number(x, 1)}, &(struct attrs){.bits = 8}, NULL)->out[0];
}

static void keep_mean(struct nest *x, const struct trained_weight *t, struct value *mean) {
  struct builder *b = &x->inside;
  struct value *scale = build_axis(b, OP_ABSMAX, mean, mean->type.rank - 1);
  struct value *u = companded(x, build1(b, OP_ABS, mean), scale, MEAN_CODES);
  struct value *negative = build2(b, OP_LT, mean, number(x, 0));
  struct value *v = build3(b, OP_SELECT, negative, build1(b, OP_NEG, u), u);
  nest_put(x, OP_WRITE, to_codes(x, t, t->mean_seeds, v, 384, -MEAN_CODES, 0), t->mean);
  nest_put(x, OP_WRITE, scale, t->mean_scale);
}

static void keep_square(struct nest *x, const struct trained_weight *t, struct value *square) {
  struct builder *b = &x->inside;
  struct value *root = build1(b, OP_SQRT, square);
  struct value *scale = build_axis(b, OP_ABSMAX, root, root->type.rank - 1);
  struct value *u = companded(x, root, scale, ROOT_CODES);
  nest_put(x, OP_WRITE, to_codes(x, t, t->square_seeds, u, 256, 1, ROOT_SHIFT), t->square);
  nest_put(x, OP_WRITE, scale, t->square_scale);
}

void moments_keep(struct nest *x, const struct trained_weight *t, struct value *mean, struct value *square) {
  if (t->block) {
    keep_mean(x, t, mean);
    keep_square(x, t, square);
    return;
  }
  nest_put(x, OP_WRITE, mean, t->mean);
  nest_put(x, OP_WRITE, square, t->square);
}
