/* emit_map.c: element-wise operators in LLVM's terms, one row each; scalar and 16-lane values alike.
 *
 * Every float operation is one IEEE operation of the IR, in the order that ir/ops.def states; there are no
 * fast-math flags, so LLVM keeps each rounding. Where the target has no instruction for a rounding mode, it
 * is composed of exact operations (LLVM would call the C library). */
#include "backends/native/emit.h"

#include <string.h>

typedef LLVMValueRef map_row(struct body *b, const struct expr *x, LLVMValueRef *in);

LLVMValueRef emit_float_like(LLVMValueRef v, double value) {
  LLVMTypeRef type = LLVMTypeOf(v);
  if (LLVMGetTypeKind(type) != LLVMVectorTypeKind)
    return LLVMConstReal(type, value);
  LLVMValueRef lanes[WIDE];
  unsigned n = LLVMGetVectorSize(type);
  for (unsigned i = 0; i < n; i++)
    lanes[i] = LLVMConstReal(LLVMGetElementType(type), value);
  return LLVMConstVector(lanes, n);
}

static LLVMValueRef call_intrinsic(struct body *b, const char *name, LLVMValueRef *in, unsigned n) {
  LLVMTypeRef type = LLVMTypeOf(in[0]);
  unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
  LLVMValueRef f = LLVMGetIntrinsicDeclaration(b->e->module, id, &type, 1);
  return LLVMBuildCall2(b->b, LLVMGlobalGetValueType(f), f, in, n, "");
}

LLVMValueRef emit_unary_intrinsic(struct body *b, const char *name, LLVMValueRef x) {
  return call_intrinsic(b, name, &x, 1);
}

/* A function of runtime/kernels/math.h of n operands, through memory (backends/native/bitcode/portable.c),
 * LANES of them at once. */
