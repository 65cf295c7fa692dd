/* emit_kernel.c: one kernel as a function of runtime/model.h's tern_kernel type.
 *
 * A VECTOR loop is emitted twice: LANES iterations at once over the multiple of LANES in its range, then
 * singly for what remains. Its accumulators are one vector whose lane k takes the elements x with x % LANES
 * == k, in both parts, and fold as a tree when the loop is over. Accumulators of a SERIAL loop inside it are
 * vectors too while LANES iterations run at once. Running values live in allocas, which LLVM turns into
 * registers. */
#include "backends/lower/index.h"
#include "backends/native/emit.h"

#include <string.h>

LLVMValueRef emit_room(struct body *b, LLVMTypeRef type) {
  return LLVMBuildAlloca(b->entry, type, "");
}

/* ---- accumulators ---------------------------------------------------------------------------- */

static LLVMValueRef initial(struct body *b, const struct accumulator *acc) {
  LLVMTypeRef type = emit_type(b->e, acc->elem);
  if (acc->elem != ELEM_F32)
    return LLVMConstInt(type, acc->how == ACC_MAX ? 0x80000000u : 0, false);
  LLVMValueRef zero = LLVMConstReal(type, 0);
  return acc->how == ACC_MAX ? LLVMConstReal(type, -__builtin_inf()) : zero;
}

static LLVMValueRef combine(struct body *b, const struct accumulator *acc, LLVMValueRef x, LLVMValueRef y) {
  if (acc->elem == ELEM_F32)
    return acc->how == ACC_SUM ? LLVMBuildFAdd(b->b, x, y, "sum") : emit_max(b, x, y);
  if (acc->how == ACC_SUM)
    return LLVMBuildAdd(b->b, x, y, "sum");
  return LLVMBuildSelect(b->b, LLVMBuildICmp(b->b, LLVMIntSLT, x, y, ""), y, x, "max");
}

/* What an element brings: an integer as i32; its magnitude for ACC_ABSMAX. */
static LLVMValueRef contribution(struct body *b, const struct accumulator *acc, LLVMValueRef x) {
  if (acc->elem == ELEM_F32)
    return acc->how == ACC_ABSMAX ? emit_unary_intrinsic(b, "llvm.fabs", x) : x;
  LLVMTypeRef type = emit_is_vector(x) ? LLVMVectorType(b->e->i32, LANES) : b->e->i32;
  x = LLVMBuildIntCast2(b->b, x, type, true, "");
  return acc->how == ACC_ABSMAX ? emit_magnitude(b, x) : x;
}

/* Lanes [begin, begin + width) of a vector. */
static LLVMValueRef part(struct body *b, LLVMValueRef v, int begin, int width) {
  LLVMValueRef mask[LANES];
  for (int k = 0; k < width; k++)
    mask[k] = LLVMConstInt(b->e->i32, (unsigned long long)(begin + k), false);
  return LLVMBuildShuffleVector(b->b, v, LLVMGetPoison(LLVMTypeOf(v)), LLVMConstVector(mask, (unsigned)width),
                                "");
}

/* l[k] = l[k] op l[k + w] for w = 8, 4, 2, 1. */
static LLVMValueRef fold(struct body *b, const struct accumulator *acc, LLVMValueRef v) {
  for (int width = LANES / 2; width; width /= 2)
    v = combine(b, acc, part(b, v, 0, width), part(b, v, width, width));
  return LLVMBuildExtractElement(b->b, v, LLVMConstInt(b->e->i32, 0, false), acc->name ? acc->name : "");
}

static void for_each_accumulator(struct body *b, const struct stmt *s, const struct loop *l,
                                 void (*f)(struct body *, const struct accumulator *)) {
  for (; s; s = s->next) {
    if (s->kind == STMT_ACCUMULATE && s->acc->loop == l)
      f(b, s->acc);
    if (s->kind == STMT_LOOP)
      for_each_accumulator(b, s->loop->body, l, f);
  }
}

static void open_accumulator(struct body *b, const struct accumulator *acc) {
  bool lanes = acc->loop->kind == LOOP_VECTOR || b->vector;
  LLVMValueRef start = initial(b, acc);
  if (lanes)
    start = emit_splat(b, start);
  b->accs[acc->id] = (struct acc_state){.room = emit_room(b, LLVMTypeOf(start))};
  LLVMBuildStore(b->b, start, b->accs[acc->id].room);
}

