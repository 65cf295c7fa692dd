/* emit_integer.c: integer operators in LLVM's terms; scalar and 16-lane values alike.
 *
 * Operands are widened to 64 bits, where every result is exact (ir/integer_ops.h), and the result is clamped
 * to the operator's bits. Quotients and roots go through float64, which has vectors of them: for int32
 * operands neither can round up to an integer that it does not reach. */
#include "backends/lower/facts.h"
#include "backends/native/emit.h"
#include "ir/curve.h"

#include <string.h>

typedef LLVMValueRef integer_row(struct body *b, const struct expr *x, LLVMValueRef *in);

/* ---- what rows are made of ------------------------------------------------------------------- */

static LLVMTypeRef lanes_like(LLVMValueRef v, LLVMTypeRef type) {
  return emit_is_vector(v) ? LLVMVectorType(type, LANES) : type;
}

static LLVMValueRef cast(struct body *b, LLVMValueRef v, LLVMTypeRef type) {
  return LLVMBuildIntCast2(b->b, v, lanes_like(v, type), true, "");
}

/* An integer constant of v's type. */
static LLVMValueRef number(LLVMValueRef v, int64_t value) {
  LLVMTypeRef type = LLVMTypeOf(v);
  if (!emit_is_vector(v))
    return LLVMConstInt(type, (unsigned long long)value, true);
  LLVMValueRef lanes[LANES];
  for (int i = 0; i < LANES; i++)
    lanes[i] = LLVMConstInt(LLVMGetElementType(type), (unsigned long long)value, true);
  return LLVMConstVector(lanes, LANES);
}

static LLVMValueRef least(struct body *b, LLVMValueRef x, LLVMValueRef y) {
  return LLVMBuildSelect(b->b, LLVMBuildICmp(b->b, LLVMIntSLT, y, x, ""), y, x, "");
}

static LLVMValueRef most(struct body *b, LLVMValueRef x, LLVMValueRef y) {
  return LLVMBuildSelect(b->b, LLVMBuildICmp(b->b, LLVMIntSLT, x, y, ""), y, x, "");
}

static LLVMValueRef clamp(struct body *b, LLVMValueRef v, int64_t low, int64_t high) {
  return least(b, most(b, v, number(v, low)), number(v, high));
}

LLVMValueRef emit_saturate(struct body *b, LLVMValueRef v, int bits, enum elem elem) {
  int64_t high = ((int64_t)1 << (bits - 1)) - 1;
  return cast(b, clamp(b, v, -high - 1, high), emit_type(b->e, elem));
}

