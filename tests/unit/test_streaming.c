/* test_streaming.c: intervals of the streaming machine, from which all widths follow, and the bits that
 * synthesis leaves of its datapaths. */
#include "backends/hardware/rtl/bits.h"
#include "backends/hardware/streaming/design.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct interval between(int64_t lo, int64_t hi) {
  return (struct interval){lo, hi};
}

static void widths(void **state) {
  (void)state;
  assert_int_equal(bits_of(between(0, 0)), 1);
  assert_int_equal(bits_of(between(-1, 0)), 1);
  assert_int_equal(bits_of(between(0, 1)), 2);
  assert_int_equal(bits_of(between(-128, 127)), 8);
  assert_int_equal(bits_of(between(-129, 0)), 9);
  assert_int_equal(bits_of(between(INT32_MIN, INT32_MAX)), 32);
  for (int bits = 2; bits <= 32; bits++)
    assert_int_equal(bits_of(interval_of_bits(bits)), bits);
}

static void accumulators(void **state) {
  (void)state;
  struct interval r = interval_of_acc(ACC_SUM, between(-3, 5), 100);
  assert_int_equal(r.lo, -300);
  assert_int_equal(r.hi, 500);
  r = interval_of_acc(ACC_SUM, between(0, INT32_MAX), 2); /* modulo 2^32 */
  assert_int_equal(bits_of(r), 32);
  assert_int_equal(r.lo, INT32_MIN);
  r = interval_of_acc(ACC_ABSMAX, between(INT32_MIN, 7), 9);
  assert_int_equal(r.lo, 0);
  assert_int_equal(r.hi, INT32_MAX);
  r = interval_of_acc(ACC_MAX, between(-9, -4), 3);
  assert_int_equal(r.lo, -9);
  assert_int_equal(r.hi, -4);
}

/* Operators at the ends of their operands: saturation, and the zero inside an interval. */
static void operators(void **state) {
  (void)state;
  struct expr e = {.attr = {.bits = 8}};
  struct hw_node a = {.range = between(-100, 100)}, b = {.range = between(-100, 100)};
  struct hw_node sum = {.kind = HW_NODE_OP, .code = OP_IADD, .expr = &e, .n_in = 2, .in = {&a, &b}};
  struct interval r = interval_of_op(&sum);
  assert_int_equal(r.lo, -128);
  assert_int_equal(r.hi, 127);
  struct hw_node log = {.kind = HW_NODE_OP, .code = OP_ILOG2, .expr = &e, .n_in = 1, .in = {&a}};
  r = interval_of_op(&log);
  assert_int_equal(r.lo, 0);
  assert_int_equal(r.hi, 6);
}

/* ---- bits ---------------------------------------------------------------------------------------------- */

static struct arena arena;

static int64_t bits_of_parts(const struct inv_unit *u, enum part_kind kind) {
  int64_t n = 0;
  for (int i = 0; i < u->parts.n; i++)
    if (u->parts.at[i].kind == kind)
      n += u->parts.at[i].count * u->parts.at[i].bits * (kind == PART_DELAY ? u->parts.at[i].other : 1);
  return n;
}

static struct inv_unit *left_of(struct bits *b) {
  struct inv_unit *u =
      inv_unit(inventory_new(&arena, INV_STREAMING, "m", "m"), INV_KERNEL, "k", "k", "k", NULL);
  bits_put(b, u);
  return u;
}

static struct word delayed(struct bits *b, struct word w, bit enable, int clocks) {
  for (int i = 0; i < clocks; i++)
    w = word_reg(b, w, enable);
  return w;
}

/* Registers that hold the same are one, constant ones and unused ones none; a row ends where it is looked at.
 */
static void registers_that_are_left(void **state) {
  (void)state;
  struct bits *b = bits_new(&arena);
  struct word w = word_wires(b, 8, 1), on = word_wires(b, 1, 1);
  bits_use(b, delayed(b, word_const(b, 5, 8), on.at[0], 3));
  bits_use(b, word_cut(delayed(b, w, on.at[0], 5), 0, 4));
  bits_use(b, word_cut(delayed(b, w, on.at[0], 2), 0, 1));
  bits_use(b, delayed(b, word_wide(b, word_cut(w, 0, 4), 12, false), on.at[0], 5));
  struct inv_unit *u = left_of(b);
  assert_int_equal(bits_of_parts(u, PART_DELAY), 4 * 5);
  assert_int_equal(bits_of_parts(u, PART_REG), 0);
  assert_int_equal(u->parts.n, 5); /* three rows of 5, and bit 0's of 2 and 3 */
}

/* A product by a power of two, and sums of what is 0, are wires; a sum has the bits that are looked at. */
static void operators_that_are_left(void **state) {
  (void)state;
  struct bits *b = bits_new(&arena);
  struct word x = word_wires(b, 8, 1), y = word_wires(b, 8, 1);
  struct word twice = word_mul(b, 1, x, word_const(b, 2, 3));
  bits_use(b, twice);
  bits_use(b, word_cut(word_add(b, 1, x, y, false), 0, 5));
  bits_use(b, word_add(b, 1, word_cut(twice, 0, 8), word_const(b, 1, 8), false));
  bits_use(b, word_clamp(b, 1, word_wide(b, x, 20, false), 8));
  struct inv_unit *u = left_of(b);
  assert_int_equal(u->parts.n, 1);
  assert_int_equal(bits_of_parts(u, PART_ADD), 5);
  assert_int_equal(u->parts.at[0].other, 5);
}

static int teardown(void **state) {
  (void)state;
  arena_free(&arena);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(widths), cmocka_unit_test(accumulators),
                                     cmocka_unit_test(operators), cmocka_unit_test(registers_that_are_left),
                                     cmocka_unit_test(operators_that_are_left)};
  return cmocka_run_group_tests(tests, NULL, teardown);
}