static void close_accumulator(struct body *b, const struct accumulator *acc) {
  struct acc_state *state = &b->accs[acc->id];
  if (state->final)
    return;
  LLVMValueRef v = LLVMBuildLoad2(b->b, LLVMGetAllocatedType(state->room), state->room, "");
  state->final = acc->loop->kind == LOOP_VECTOR ? fold(b, acc, v) : v;
}

/* In the scalar part of a VECTOR loop an element goes into its lane of the vector. */
static void accumulate(struct body *b, const struct stmt *s) {
  const struct accumulator *acc = s->acc;
  LLVMValueRef room = b->accs[acc->id].room;
  LLVMTypeRef type = LLVMGetAllocatedType(room);
  LLVMValueRef x = contribution(b, acc, emit_expr(b, s->expr));
  LLVMValueRef all = LLVMBuildLoad2(b->b, type, room, "");
  bool lanes = LLVMGetTypeKind(type) == LLVMVectorTypeKind;
  if (lanes && !b->vector) {
    LLVMValueRef lane = LLVMBuildAnd(b->b, b->vars[acc->loop->id], emit_int(b->e, LANES - 1), "");
    LLVMValueRef old = LLVMBuildExtractElement(b->b, all, lane, "");
    LLVMBuildStore(b->b, LLVMBuildInsertElement(b->b, all, combine(b, acc, old, x), lane, ""), room);
    return;
  }
  if (lanes)
    x = emit_splat(b, x);
  LLVMBuildStore(b->b, combine(b, acc, all, x), room);
}

/* ---- loops ----------------------------------------------------------------------------------- */

static void statements(struct body *b, const struct stmt *s);

static LLVMBasicBlockRef new_block(struct body *b, const char *name) {
  return LLVMAppendBasicBlockInContext(b->e->context, b->function, name);
}

/* for (var = begin; var < end; var += step) what is emitted between open and close */
struct counting {
  LLVMBasicBlockRef before, head, after;
  LLVMValueRef var, begin;
};

static struct counting count_open(struct body *b, const char *name, LLVMValueRef begin, LLVMValueRef end) {
  struct counting c = {.before = LLVMGetInsertBlock(b->b), .head = new_block(b, name), .begin = begin};
  LLVMBasicBlockRef body = new_block(b, "body");
  c.after = new_block(b, "after");
  LLVMBuildBr(b->b, c.head);
  LLVMPositionBuilderAtEnd(b->b, c.head);
  c.var = LLVMBuildPhi(b->b, b->e->i64, name);
  LLVMBuildCondBr(b->b, LLVMBuildICmp(b->b, LLVMIntSLT, c.var, end, ""), body, c.after);
  LLVMPositionBuilderAtEnd(b->b, body);
  return c;
}

static void count_close(struct body *b, const struct counting *c, int step) {
  LLVMValueRef next = LLVMBuildNSWAdd(b->b, c->var, emit_int(b->e, step), "");
  LLVMBasicBlockRef last = LLVMGetInsertBlock(b->b);
  LLVMBuildBr(b->b, c->head);
  LLVMAddIncoming(c->var, (LLVMValueRef[]){c->begin, next}, (LLVMBasicBlockRef[]){c->before, last}, 2);
  LLVMPositionBuilderAtEnd(b->b, c->after);
}

static void counted(struct body *b, const struct loop *l, LLVMValueRef begin, LLVMValueRef end, int step) {
  struct counting c = count_open(b, l->name ? l->name : "loop", begin, end);
  LLVMValueRef last = l->reverse ? LLVMBuildNSWSub(b->b, end, emit_int(b->e, 1), "") : NULL; /* begin is 0 */
  b->vars[l->id] = l->reverse ? LLVMBuildNSWSub(b->b, last, c.var, "") : c.var;
  statements(b, l->body);
  count_close(b, &c, step);
}

