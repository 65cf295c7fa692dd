/* test_native_integers.c: integer operators and accumulators through LLVM in this process, against
 * ir/integer_ops.c: every mix of widths, the ends of all ranges; on this machine's processor and on the
 * family's plainest. */
#include "ir/integer_ops.h"
#include "tests/unit/native_bench.h"

/* 12 vectors and 8 elements that remain. */
enum { N = 200 };

static const enum memory_format integer_formats[] = {FORMAT_I8, FORMAT_I16, FORMAT_I32};
static const enum elem integer_elems[] = {ELEM_I8, ELEM_I16, ELEM_I32};

/* width: 0, 1, 2 for i8, i16, i32. */
static int64_t integer_at(const uint8_t *p, int width, int i) {
  return width == 0 ? ((const int8_t *)p)[i] : width == 1 ? ((const int16_t *)p)[i] : ((const int32_t *)p)[i];
}

/* Ends of the ranges, small numbers (which are good shifts and divisors), and random ones. */
static void awkward_integers(uint8_t *p, int width, unsigned seed) {
  static const int32_t some[] = {INT32_MIN, INT32_MAX, INT32_MIN + 1, 0,     -1,    1,    2,
                                 -2,        31,        -31,           62,    -62,   63,   INT16_MIN,
                                 INT16_MAX, 128,       -129,          46340, 46341, 65536};
  uint32_t x = seed;
  for (int i = 0; i < N; i++) {
    x = x * 1664525u + 1013904223u;
    int32_t value = (int32_t)x >> (x >> 3) % 32;
    size_t k = (size_t)i * seed % 97;
    if (k < sizeof some / sizeof *some)
      value = some[k];
    if (width == 0)
      ((int8_t *)p)[i] = (int8_t)value;
    else if (width == 1)
      ((int16_t *)p)[i] = (int16_t)value;
    else
      ((int32_t *)p)[i] = value;
  }
}

enum { BITS = 4, OPERAND_ROOM = 4096 };
static const int result_bits[BITS] = {5, 8, 16, 32};

static struct attrs integer_attrs(enum opcode code, int variant, int bits) {
  if (code != OP_CURVE)
    return (struct attrs){.bits = bits};
  return (struct attrs){.bits = bits,
                        .curve = (enum curve)(variant % CURVE_COUNT),
                        .frac = variant % 2 ? 4 : 14,
                        .out_frac = variant % 3 ? 12 : 30,
                        .segments = 6};
}

static bool compares_integers(enum opcode code) {
  return !(op_info[code].attrs & A_BITS);
}

/* Results of each number of bits, from operands of the given widths. */
static void integer_kernel(enum opcode code, int variant, const int *widths) {
  struct kernel *k = kernel("integers");
  struct loop *l = loop(&k->body, LOOP_VECTOR, number(N));
  struct expr *in[3] = {NULL};
  for (int i = 0; i < op_info[code].ins; i++)
    in[i] = let(&l->body, load(buffer(BASE_WEIGHTS, integer_formats[widths[i]], i * OPERAND_ROOM),
                               integer_elems[widths[i]], var(l)));
  for (int r = 0; r < BITS; r++) {
    enum elem elem = compares_integers(code) ? ELEM_BOOL : integer_elem(result_bits[r]);
    enum memory_format format = elem == ELEM_BOOL ? FORMAT_BOOL : integer_formats[elem - ELEM_I8];
    struct expr *e = apply(code, elem, in[0], in[1]);
    e->in[2] = in[2];
    e->n_in = op_info[code].ins;
    e->attr = integer_attrs(code, variant, result_bits[r]);
    store(&l->body, buffer(BASE_SCRATCH, format, r * OPERAND_ROOM), var(l), let(&l->body, e));
  }
  fx.step->schedule = call(k, 0, NULL);
}

