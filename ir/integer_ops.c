/* integer_ops.c: one function an integer operator, as ops.def states it, and the table of them. */
#include "ir/integer_ops.h"

#include "ir/curve.h"

int64_t integer_saturate(int64_t v, int bits) {
  int64_t most = ((int64_t)1 << (bits - 1)) - 1;
  return v > most ? most : v < -most - 1 ? -most - 1 : v;
}

enum elem integer_elem(int bits) {
  return bits <= 8 ? ELEM_I8 : bits <= 16 ? ELEM_I16 : ELEM_I32;
}

int32_t integer_wrap(int64_t v) {
  int64_t low = v & 0xffffffff;
  return (int32_t)(low >= (int64_t)1 << 31 ? low - ((int64_t)1 << 32) : low);
}

#define ELEMENT(name, expression)                                                                            \
  static int64_t name(int64_t a, int64_t b, int64_t c, const struct attrs *attr) {                           \
    (void)a, (void)b, (void)c, (void)attr;                                                                   \
    return (expression);                                                                                     \
  }

ELEMENT(add, integer_saturate(a + b, attr->bits))
ELEMENT(sub, integer_saturate(a - b, attr->bits))
ELEMENT(least, integer_saturate(b < a ? b : a, attr->bits))
ELEMENT(most, integer_saturate(a < b ? b : a, attr->bits))
ELEMENT(less, a < b)
ELEMENT(less_or_equal, a <= b)
ELEMENT(equal, a == b)
ELEMENT(choose, a != 0 ? b : c)
ELEMENT(curve, curve_eval(attr, a))

static int64_t mulshift(int64_t a, int64_t b, int64_t c, const struct attrs *attr) {
  int e = c < -62 ? -62 : c > 62 ? 62 : (int)c;
  __int128 product = (__int128)a * b;
  if (e > 0)
    product = (product + ((__int128)1 << (e - 1))) >> e; /* floor: >> of a negative number is arithmetic */
  else
    product *= (__int128)1 << -e; /* at most 2^62 * 2^62 */
  const __int128 limit = (__int128)1 << 62;
  product = product > limit ? limit : product < -limit ? -limit : product;
  return integer_saturate((int64_t)product, attr->bits);
}

static int64_t divide(int64_t a, int64_t b, int64_t c, const struct attrs *attr) {
  (void)c;
  b = b < 1 ? 1 : b;
  int64_t q = a / b - (a % b < 0); /* C's / rounds toward zero */
  return integer_saturate(q, attr->bits);
}

static int64_t root(int64_t a, int64_t b, int64_t c, const struct attrs *attr) {
  (void)b, (void)c;
  int64_t r = 0;
  for (int64_t bit = (int64_t)1 << 30; bit; bit >>= 1) /* r: the largest so far with r * r <= a */
    if ((r + bit) * (r + bit) <= a)
      r += bit;
  return integer_saturate(r, attr->bits);
}

static int64_t log2_floor(int64_t a, int64_t b, int64_t c, const struct attrs *attr) {
  (void)b, (void)c;
  int64_t r = 0;
  for (int64_t magnitude = a < 0 ? -a : a; magnitude > 1; magnitude >>= 1)
    r++;
  return integer_saturate(r, attr->bits);
}

integer_function *const integer_ops[OP_COUNT] = {
    [OP_IADD] = add,          [OP_ISUB] = sub,          [OP_IMIN] = least, [OP_IMAX] = most,
    [OP_MULSHIFT] = mulshift, [OP_IDIV] = divide,       [OP_ISQRT] = root, [OP_ILOG2] = log2_floor,
    [OP_ILT] = less,          [OP_ILE] = less_or_equal, [OP_IEQ] = equal,  [OP_CURVE] = curve,
    [OP_SELECT] = choose,
};