/* Where thread `thread` begins, with grains of the policy's or of single iterations. */
static LLVMValueRef share(struct body *b, LLVMValueRef extent, LLVMValueRef thread) {
  int64_t grain = b->grain;
  LLVMValueRef up = LLVMBuildNSWAdd(b->b, extent, emit_int(b->e, grain - 1), "");
  LLVMValueRef grains = LLVMBuildUDiv(b->b, up, emit_int(b->e, grain), "");
  LLVMValueRef threads = LLVMBuildZExt(b->b, b->threads, b->e->i64, "");
  LLVMValueRef at = LLVMBuildUDiv(b->b, LLVMBuildNSWMul(b->b, grains, thread, ""), threads, "");
  at = LLVMBuildNSWMul(b->b, at, emit_int(b->e, grain), "");
  return LLVMBuildSelect(b->b, LLVMBuildICmp(b->b, LLVMIntSLT, at, extent, ""), at, extent, "");
}

/* A column of a matrix is summed in order: a chain of additions, each of which waits for the one before.
 * Loops over columns that do nothing but that run WIDE columns at once, so that several chains are on their
 * way. */

static bool moves_evenly(const struct index *x, const struct loop *l) {
  int64_t step;
  return index_coefficient(x, l, &step) && (step == 0 || step == 1);
}

static bool is_float_map(const struct expr *x) {
  switch (x->code) {
  case OP_ADD:
  case OP_SUB:
  case OP_MUL:
  case OP_DIV:
  case OP_NEG:
  case OP_ABS:
  case OP_EXP:
  case OP_MIN:
  case OP_MAX:
  case OP_CONVERT: return x->elem == ELEM_F32;
  default: return false;
  }
}

static bool is_plain(const struct expr *x, const struct loop *l) {
  switch (x->kind) {
  case EXPR_CONST:
  case EXPR_ACC: return x->elem == ELEM_F32;
  case EXPR_LOAD:
    return (x->buffer->format == FORMAT_F32 || x->buffer->format == FORMAT_I32) && moves_evenly(x->index, l);
  case EXPR_OP: return is_float_map(x);
  default: return false;
  }
}

/* Whether all statements suit, and some add up in a loop inside. */
static bool suits_wide(const struct stmt *s, const struct loop *l, bool *chains) {
  for (; s; s = s->next) {
    bool suits = true;
    switch (s->kind) {
    case STMT_LET: suits = is_plain(s->expr, l); break;
    case STMT_STORE: suits = s->buffer->format == FORMAT_F32 && moves_evenly(s->index, l); break;
    case STMT_LOOP: suits = suits_wide(s->loop->body, l, chains); break;
    case STMT_ACCUMULATE:
      suits = s->acc->loop != l && s->acc->how == ACC_SUM && s->acc->elem == ELEM_F32;
      *chains = true;
    }
    if (!suits)
      return false;
  }
  return true;
}

static bool is_wide(const struct loop *l) {
  bool chains = false, long_enough = l->extent->kind == INDEX_CONST && l->extent->constant >= WIDE;
  return long_enough && suits_wide(l->body, l, &chains) && chains;
}

/* Returns where the next iteration begins. */
static LLVMValueRef vectors(struct body *b, const struct loop *l, LLVMValueRef begin, LLVMValueRef end,
                            unsigned lanes) {
  LLVMValueRef length = LLVMBuildNSWSub(b->b, end, begin, "");
  LLVMValueRef whole = LLVMBuildAnd(b->b, length, emit_int(b->e, -(int64_t)lanes), "");
  LLVMValueRef middle = LLVMBuildNSWAdd(b->b, begin, whole, "");
  b->vector = l;
  b->lanes = lanes;
  counted(b, l, begin, middle, (int)lanes);
  b->lanes = LANES;
  b->vector = NULL;
  return middle;
}

static void vector_range(struct body *b, const struct loop *l, LLVMValueRef begin, LLVMValueRef end) {
  bool wide = is_wide(l);
  begin = wide ? vectors(b, l, begin, end, WIDE) : begin;
  if (wide && !l->parallel && l->extent->constant % WIDE == 0)
    return;
  LLVMValueRef middle = vectors(b, l, begin, end, LANES);
  bool even = l->extent->kind == INDEX_CONST && l->extent->constant % LANES == 0;
  if (!even)
    counted(b, l, middle, end, 1);
}