LLVMValueRef emit_magnitude(struct body *b, LLVMValueRef v) {
  LLVMValueRef negated = LLVMBuildSub(b->b, number(v, 0), most(b, v, number(v, -INT32_MAX)), "");
  return LLVMBuildSelect(b->b, LLVMBuildICmp(b->b, LLVMIntSLT, v, number(v, 0), ""), negated, v, "");
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

#define ROW(name, expression)                                                                                \
  static LLVMValueRef name(struct body *b, const struct expr *x, LLVMValueRef *in) {                         \
    (void)x;                                                                                                 \
    return (expression);                                                                                     \
  }
ROW(add, LLVMBuildNSWAdd(b->b, in[0], in[1], "iadd"))
ROW(subtract, LLVMBuildNSWSub(b->b, in[0], in[1], "isub"))
ROW(minimum, least(b, in[0], in[1]))
ROW(maximum, most(b, in[0], in[1]))
ROW(less, LLVMBuildICmp(b->b, LLVMIntSLT, in[0], in[1], "ilt"))
ROW(less_or_equal, LLVMBuildICmp(b->b, LLVMIntSLE, in[0], in[1], "ile"))
ROW(equal, LLVMBuildICmp(b->b, LLVMIntEQ, in[0], in[1], "ieq"))

/* e > 0: half of 2^e more, then to the right. Else to the left, where 2^31 saturates every width, and so do
 * 31 places of anything but 0. */
static LLVMValueRef mulshift(struct body *b, const struct expr *x, LLVMValueRef *in) {
  (void)x;
  LLVMValueRef product = LLVMBuildNSWMul(b->b, in[0], in[1], ""), zero = number(product, 0);
  LLVMValueRef one = number(product, 1), e = in[2];
  LLVMValueRef right = clamp(b, e, 1, 62);
  LLVMValueRef half = LLVMBuildShl(b->b, one, LLVMBuildNSWSub(b->b, right, one, ""), "");
  LLVMValueRef small = LLVMBuildAShr(b->b, LLVMBuildNSWAdd(b->b, product, half, ""), right, "");
  LLVMValueRef left = LLVMBuildNSWSub(b->b, zero, clamp(b, e, -31, 0), "");
  int64_t limit = (int64_t)1 << 31;
  LLVMValueRef large = LLVMBuildShl(b->b, clamp(b, product, -limit, limit), left, "");
  return LLVMBuildSelect(b->b, LLVMBuildICmp(b->b, LLVMIntSGT, e, zero, ""), small, large, "mulshift");
}

static LLVMValueRef to_double(struct body *b, LLVMValueRef v) {
  LLVMValueRef narrow = cast(b, v, b->e->i32);
  return LLVMBuildSIToFP(b->b, narrow, lanes_like(v, LLVMDoubleTypeInContext(b->e->context)), "");
}

static LLVMValueRef from_double(struct body *b, LLVMValueRef v) {
  return cast(b, LLVMBuildFPToSI(b->b, v, lanes_like(v, b->e->i32), ""), b->e->i64);
}

/* The quotient toward zero, less 1 where that left a negative remainder. */
static LLVMValueRef divide(struct body *b, const struct expr *x, LLVMValueRef *in) {
  (void)x;
  LLVMValueRef divisor = most(b, in[1], number(in[1], 1));
  LLVMValueRef q = from_double(b, LLVMBuildFDiv(b->b, to_double(b, in[0]), to_double(b, divisor), ""));
  LLVMValueRef rest = LLVMBuildNSWSub(b->b, in[0], LLVMBuildNSWMul(b->b, q, divisor, ""), "");
  LLVMValueRef below = LLVMBuildICmp(b->b, LLVMIntSLT, rest, number(rest, 0), "");
  return LLVMBuildNSWAdd(b->b, q, cast(b, below, b->e->i64), "idiv"); /* true is -1 */
}

static LLVMValueRef root(struct body *b, const struct expr *x, LLVMValueRef *in) {
  (void)x;
  LLVMValueRef a = to_double(b, most(b, in[0], number(in[0], 0)));
  return from_double(b, emit_unary_intrinsic(b, "llvm.sqrt", a));
}

/* 31 less the leading zeros of the magnitude, as an unsigned number of 32 bits. */
static LLVMValueRef log2_floor(struct body *b, const struct expr *x, LLVMValueRef *in) {
  (void)x;
  LLVMValueRef negated = LLVMBuildNSWSub(b->b, number(in[0], 0), in[0], "");
  LLVMValueRef magnitude = cast(b, most(b, most(b, in[0], negated), number(in[0], 1)), b->e->i32);
  LLVMTypeRef type = LLVMTypeOf(magnitude);
  unsigned id = LLVMLookupIntrinsicID("llvm.ctlz", strlen("llvm.ctlz"));
  LLVMValueRef f = LLVMGetIntrinsicDeclaration(b->e->module, id, &type, 1);
  LLVMValueRef arguments[2] = {magnitude, LLVMConstInt(b->e->i1, 1, false)}; /* it is never 0 */
  LLVMValueRef zeros = LLVMBuildCall2(b->b, LLVMGlobalGetValueType(f), f, arguments, 2, "");
  return cast(b, LLVMBuildNSWSub(b->b, number(zeros, 31), zeros, "ilog2"), b->e->i64);
}

/* ---- curves ---------------------------------------------------------------------------------- */

/* The curve's points as a constant array of u32, one for all operators that share it. */
static LLVMValueRef table_of(struct body *b, const struct attrs *attr) {
  struct emitter *e = b->e;
  const char *name = arena_printf(&e->arena, "tern_%s", curve_table_name(&e->arena, attr));
  LLVMValueRef table = LLVMGetNamedGlobal(e->module, name);
  if (table)
    return table;
  int room = (1 << attr->segments) + 1;
  int64_t *y = arena_array(&e->arena, int64_t, room);
  int n = curve_table(attr, y);
  LLVMValueRef *points = arena_array(&e->arena, LLVMValueRef, n);
  for (int i = 0; i < n; i++)
    points[i] = LLVMConstInt(e->i32, (unsigned long long)y[i], false);
  LLVMValueRef array = LLVMConstArray2(e->i32, points, (uint64_t)n);
  table = LLVMAddGlobal(e->module, LLVMTypeOf(array), name);
  LLVMSetInitializer(table, array);
  LLVMSetGlobalConstant(table, true);
  LLVMSetLinkage(table, LLVMInternalLinkage);
  return table;
}

static LLVMValueRef point(struct body *b, LLVMValueRef table, LLVMValueRef k) {
  LLVMValueRef at = LLVMBuildInBoundsGEP2(b->b, b->e->i32, table, &k, 1, "");
  return LLVMBuildZExt(b->b, LLVMBuildLoad2(b->b, b->e->i32, at, ""), b->e->i64, "");
}

static LLVMValueRef points(struct body *b, LLVMValueRef table, LLVMValueRef k) {
  if (!emit_is_vector(k))
    return point(b, table, k);
  LLVMValueRef v = LLVMGetPoison(LLVMTypeOf(k));
  for (int i = 0; i < LANES; i++) {
    LLVMValueRef lane = LLVMConstInt(b->e->i32, (unsigned long long)i, false);
    LLVMValueRef one = point(b, table, LLVMBuildExtractElement(b->b, k, lane, ""));
    v = LLVMBuildInsertElement(b->b, v, one, lane, "");
  }
  return v;
}

static LLVMValueRef curve(struct body *b, const struct expr *x, LLVMValueRef *in) {
  struct curve_shape c = curve_shape(&x->attr);
  LLVMValueRef table = table_of(b, &x->attr), v = in[0];
  int64_t last = ((int64_t)1 << (c.w + x->attr.frac)) - 1;
  LLVMValueRef u = clamp(b, LLVMBuildNSWSub(b->b, v, number(v, c.first), ""), 0, last);
  LLVMValueRef k = LLVMBuildLShr(b->b, u, number(v, c.h), "");
  LLVMValueRef t = LLVMBuildAnd(b->b, u, number(v, ((int64_t)1 << c.h) - 1), "");
  LLVMValueRef from = points(b, table, k), to = points(b, table, LLVMBuildNSWAdd(b->b, k, number(v, 1), ""));
  LLVMValueRef rise = LLVMBuildNSWMul(b->b, LLVMBuildNSWSub(b->b, to, from, ""), t, "");
  rise = LLVMBuildNSWAdd(b->b, rise, number(v, c.h ? (int64_t)1 << (c.h - 1) : 0), "");
  return LLVMBuildNSWAdd(b->b, from, LLVMBuildAShr(b->b, rise, number(v, c.h), ""), "curve");
}

/* ---- all of them ----------------------------------------------------------------------------- */

static integer_row *const rows[OP_COUNT] = {
    [OP_IADD] = add,          [OP_ISUB] = subtract,     [OP_IMIN] = minimum, [OP_IMAX] = maximum,
    [OP_MULSHIFT] = mulshift, [OP_IDIV] = divide,       [OP_ISQRT] = root,   [OP_ILOG2] = log2_floor,
    [OP_ILT] = less,          [OP_ILE] = less_or_equal, [OP_IEQ] = equal,    [OP_CURVE] = curve,
};

LLVMValueRef emit_integer(struct body *b, const struct expr *x, LLVMValueRef *in) {
  LLVMValueRef wide[3];
  for (int k = 0; k < x->n_in; k++)
    wide[k] = cast(b, in[k], b->e->i64);
  LLVMValueRef v = rows[x->code](b, x, wide);
  return x->elem == ELEM_BOOL ? v : emit_saturate(b, v, x->attr.bits, x->elem);
}

bool emit_integer_covers(enum opcode code) {
  return rows[code] != NULL;
}