static void check_results(enum opcode code, int variant, const int *widths) {
  for (int r = 0; r < BITS; r++) {
    struct attrs attr = integer_attrs(code, variant, result_bits[r]);
    int width = compares_integers(code) ? 0 : (int)integer_elem(result_bits[r]) - ELEM_I8;
    for (int i = 0; i < N; i++) {
      int64_t in[3], got = integer_at(scratch + r * OPERAND_ROOM, width, i);
      for (int k = 0; k < 3; k++)
        in[k] = integer_at(weights + k * OPERAND_ROOM, widths[k], i);
      int64_t want = integer_ops[code](in[0], in[1], in[2], &attr);
      if (got != want)
        fail_msg("%s(%lld, %lld, %lld) in %d bits: %lld where %lld is right", op_info[code].text,
                 (long long)in[0], (long long)in[1], (long long)in[2], result_bits[r], (long long)got,
                 (long long)want);
    }
  }
}

static void check_integers(enum opcode code, int variant, int processor) {
  int widths[3] = {variant % 2 ? 2 : 0, variant % 3 ? 2 : 1, variant % 5 ? 2 : 0};
  teardown(NULL), setup(NULL);
  integer_kernel(code, variant, widths);
  struct native_jit *j = compile(processor);
  for (unsigned seed = 1; seed <= 5; seed++) {
    for (unsigned i = 0; i < 3; i++)
      awkward_integers(weights + i * OPERAND_ROOM, widths[i], seed + 11 * i);
    run_step(j, 1);
    check_results(code, variant, widths);
  }
  native_jit_free(j);
}

static void integer_operators(void **state) {
  (void)state;
  for (int p = 0; p < PROCESSORS; p++)
    for (int c = 0; c < OP_COUNT; c++)
      for (int variant = 0; op_info[c].flags & INTEGER && variant < (c == OP_CURVE ? 6 : 3); variant++)
        check_integers((enum opcode)c, variant, p);
}

/* Sum, largest and largest magnitude, as i32, in a SERIAL and in a VECTOR loop. */
static struct native_jit *compile_accumulators(int width, int n) {
  static const enum accumulate how[] = {ACC_SUM, ACC_MAX, ACC_ABSMAX};
  teardown(NULL), setup(NULL);
  struct kernel *k = kernel("integers");
  struct buffer *x = buffer(BASE_WEIGHTS, integer_formats[width], 0);
  struct buffer *y = buffer(BASE_SCRATCH, FORMAT_I32, 0);
  for (int kind = 0; kind < 2; kind++) {
    struct loop *l = loop(&k->body, kind ? LOOP_VECTOR : LOOP_SERIAL, number(n));
    struct expr *e = let(&l->body, load(x, integer_elems[width], var(l)));
    for (int h = 0; h < 3; h++) {
      struct accumulator *acc = accumulator(how[h], l);
      acc->elem = ELEM_I32;
      add_to(&l->body, acc, e);
      store(&k->body, y, number(kind * 3 + h), let(&k->body, total(acc)));
    }
  }
  fx.step->schedule = call(k, 0, NULL);
  return compile(0);
}

static void integer_accumulators(void **state) {
  (void)state;
  enum { LENGTH = N - 3 };
  for (int width = 0; width < 3; width++) {
    struct native_jit *j = compile_accumulators(width, LENGTH);
    for (unsigned seed = 1; seed <= 5; seed++) {
      int64_t sum = 0, top = INT32_MIN, magnitude = 0;
      awkward_integers(weights, width, seed);
      for (int i = 0; seed == 5 && i < N; i++) /* nothing is above the least */
        memcpy(weights + (i << width),
               (int32_t[]){width == 0   ? INT8_MIN
                           : width == 1 ? INT16_MIN
                                        : INT32_MIN},
               (size_t)1 << width);
      for (int i = 0; i < LENGTH; i++) {
        int64_t v = integer_at(weights, width, i), m = v < 0 ? -v : v;
        sum = integer_wrap(sum + v);
        top = v > top ? v : top;
        magnitude = m > magnitude ? m : magnitude;
      }
      magnitude = magnitude > INT32_MAX ? INT32_MAX : magnitude;
      run_step(j, 1);
      for (int i = 0; i < 6; i++)
        assert_int_equal(((int32_t *)scratch)[i], (int32_t)(i % 3 == 0 ? sum : i % 3 == 1 ? top : magnitude));
    }
    native_jit_free(j);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(integer_operators),
      TEST(integer_accumulators),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