static void loop(struct body *b, const struct loop *l) {
  LLVMValueRef begin = emit_int(b->e, 0), end = emit_index(b, l->extent, 0);
  if (l->parallel) {
    LLVMValueRef thread = LLVMBuildZExt(b->b, b->thread, b->e->i64, ""), extent = end;
    begin = share(b, extent, thread);
    end = share(b, extent, LLVMBuildNSWAdd(b->b, thread, emit_int(b->e, 1), ""));
  }
  for_each_accumulator(b, l->body, l, open_accumulator);
  if (l->kind == LOOP_VECTOR && !b->vector)
    vector_range(b, l, begin, end);
  else
    counted(b, l, begin, end, 1);
  for_each_accumulator(b, l->body, l, close_accumulator);
}

static void statements(struct body *b, const struct stmt *s) {
  for (; s; s = s->next) {
    debug_place(b, s->at);
    switch (s->kind) {
    case STMT_LET:
      b->exprs[s->expr->id] = NULL; /* the loop around may be emitted a second time */
      b->exprs[s->expr->id] = emit_expr(b, s->expr);
      break;
    case STMT_STORE: emit_store(b, s); break;
    case STMT_ACCUMULATE: accumulate(b, s); break;
    case STMT_LOOP: loop(b, s->loop); break;
    }
  }
}

/* ---- functions ------------------------------------------------------------------------------- */

static LLVMValueRef argument(struct body *b, unsigned member) {
  LLVMValueRef at = LLVMBuildStructGEP2(b->b, b->e->args, b->args, member, "");
  return LLVMBuildLoad2(b->b, b->e->ptr, at, "");
}

/* array[i] */
static LLVMValueRef element(struct body *b, LLVMTypeRef type, LLVMValueRef array, int64_t i) {
  LLVMValueRef n = emit_int(b->e, i);
  return LLVMBuildLoad2(b->b, type, LLVMBuildInBoundsGEP2(b->b, type, array, &n, 1, ""), "");
}

/* What is left of the call behind the parts before it, or a whole part. */
static LLVMValueRef part_size(struct body *b, const struct dim *d) {
  LLVMValueRef most = emit_int(b->e, d->most), all = b->sizes[-1 - d->parts];
  LLVMValueRef left = LLVMBuildSub(b->b, all, LLVMBuildMul(b->b, b->i, most, ""), "");
  return LLVMBuildSelect(b->b, LLVMBuildICmp(b->b, LLVMIntULT, left, most, ""), left, most, "");
}

static void load_sizes(struct body *b) {
  int n = b->e->loops->module->dims.n;
  LLVMValueRef sizes = argument(b, ARG_sizes);
  b->sizes = arena_array(&b->e->arena, LLVMValueRef, n);
  for (int i = 0; i < n; i++) {
    const struct dim *d = &b->e->loops->module->dims.at[i];
    b->sizes[i] =
        d->parts ? part_size(b, d) : LLVMBuildZExt(b->b, element(b, b->e->i32, sizes, i), b->e->i64, "");
  }
}

static LLVMValueRef memory(struct body *b, const struct buffer *buffer) {
  switch (buffer->base) {
  case BASE_WEIGHTS: return argument(b, ARG_weights);
  case BASE_STATE: return argument(b, ARG_state);
  case BASE_POSITIONS: return argument(b, ARG_positions);
  case BASE_PORT: return element(b, b->e->ptr, argument(b, ARG_ports), buffer->port);
  default: return argument(b, ARG_scratch);
  }
}

static LLVMValueRef scaled(struct body *b, LLVMValueRef sum, LLVMValueRef index, int64_t stride) {
  if (!stride)
    return sum;
  LLVMValueRef term = LLVMBuildNSWMul(b->b, index, emit_int(b->e, stride), "");
  return LLVMBuildNSWAdd(b->b, sum, term, "");
}

static LLVMValueRef buffer_base(struct body *b, const struct buffer *buffer) {
  bool own = buffer->base == BASE_OWN;
  const struct entry *entry = b->kernel->entry;
  LLVMValueRef at = emit_int(b->e, buffer->offset + (own ? entry->scratch : 0));
  at = scaled(b, scaled(b, at, b->i, buffer->stride_i), b->j, buffer->stride_j);
  at = own ? scaled(b, at, LLVMBuildZExt(b->b, b->thread, b->e->i64, ""), entry->own) : at;
  return LLVMBuildInBoundsGEP2(b->b, b->e->i8, memory(b, buffer), &at, 1, buffer->name ? buffer->name : "");
}

