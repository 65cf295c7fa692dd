/* emit_expr.c: expressions and memory. Inside a VECTOR loop that runs LANES iterations at once, an expression
 * is <LANES x T> where it depends on the loop and a scalar where it does not; operators stretch scalars when
 * they meet a vector. An index that grows by 1 with the loop is one wide load or store; any other goes lane
 * by lane. */
#include "backends/native/emit.h"

LLVMTypeRef emit_type(const struct emitter *e, enum elem elem) {
  switch (elem) {
  case ELEM_BOOL: return e->i1;
  case ELEM_I8: return e->i8;
  case ELEM_I16: return e->i16;
  case ELEM_F32: return e->f32;
  default: return e->i32;
  }
}

bool emit_is_vector(LLVMValueRef v) {
  return LLVMGetTypeKind(LLVMTypeOf(v)) == LLVMVectorTypeKind;
}

LLVMValueRef emit_int(struct emitter *e, int64_t value) {
  return LLVMConstInt(e->i64, (unsigned long long)value, true);
}

static LLVMValueRef lane_number(struct body *b, int lane) {
  return LLVMConstInt(b->e->i32, (unsigned long long)lane, false);
}

LLVMValueRef emit_splat(struct body *b, LLVMValueRef v) {
  if (emit_is_vector(v))
    return v;
  LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(v), b->lanes);
  LLVMValueRef one = LLVMBuildInsertElement(b->b, LLVMGetPoison(type), v, lane_number(b, 0), "");
  LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(b->e->i32, b->lanes));
  return LLVMBuildShuffleVector(b->b, one, LLVMGetPoison(type), zeros, "");
}

/* ---- indices --------------------------------------------------------------------------------- */

static LLVMValueRef index_pair(struct body *b, const struct index *x, int lane) {
  LLVMValueRef p = emit_index(b, x->a, lane), q = emit_index(b, x->b, lane);
  switch (x->kind) {
  case INDEX_ADD: return LLVMBuildNSWAdd(b->b, p, q, "");
  case INDEX_SUB: return LLVMBuildNSWSub(b->b, p, q, "");
  case INDEX_MUL: return LLVMBuildNSWMul(b->b, p, q, "");
  case INDEX_DIV: return LLVMBuildUDiv(b->b, p, q, "");
  case INDEX_MOD: return LLVMBuildURem(b->b, p, q, "");
  default: {
    LLVMIntPredicate better = x->kind == INDEX_MIN ? LLVMIntSLT : LLVMIntSGT;
    return LLVMBuildSelect(b->b, LLVMBuildICmp(b->b, better, p, q, ""), p, q, "");
  }
  }
}

LLVMValueRef emit_index(struct body *b, const struct index *x, int lane) {
  switch (x->kind) {
  case INDEX_CONST: return emit_int(b->e, x->constant);
  case INDEX_I: return b->i;
  case INDEX_J: return b->j;
  case INDEX_DIM: return b->sizes[-1 - x->constant];
  case INDEX_VAR: {
    LLVMValueRef var = b->vars[x->loop->id];
    return x->loop == b->vector && lane ? LLVMBuildNSWAdd(b->b, var, emit_int(b->e, lane), "") : var;
  }
  case INDEX_VALUE: {
    LLVMValueRef v = emit_expr(b, x->value);
    if (emit_is_vector(v))
      v = LLVMBuildExtractElement(b->b, v, lane_number(b, lane), "");
    return LLVMBuildZExt(b->b, v, b->e->i64, "");
  }
  default: return index_pair(b, x, lane);
  }
}

/* Whether x is the variable of `loop` or is computed from it. */
static bool index_depends(const struct index *x, const struct loop *loop);

static bool expr_depends(const struct expr *x, const struct loop *loop) {
  if ((x->index && index_depends(x->index, loop)) || (x->bound && index_depends(x->bound, loop)))
    return true;
  for (int k = 0; k < x->n_in; k++)
    if (expr_depends(x->in[k], loop))
      return true;
  /* An accumulator of a loop inside the vector loop has a value a lane. */
  return x->kind == EXPR_ACC && x->acc->loop->kind == LOOP_SERIAL;
}