static LLVMValueRef elementary(struct body *b, const char *name, const LLVMValueRef *x, unsigned n) {
  const char *full = arena_printf(&b->e->arena, "tern_native_%s%s", name, emit_is_vector(x[0]) ? "_v16" : "");
  LLVMValueRef f = emitter_function(b->e, full), in[3];
  for (unsigned i = 0; i <= n; i++)
    in[i] = emit_room(b, LLVMTypeOf(x[0]));
  for (unsigned i = 0; i < n; i++)
    LLVMBuildStore(b->b, x[i], in[i]);
  unsigned lanes = emit_is_vector(x[0]) ? LLVMGetVectorSize(LLVMTypeOf(x[0])) : 1;
  for (unsigned from = 0; from < lanes; from += LANES) {
    LLVMValueRef at[3], first = emit_int(b->e, from);
    for (unsigned i = 0; i <= n; i++)
      at[i] = from ? LLVMBuildInBoundsGEP2(b->b, b->e->f32, in[i], &first, 1, "") : in[i];
    LLVMBuildCall2(b->b, LLVMGlobalGetValueType(f), f, at, n + 1, "");
  }
  return LLVMBuildLoad2(b->b, LLVMTypeOf(x[0]), in[n], name);
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

LLVMValueRef emit_max(struct body *b, LLVMValueRef x, LLVMValueRef y) {
  return LLVMBuildSelect(b->b, LLVMBuildFCmp(b->b, LLVMRealOLT, x, y, ""), y, x, "max");
}

#define ROW(name, expression)                                                                                \
  static LLVMValueRef name(struct body *b, const struct expr *x, LLVMValueRef *in) {                         \
    (void)x;                                                                                                 \
    return (expression);                                                                                     \
  }
ROW(map_neg, LLVMBuildFNeg(b->b, in[0], "neg"))
ROW(map_abs, emit_unary_intrinsic(b, "llvm.fabs", in[0]))
ROW(map_exp, elementary(b, "exp", in, 1))
ROW(map_log, elementary(b, "log", in, 1))
ROW(map_sin, elementary(b, "sin", in, 1))
ROW(map_cos, elementary(b, "cos", in, 1))
ROW(map_pow, elementary(b, "pow", in, 2))
ROW(map_sqrt, emit_unary_intrinsic(b, "llvm.sqrt", in[0]))
ROW(map_rsqrt,
    LLVMBuildFDiv(b->b, emit_float_like(in[0], 1), emit_unary_intrinsic(b, "llvm.sqrt", in[0]), "rsqrt"))
ROW(map_add, LLVMBuildFAdd(b->b, in[0], in[1], "add"))
ROW(map_sub, LLVMBuildFSub(b->b, in[0], in[1], "sub"))
ROW(map_mul, LLVMBuildFMul(b->b, in[0], in[1], "mul"))
ROW(map_div, LLVMBuildFDiv(b->b, in[0], in[1], "div"))
ROW(map_min, LLVMBuildSelect(b->b, LLVMBuildFCmp(b->b, LLVMRealOLT, in[1], in[0], ""), in[1], in[0], "min"))
ROW(map_max, emit_max(b, in[0], in[1]))
ROW(map_lt, LLVMBuildFCmp(b->b, LLVMRealOLT, in[0], in[1], "lt"))
ROW(map_le, LLVMBuildFCmp(b->b, LLVMRealOLE, in[0], in[1], "le"))
ROW(map_eq, LLVMBuildFCmp(b->b, LLVMRealOEQ, in[0], in[1], "eq"))
ROW(map_select, LLVMBuildSelect(b->b, in[0], in[1], in[2], "select"))

static LLVMValueRef map_relu(struct body *b, const struct expr *x, LLVMValueRef *in) {
  (void)x;
  LLVMValueRef zero = emit_float_like(in[0], 0);
  return LLVMBuildSelect(b->b, LLVMBuildFCmp(b->b, LLVMRealOGT, in[0], zero, ""), in[0], zero, "relu");
}

/* ---- rounding -------------------------------------------------------------------------------- */

/* From 2^23 on every float is an integer; below, adding and subtracting 2^23 rounds half to even. */
static const double whole = 8388608;

static LLVMValueRef with_sign_of(struct body *b, LLVMValueRef magnitude, LLVMValueRef x) {
  LLVMValueRef in[2] = {magnitude, x};
  return call_intrinsic(b, "llvm.copysign", in, 2);
}

/* `rounded` where |x| < 2^23, with the sign of x; x elsewhere (large, infinite, NaN). */
static LLVMValueRef small_only(struct body *b, LLVMValueRef rounded, LLVMValueRef magnitude, LLVMValueRef x) {
  LLVMValueRef is_small = LLVMBuildFCmp(b->b, LLVMRealOLT, magnitude, emit_float_like(x, whole), "");
  return LLVMBuildSelect(b->b, is_small, with_sign_of(b, rounded, x), x, "");
}

static LLVMValueRef even_magnitude(struct body *b, LLVMValueRef magnitude) {
  LLVMValueRef shift = emit_float_like(magnitude, whole);
  return LLVMBuildFSub(b->b, LLVMBuildFAdd(b->b, magnitude, shift, ""), shift, "");
}

/* |x| rounded toward zero: the even rounding, less 1 where that went up. */
static LLVMValueRef truncated_magnitude(struct body *b, LLVMValueRef magnitude) {
  LLVMValueRef even = even_magnitude(b, magnitude);
  LLVMValueRef less = LLVMBuildFSub(b->b, even, emit_float_like(even, 1), "");
  return LLVMBuildSelect(b->b, LLVMBuildFCmp(b->b, LLVMRealOGT, even, magnitude, ""), less, even, "");
}

static LLVMValueRef compose_half_even(struct body *b, LLVMValueRef x) {
  LLVMValueRef magnitude = emit_unary_intrinsic(b, "llvm.fabs", x);
  return small_only(b, even_magnitude(b, magnitude), magnitude, x);
}

static LLVMValueRef compose_truncate(struct body *b, LLVMValueRef x) {
  LLVMValueRef magnitude = emit_unary_intrinsic(b, "llvm.fabs", x);
  return small_only(b, truncated_magnitude(b, magnitude), magnitude, x);
}

static LLVMValueRef compose_half_away(struct body *b, LLVMValueRef x) {
  LLVMValueRef magnitude = emit_unary_intrinsic(b, "llvm.fabs", x);
  LLVMValueRef down = truncated_magnitude(b, magnitude), one = emit_float_like(x, 1);
  LLVMValueRef fraction = LLVMBuildFSub(b->b, magnitude, down, "");
  LLVMValueRef up = LLVMBuildFCmp(b->b, LLVMRealOGE, fraction, emit_float_like(x, 0.5), "");
  LLVMValueRef rounded = LLVMBuildSelect(b->b, up, LLVMBuildFAdd(b->b, down, one, ""), down, "");
  return small_only(b, rounded, magnitude, x);
}

static LLVMValueRef compose_floor(struct body *b, LLVMValueRef x) {
  LLVMValueRef cut = compose_truncate(b, x);
  LLVMValueRef above = LLVMBuildFCmp(b->b, LLVMRealOGT, cut, x, "");
  return LLVMBuildSelect(b->b, above, LLVMBuildFSub(b->b, cut, emit_float_like(x, 1), ""), cut, "");
}

static const struct {
  const char *intrinsic;
  LLVMValueRef (*compose)(struct body *b, LLVMValueRef x);
} roundings[ROUND_COUNT] = {
    [ROUND_HALF_EVEN] = {"llvm.roundeven", compose_half_even},
    [ROUND_HALF_AWAY] = {"llvm.round", compose_half_away},
    [ROUND_TRUNCATE] = {"llvm.trunc", compose_truncate},
    [ROUND_FLOOR] = {"llvm.floor", compose_floor},
};

static LLVMValueRef round_by(struct body *b, LLVMValueRef x, enum rounding mode) {
  if (b->e->target->level->rounds)
    return emit_unary_intrinsic(b, roundings[mode].intrinsic, x);
  return roundings[mode].compose(b, x);
}

ROW(map_floor, round_by(b, in[0], ROUND_FLOOR))
ROW(map_round, round_by(b, in[0], x->attr.round))

/* ---- to other types -------------------------------------------------------------------------- */

/* The type of `elem`, with as many lanes as v. */
static LLVMTypeRef type_like(struct body *b, LLVMValueRef v, enum elem elem) {
  LLVMTypeRef type = emit_type(b->e, elem);
  return emit_is_vector(v) ? LLVMVectorType(type, LLVMGetVectorSize(LLVMTypeOf(v))) : type;
}

static LLVMValueRef map_codes(struct body *b, const struct expr *x, LLVMValueRef *in) {
  double top = (double)((1 << (x->attr.bits - 1)) - 1);
  LLVMValueRef high = emit_float_like(in[0], top), low = emit_float_like(in[0], -top - 1);
  LLVMValueRef v = round_by(b, LLVMBuildFMul(b->b, in[0], in[1], ""), x->attr.round);
  LLVMValueRef number = LLVMBuildFCmp(b->b, LLVMRealORD, v, v, "");
  v = LLVMBuildSelect(b->b, number, v, emit_float_like(v, 0), "");
  v = LLVMBuildSelect(b->b, LLVMBuildFCmp(b->b, LLVMRealOLT, v, low, ""), low, v, "");
  v = LLVMBuildSelect(b->b, LLVMBuildFCmp(b->b, LLVMRealOGT, v, high, ""), high, v, "");
  LLVMValueRef code = LLVMBuildFPToSI(b->b, v, type_like(b, v, ELEM_I32), "");
  return emit_saturate(b, code, x->attr.bits, x->elem); /* `high` as a float may be one more */
}

static LLVMValueRef map_ordinal(struct body *b, const struct expr *x, LLVMValueRef *in) {
  LLVMValueRef v = in[0], zero = emit_float_like(v, 0);
  LLVMValueRef most = emit_float_like(v, (double)(x->attr.group - 1));
  v = LLVMBuildSelect(b->b, LLVMBuildFCmp(b->b, LLVMRealOGT, v, zero, ""), v, zero, "");
  v = LLVMBuildSelect(b->b, LLVMBuildFCmp(b->b, LLVMRealOLT, v, most, ""), v, most, "");
  return LLVMBuildFPToSI(b->b, v, type_like(b, v, ELEM_I32), "ordinal");
}

static LLVMValueRef map_convert(struct body *b, const struct expr *x, LLVMValueRef *in) {
  enum elem from = x->in[0]->elem;
  bool is_unsigned = from == ELEM_BOOL || from == ELEM_U32;
  LLVMTypeRef type = type_like(b, in[0], x->elem);
  if (from == x->elem)
    return in[0];
  if (x->elem != ELEM_F32)
    return LLVMBuildIntCast2(b->b, in[0], type, !is_unsigned, "convert");
  return is_unsigned ? LLVMBuildUIToFP(b->b, in[0], type, "convert")
                     : LLVMBuildSIToFP(b->b, in[0], type, "convert");
}

/* ---- by chance ------------------------------------------------------------------------------- */

static LLVMValueRef constant_like(LLVMValueRef v, uint32_t value) {
  LLVMValueRef one = LLVMConstInt(emit_is_vector(v) ? LLVMGetElementType(LLVMTypeOf(v)) : LLVMTypeOf(v),
                                  value, false),
               lanes[LANES];
  for (int i = 0; i < LANES; i++)
    lanes[i] = one;
  return emit_is_vector(v) ? LLVMConstVector(lanes, LANES) : one;
}

static LLVMValueRef shifted_down(struct body *b, LLVMValueRef v, uint32_t by) {
  return LLVMBuildLShr(b->b, v, constant_like(v, by), "");
}

static LLVMValueRef hash_round(struct body *b, LLVMValueRef h, uint32_t by, uint32_t factor) {
  h = LLVMBuildXor(b->b, h, shifted_down(b, h, by), "");
  return LLVMBuildMul(b->b, h, constant_like(h, factor), "");
}

/* tern_dither of runtime/kernels/math.h. */
static LLVMValueRef map_dither(struct body *b, const struct expr *x, LLVMValueRef *in) {
  uint32_t bits = (uint32_t)x->attr.bits;
  LLVMValueRef place = LLVMBuildMul(b->b, in[2], constant_like(in[2], 0x9e3779b1u), "");
  LLVMValueRef h = LLVMBuildXor(b->b, place, in[1], "");
  h = hash_round(b, hash_round(b, h, 16, 0x7feb352du), 15, 0x846ca68bu);
  h = LLVMBuildXor(b->b, h, shifted_down(b, h, 16), "");
  LLVMValueRef up = LLVMBuildBitCast(b->b, in[0], LLVMTypeOf(h), "");
  up = LLVMBuildAdd(b->b, up, shifted_down(b, h, 8 + bits), "");
  up = LLVMBuildAnd(b->b, up, constant_like(up, UINT32_MAX << (24 - bits)), "");
  LLVMValueRef number = LLVMBuildFCmp(b->b, LLVMRealORD, in[0], in[0], "");
  return LLVMBuildSelect(b->b, number, LLVMBuildBitCast(b->b, up, LLVMTypeOf(in[0]), ""), in[0], "dither");
}

static map_row *const rows[OP_COUNT] = {
    [OP_NEG] = map_neg,     [OP_ABS] = map_abs,         [OP_EXP] = map_exp,   [OP_LOG] = map_log,
    [OP_SQRT] = map_sqrt,   [OP_RSQRT] = map_rsqrt,     [OP_RELU] = map_relu, [OP_FLOOR] = map_floor,
    [OP_ROUND] = map_round, [OP_CONVERT] = map_convert, [OP_ADD] = map_add,   [OP_SUB] = map_sub,
    [OP_MUL] = map_mul,     [OP_DIV] = map_div,         [OP_MIN] = map_min,   [OP_MAX] = map_max,
    [OP_LT] = map_lt,       [OP_LE] = map_le,           [OP_EQ] = map_eq,     [OP_SELECT] = map_select,
    [OP_CODES] = map_codes, [OP_ORDINAL] = map_ordinal, [OP_SIN] = map_sin,   [OP_COS] = map_cos,
    [OP_POW] = map_pow,     [OP_DITHER] = map_dither,
};

LLVMValueRef emit_map(struct body *b, const struct expr *x, LLVMValueRef *in) {
  return (op_info[x->code].flags & INTEGER ? emit_integer : rows[x->code])(b, x, in);
}

bool emit_map_covers(enum opcode code) {
  return rows[code] || emit_integer_covers(code);
}