/* Whether a parallel loop of the statements is a VECTOR loop. */
static bool splits_vectors(const struct stmt *s) {
  for (; s; s = s->next)
    if (s->kind == STMT_LOOP &&
        ((s->loop->parallel && s->loop->kind == LOOP_VECTOR) || splits_vectors(s->loop->body)))
      return true;
  return false;
}

static const char *sum_function(struct body *b, const struct kernel *k) {
  enum memory_format format = k->in->format;
  bool fast = format == FORMAT_I8 && !k->group;
  return arena_printf(&b->e->arena, "tern_ternary_sum%s_%s%s", sum_layout(k->stored),
                      format == FORMAT_I8    ? "i8"
                      : format == FORMAT_I16 ? "i16"
                                             : "f32",
                      fast ? b->e->target->level->suffix : "");
}

static LLVMValueRef bytes_after(struct body *b, LLVMValueRef base, LLVMValueRef index, int64_t bytes) {
  LLVMValueRef at = LLVMBuildNSWMul(b->b, index, emit_int(b->e, bytes), "");
  return LLVMBuildInBoundsGEP2(b->b, b->e->i8, base, &at, 1, "");
}

/* Rows part * m / parts, ... of the sum. */
static void sum_part(struct body *b, LLVMValueRef part) {
  struct emitter *e = b->e;
  const struct kernel *k = b->kernel;
  LLVMValueRef f = emitter_function(e, sum_function(b, k));
  LLVMValueRef codes = buffer_base(b, k->weight);
  if (k->place)
    codes = bytes_after(b, codes, emit_index(b, k->place, 0), 1);
  LLVMValueRef x = buffer_base(b, k->in), y = buffer_base(b, k->out);
  if (k->row) {
    x = bytes_after(b, x, b->vars[k->row->id], sum_in_step(k));
    y = bytes_after(b, y, b->vars[k->row->id], sum_out_step(k));
  }
  LLVMValueRef in[] = {bytes_after(b, codes, part, buffer_bytes(k->weight) / k->parts),
                       x,
                       bytes_after(b, y, part, buffer_bytes(k->out) / k->parts),
                       emit_int(e, k->m / k->parts),
                       emit_int(e, k->n),
                       emit_int(e, k->group),
                       emit_index(b, k->rows, 0),
                       b->thread,
                       b->threads};
  LLVMValueRef call = LLVMBuildCall2(b->b, LLVMGlobalGetValueType(f), f, in, 9, "");
  /* Over many rows a copy of its own takes longest to compile, and gains on some processors only. */
  bool copied = index_is_const(k->rows, 1) || e->target->level->own_copies;
  if (!copied || k->entry->sequences || func_find(e->loops->module, "update"))
    return;
  unsigned kind = LLVMGetEnumAttributeKindForName("alwaysinline", strlen("alwaysinline"));
  LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                           LLVMCreateEnumAttribute(e->context, kind, 0));
}

static void sum_parts(struct body *b) {
  struct counting c = count_open(b, "part", emit_int(b->e, 0), emit_int(b->e, b->kernel->parts));
  sum_part(b, c.var);
  count_close(b, &c, 1);
}

static void ternary_sum(struct body *b) {
  const struct kernel *k = b->kernel;
  for (int n = 0; k->place && n < k->buffers.n; n++)
    b->buffers[n] = buffer_base(b, k->buffers.at[n]);
  statements(b, k->body);
  if (k->row) {
    struct counting c = count_open(b, "row", emit_int(b->e, 0), emit_index(b, k->row->extent, 0));
    b->vars[k->row->id] = c.var;
    statements(b, k->row->body);
    sum_parts(b);
    count_close(b, &c, 1);
  } else {
    sum_parts(b);
  }
}