static bool index_depends(const struct index *x, const struct loop *loop) {
  if (x->kind == INDEX_VAR)
    return x->loop == loop;
  if (x->kind == INDEX_VALUE)
    return expr_depends(x->value, loop);
  return (x->a && index_depends(x->a, loop)) || (x->b && index_depends(x->b, loop));
}

/* How an index moves with the lanes: 0 not at all, 1 by one element, OTHER: evaluated lane by lane. */
enum { UNIFORM = 0, CONTIGUOUS = 1, OTHER = 2 };
static int movement(struct body *b, const struct index *x) {
  int64_t coefficient;
  if (!b->vector || !index_depends(x, b->vector))
    return UNIFORM;
  bool affine = index_coefficient(x, b->vector, &coefficient);
  return affine && coefficient == 0 ? UNIFORM : affine && coefficient == 1 ? CONTIGUOUS : OTHER;
}

/* The index as a value: i64, or a vector of them. */
static LLVMValueRef index_value(struct body *b, const struct index *x) {
  if (movement(b, x) == UNIFORM)
    return emit_index(b, x, 0);
  LLVMValueRef v = LLVMGetPoison(LLVMVectorType(b->e->i64, LANES));
  if (movement(b, x) == CONTIGUOUS) {
    LLVMValueRef lanes[LANES];
    for (int lane = 0; lane < LANES; lane++)
      lanes[lane] = emit_int(b->e, lane);
    return LLVMBuildAdd(b->b, emit_splat(b, emit_index(b, x, 0)), LLVMConstVector(lanes, LANES), "");
  }
  for (int lane = 0; lane < LANES; lane++)
    v = LLVMBuildInsertElement(b->b, v, emit_index(b, x, lane), lane_number(b, lane), "");
  return v;
}

/* ---- formats --------------------------------------------------------------------------------- */

static LLVMTypeRef format_type(const struct emitter *e, enum memory_format f) {
  switch (f) {
  case FORMAT_F32: return e->f32;
  case FORMAT_F16:
  case FORMAT_BF16:
  case FORMAT_I16: return e->i16;
  case FORMAT_I8:
  case FORMAT_BOOL: return e->i8;
  default: return e->i32;
  }
}

static unsigned format_bytes(enum memory_format f) {
  switch (f) {
  case FORMAT_I8:
  case FORMAT_BOOL: return 1;
  case FORMAT_F16:
  case FORMAT_BF16:
  case FORMAT_I16: return 2;
  default: return 4;
  }
}

static LLVMTypeRef lanes_of(LLVMValueRef like, LLVMTypeRef type) {
  return emit_is_vector(like) ? LLVMVectorType(type, LANES) : type;
}

static LLVMValueRef int_like(LLVMValueRef v, uint32_t value) {
  LLVMTypeRef type = LLVMTypeOf(v);
  if (!emit_is_vector(v))
    return LLVMConstInt(type, value, false);
  LLVMValueRef lanes[LANES];
  for (int i = 0; i < LANES; i++)
    lanes[i] = LLVMConstInt(LLVMGetElementType(type), value, false);
  return LLVMConstVector(lanes, LANES);
}

