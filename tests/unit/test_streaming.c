/* test_streaming.c: intervals of the streaming machine, from which all widths follow. */
#include "backends/verilog/design.h"

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
  struct hw_node sum = {.kind = NODE_OP, .code = OP_IADD, .expr = &e, .n_in = 2, .in = {&a, &b}};
  struct interval r = interval_of_op(&sum);
  assert_int_equal(r.lo, -128);
  assert_int_equal(r.hi, 127);
  struct hw_node log = {.kind = NODE_OP, .code = OP_ILOG2, .expr = &e, .n_in = 1, .in = {&a}};
  r = interval_of_op(&log);
  assert_int_equal(r.lo, 0);
  assert_int_equal(r.hi, 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(widths), cmocka_unit_test(accumulators),
                                     cmocka_unit_test(operators)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