/* Numbers as the function's parameters have them. */
static void called(struct body *b) {
  const struct kernel *k = b->kernel;
  struct arena *a = &b->e->arena;
  const struct product_level *level = k->levels ? b->e->target->products[k->products] : NULL;
  const char *name = level ? arena_printf(a, "%s%s", k->function, level->suffix) : product_function(a, k);
  LLVMValueRef f = emitter_function(b->e, name);
  LLVMTypeRef type = LLVMGlobalGetValueType(f);
  unsigned n = (unsigned)k->arguments.n;
  LLVMTypeRef *types = arena_array(a, LLVMTypeRef, n + 2);
  LLVMValueRef *in = arena_array(a, LLVMValueRef, n + 2);
  LLVMGetParamTypes(type, types);
  for (unsigned i = 0; i < n; i++) {
    const struct call_argument *x = &k->arguments.at[i];
    LLVMValueRef v = x->buffer ? buffer_base(b, x->buffer) : emit_index(b, x->number, 0);
    in[i] = x->buffer ? v : LLVMBuildIntCast2(b->b, v, types[i], false, "");
  }
  in[n] = b->thread;
  in[n + 1] = b->threads;
  LLVMBuildCall2(b->b, type, f, in, n + 2, "");
}

static void only_first_thread(struct body *b) {
  LLVMBasicBlockRef mine = new_block(b, "mine"), others = new_block(b, "others");
  LLVMValueRef zero = LLVMConstInt(b->e->i32, 0, false);
  LLVMBuildCondBr(b->b, LLVMBuildICmp(b->b, LLVMIntEQ, b->thread, zero, ""), mine, others);
  LLVMPositionBuilderAtEnd(b->b, others);
  LLVMBuildRetVoid(b->b);
  LLVMPositionBuilderAtEnd(b->b, mine);
}

static void open_body(struct body *b) {
  struct emitter *e = b->e;
  const struct kernel *k = b->kernel;
  LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(e->context, b->function, "entry");
  LLVMBasicBlockRef start = new_block(b, "start");
  b->entry = LLVMCreateBuilderInContext(e->context);
  b->b = LLVMCreateBuilderInContext(e->context);
  LLVMPositionBuilderAtEnd(b->entry, entry);
  LLVMPositionBuilderAtEnd(b->b, start);
  debug_function(b);
  debug_place(b, k->at);
  b->args = LLVMGetParam(b->function, 0);
  b->i = LLVMBuildZExt(b->b, LLVMGetParam(b->function, 1), e->i64, "i");
  b->j = LLVMBuildZExt(b->b, LLVMGetParam(b->function, 2), e->i64, "j");
  b->thread = LLVMGetParam(b->function, 3);
  b->threads = LLVMGetParam(b->function, 4);
  load_sizes(b);
  b->exprs = arena_array(&e->arena, LLVMValueRef, k->n_exprs + 1);
  b->vars = arena_array(&e->arena, LLVMValueRef, k->n_loops + 1);
  b->accs = arena_array(&e->arena, struct acc_state, k->n_accs + 1);
  b->buffers = arena_array(&e->arena, LLVMValueRef, k->buffers.n + 1);
  b->grain = splits_vectors(k->body) ? b->e->loops->policy->grain : 1;
}

static void close_body(struct body *b) {
  LLVMBuildRetVoid(b->b);
  LLVMBasicBlockRef start = LLVMGetNextBasicBlock(LLVMGetEntryBasicBlock(b->function));
  LLVMBuildBr(b->entry, start);
  LLVMDisposeBuilder(b->entry);
  LLVMDisposeBuilder(b->b);
}

static bool sum_fits(struct emitter *e, const struct kernel *k) {
  if (k->kind != KERNEL_TERNARY_SUM || storage_packed(k->stored))
    return true;
  diag_at(e->diag, SEVERITY_ERROR, k->at, "native code has no ternary sum for weights stored as %s",
          storage_name(k->stored));
  return false;
}

bool emit_kernel(struct emitter *e, const struct kernel *k, LLVMValueRef function) {
  struct body b = {.e = e, .kernel = k, .function = function, .lanes = LANES};
  if (!sum_fits(e, k))
    return false;
  open_body(&b);
  if (k->kind == KERNEL_TERNARY_SUM) {
    ternary_sum(&b);
  } else if (k->kind == KERNEL_CALL) {
    called(&b);
  } else {
    if (k->team == TEAM_FIRST)
      only_first_thread(&b);
    for (int n = 0; n < k->buffers.n; n++)
      b.buffers[n] = buffer_base(&b, k->buffers.at[n]);
    statements(&b, k->body);
  }
  close_body(&b);
  return true;
}