/* IEEE half by integer operations and one exact product, as tern_f16 of runtime/kernels/math.h. */
static LLVMValueRef widen_half(struct body *b, LLVMValueRef half) {
  LLVMTypeRef f32 = lanes_of(half, b->e->f32), i32 = lanes_of(half, b->e->i32);
  if (b->e->target->level->halves)
    return LLVMBuildFPExt(b->b, LLVMBuildBitCast(b->b, half, lanes_of(half, b->e->f16), ""), f32, "");
  LLVMValueRef bits = LLVMBuildZExt(b->b, half, i32, "");
  LLVMValueRef sign =
      LLVMBuildShl(b->b, LLVMBuildAnd(b->b, bits, int_like(bits, 0x8000), ""), int_like(bits, 16), "");
  LLVMValueRef magnitude =
      LLVMBuildShl(b->b, LLVMBuildAnd(b->b, bits, int_like(bits, 0x7fff), ""), int_like(bits, 13), "");
  LLVMValueRef number = LLVMBuildBitCast(b->b, magnitude, f32, "");
  number = LLVMBuildFMul(b->b, number, emit_float_like(number, 0x1p112), "");
  LLVMValueRef finite = LLVMBuildBitCast(b->b, number, i32, "");
  LLVMValueRef special = LLVMBuildOr(b->b, magnitude, int_like(bits, 0x7f800000), "");
  LLVMValueRef is_special = LLVMBuildICmp(b->b, LLVMIntUGE, magnitude, int_like(bits, 0x7c00u << 13), "");
  LLVMValueRef joined = LLVMBuildOr(b->b, sign, LLVMBuildSelect(b->b, is_special, special, finite, ""), "");
  return LLVMBuildBitCast(b->b, joined, f32, "");
}

static LLVMValueRef widen_bf16(struct body *b, LLVMValueRef raw) {
  LLVMValueRef bits = LLVMBuildZExt(b->b, raw, lanes_of(raw, b->e->i32), "");
  return LLVMBuildBitCast(b->b, LLVMBuildShl(b->b, bits, int_like(bits, 16), ""), lanes_of(raw, b->e->f32),
                          "");
}

static LLVMValueRef from_memory(struct body *b, enum memory_format f, LLVMValueRef raw) {
  switch (f) {
  case FORMAT_F16: return widen_half(b, raw);
  case FORMAT_BF16: return widen_bf16(b, raw);
  case FORMAT_BOOL: return LLVMBuildICmp(b->b, LLVMIntNE, raw, int_like(raw, 0), "");
  default: return raw;
  }
}

/* Half to even, as tern_to_bf16 of runtime/kernels/math.h. */
static LLVMValueRef narrow_bf16(struct body *b, LLVMValueRef v) {
  LLVMValueRef bits = LLVMBuildBitCast(b->b, v, lanes_of(v, b->e->i32), "");
  LLVMValueRef last =
      LLVMBuildAnd(b->b, LLVMBuildLShr(b->b, bits, int_like(bits, 16), ""), int_like(bits, 1), "");
  LLVMValueRef up = LLVMBuildAdd(b->b, bits, LLVMBuildAdd(b->b, last, int_like(bits, 0x7fff), ""), "");
  LLVMValueRef quiet = LLVMBuildOr(b->b, bits, int_like(bits, 0x400000), "");
  LLVMValueRef nan = LLVMBuildFCmp(b->b, LLVMRealUNO, v, v, "");
  LLVMValueRef kept = LLVMBuildLShr(b->b, LLVMBuildSelect(b->b, nan, quiet, up, ""), int_like(bits, 16), "");
  return LLVMBuildTrunc(b->b, kept, lanes_of(v, b->e->i16), "");
}

static LLVMValueRef to_memory(struct body *b, enum memory_format f, LLVMValueRef v) {
  if (f == FORMAT_BF16)
    return narrow_bf16(b, v);
  return f == FORMAT_BOOL ? LLVMBuildZExt(b->b, v, lanes_of(v, b->e->i8), "") : v;
}

/* ---- loads and stores ------------------------------------------------------------------------ */

static LLVMValueRef base_of(struct body *b, const struct buffer *buffer) {
  int k = 0;
  while (b->kernel->buffers.at[k] != buffer)
    k++;
  return b->buffers[k];
}

static LLVMValueRef address(struct body *b, const struct buffer *buffer, const struct index *x, int lane) {
  LLVMValueRef at = emit_index(b, x, lane);
  return LLVMBuildInBoundsGEP2(b->b, format_type(b->e, buffer->format), base_of(b, buffer), &at, 1, "");
}

static LLVMValueRef load_at(struct body *b, const struct expr *x, LLVMTypeRef type, int lane) {
  LLVMValueRef raw = LLVMBuildLoad2(b->b, type, address(b, x->buffer, x->index, lane), "");
  LLVMSetAlignment(raw, format_bytes(x->buffer->format));
  return raw;
}

static LLVMValueRef load(struct body *b, const struct expr *x) {
  LLVMTypeRef type = format_type(b->e, x->buffer->format), wide = LLVMVectorType(type, b->lanes);
  int moves = movement(b, x->index);
  LLVMValueRef raw;
  if (moves == UNIFORM)
    raw = load_at(b, x, type, 0);
  else if (moves == CONTIGUOUS)
    raw = load_at(b, x, wide, 0);
  else {
    raw = LLVMGetPoison(wide);
    for (int lane = 0; lane < LANES; lane++)
      raw = LLVMBuildInsertElement(b->b, raw, load_at(b, x, type, lane), lane_number(b, lane), "");
  }
  return from_memory(b, x->buffer->format, raw);
}

static void store_at(struct body *b, const struct stmt *s, LLVMValueRef v, int lane) {
  LLVMValueRef store = LLVMBuildStore(b->b, v, address(b, s->buffer, s->index, lane));
  LLVMSetAlignment(store, format_bytes(s->buffer->format));
}

void emit_store(struct body *b, const struct stmt *s) {
  LLVMValueRef v = to_memory(b, s->buffer->format, emit_expr(b, s->expr));
  int moves = movement(b, s->index);
  if (!b->vector || (moves == UNIFORM && !emit_is_vector(v))) {
    store_at(b, s, v, 0);
    return;
  }
  v = emit_splat(b, v);
  if (moves == CONTIGUOUS) {
    store_at(b, s, v, 0);
    return;
  }
  for (int lane = 0; lane < LANES; lane++)
    store_at(b, s, LLVMBuildExtractElement(b->b, v, lane_number(b, lane), ""), lane);
}

/* ---- expressions ----------------------------------------------------------------------------- */

static LLVMValueRef constant(struct body *b, const struct expr *x) {
  LLVMTypeRef type = emit_type(b->e, x->elem);
  if (x->elem == ELEM_F32)
    return LLVMConstReal(type, (double)(float)x->value);
  return LLVMConstInt(type, (unsigned long long)(int64_t)x->value, true);
}

static LLVMValueRef operation(struct body *b, const struct expr *x) {
  LLVMValueRef in[3];
  bool any = false;
  for (int k = 0; k < x->n_in; k++) {
    in[k] = emit_expr(b, x->in[k]);
    any = any || emit_is_vector(in[k]);
  }
  for (int k = 0; any && k < x->n_in; k++)
    in[k] = emit_splat(b, in[k]);
  return emit_map(b, x, in);
}

static LLVMValueRef less_than(struct body *b, const struct expr *x) {
  LLVMValueRef p = index_value(b, x->index), q = index_value(b, x->bound);
  if (emit_is_vector(p) || emit_is_vector(q))
    p = emit_splat(b, p), q = emit_splat(b, q);
  return LLVMBuildICmp(b->b, LLVMIntSLT, p, q, "");
}

static LLVMValueRef accumulated(struct body *b, const struct expr *x) {
  struct acc_state *acc = &b->accs[x->acc->id];
  if (acc->final)
    return acc->final;
  return LLVMBuildLoad2(b->b, LLVMGetAllocatedType(acc->room), acc->room, "");
}

static LLVMValueRef index_as_u32(struct body *b, const struct expr *x) {
  LLVMValueRef v = index_value(b, x->index);
  return LLVMBuildTrunc(b->b, v, lanes_of(v, b->e->i32), "");
}

LLVMValueRef emit_expr(struct body *b, const struct expr *x) {
  if (b->exprs[x->id])
    return b->exprs[x->id];
  debug_place(b, x->at);
  switch (x->kind) {
  case EXPR_CONST: return constant(b, x);
  case EXPR_LOAD: return load(b, x);
  case EXPR_OP: return operation(b, x);
  case EXPR_INDEX: return index_as_u32(b, x);
  case EXPR_ACC: return accumulated(b, x);
  default: return less_than(b, x);
  }
}
