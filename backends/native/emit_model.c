/* emit_model.c: what stands around the kernels: the forms, functions that call kernels in the order of the
 * schedule with barriers between them, and the constant struct tern_model that a program finds all of it by.
 */
#include "backends/loops/facts.h"
#include "backends/native/emit.h"
#include "ir/layout.h"
#include "support/escape.h"

#include <string.h>

/* ---- forms ----------------------------------------------------------------------------------- */

struct schedule {
  struct body b;
  LLVMValueRef indices[MAX_REPEATS]; /* i32 */
  int depth;
};

/* function(object, more[n]), members of the arguments both, unless the function is NULL. */
static void call_back(struct schedule *s, unsigned function, unsigned object, const LLVMValueRef *more,
                      unsigned n) {
  struct emitter *e = s->b.e;
  LLVMBuilderRef b = s->b.b;
  LLVMValueRef f = LLVMBuildLoad2(b, e->ptr, LLVMBuildStructGEP2(b, e->args, s->b.args, function, ""), "");
  LLVMBasicBlockRef call = LLVMAppendBasicBlockInContext(e->context, s->b.function, "call");
  LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, s->b.function, "go");
  LLVMBuildCondBr(b, LLVMBuildIsNull(b, f, ""), after, call);
  LLVMPositionBuilderAtEnd(b, call);
  LLVMValueRef in[3] = {
      LLVMBuildLoad2(b, e->ptr, LLVMBuildStructGEP2(b, e->args, s->b.args, object, ""), "")};
  LLVMTypeRef types[3] = {e->ptr};
  for (unsigned i = 0; i < n; i++) {
    in[i + 1] = more[i];
    types[i + 1] = LLVMTypeOf(more[i]);
  }
  LLVMBuildCall2(b, LLVMFunctionType(e->none, types, n + 1, false), f, in, n + 1, "");
  LLVMBuildBr(b, after);
  LLVMPositionBuilderAtEnd(b, after);
}

static void trace(struct schedule *s, uint32_t kernel) {
  call_back(s, ARG_TRACE, ARG_TRACER, (LLVMValueRef[]){s->b.thread, LLVMConstInt(s->b.e->i32, kernel, false)},
            2);
}

static void call_kernel(struct schedule *s, const struct call *c) {
  struct emitter *e = s->b.e;
  const struct kernel *k = c->kernel;
  if (c->barrier)
    call_back(s, ARG_BARRIER, ARG_TEAM, NULL, 0);
  trace(s, k->number);
  LLVMValueRef zero = LLVMConstInt(e->i32, 0, false);
  LLVMValueRef in[] = {s->b.args, s->depth > 0 ? s->indices[0] : zero, s->depth > 1 ? s->indices[1] : zero,
                       s->b.thread, s->b.threads};
  debug_place(&s->b, k->at);
  LLVMBuildCall2(s->b.b, e->kernel_type, e->kernels[k->number], in, 5, "");
  trace(s, UINT32_MAX);
}

static void schedule(struct schedule *s, const struct call *c);

/* for (index = 0; index < count; index++) body: tested at the end, count is at least 1. */
static void repeat(struct schedule *s, const struct call *c) {
  struct emitter *e = s->b.e;
  LLVMBuilderRef b = s->b.b;
  LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
  LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(e->context, s->b.function, "repeat");
  LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, s->b.function, "done");
  LLVMValueRef zero = LLVMConstInt(e->i32, 0, false), one = LLVMConstInt(e->i32, 1, false);
  if (c->count < 1)
    return;
  LLVMBuildBr(b, body);
  LLVMPositionBuilderAtEnd(b, body);
  LLVMValueRef index = LLVMBuildPhi(b, e->i32, "i");
  s->indices[s->depth++] = index;
  schedule(s, c->body);
  s->depth--;
  LLVMValueRef next = LLVMBuildNUWAdd(b, index, one, "");
  LLVMValueRef more =
      LLVMBuildICmp(b, LLVMIntULT, next, LLVMConstInt(e->i32, (unsigned long long)c->count, false), "");
  LLVMBasicBlockRef last = LLVMGetInsertBlock(b);
  LLVMBuildCondBr(b, more, body, after);
  LLVMAddIncoming(index, (LLVMValueRef[]){zero, next}, (LLVMBasicBlockRef[]){before, last}, 2);
  LLVMPositionBuilderAtEnd(b, after);
}

static void schedule(struct schedule *s, const struct call *c) {
  for (; c; c = c->next)
    if (c->kernel)
      call_kernel(s, c);
    else
      repeat(s, c);
}

static LLVMValueRef emit_form(struct emitter *e, const struct form *f) {
  if (!f)
    return LLVMConstNull(e->ptr);
  LLVMValueRef function = LLVMAddFunction(e->module, f->name, e->form_type);
  LLVMSetLinkage(function, LLVMInternalLinkage);
  struct schedule s = {.b = {.e = e, .function = function}};
  s.b.b = LLVMCreateBuilderInContext(e->context);
  LLVMPositionBuilderAtEnd(s.b.b, LLVMAppendBasicBlockInContext(e->context, function, "entry"));
  debug_function(&s.b);
  debug_place(&s.b, (struct loc){0});
  s.b.args = LLVMGetParam(function, 0);
  s.b.thread = LLVMGetParam(function, 1);
  s.b.threads = LLVMGetParam(function, 2);
  schedule(&s, f->schedule);
  debug_place(&s.b, (struct loc){0});
  LLVMBuildRetVoid(s.b.b);
  LLVMDisposeBuilder(s.b.b);
  return function;
}

/* ---- constants ------------------------------------------------------------------------------- */

static LLVMValueRef global(struct emitter *e, LLVMValueRef value, const char *name, LLVMLinkage linkage) {
  LLVMValueRef g = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
  LLVMSetInitializer(g, value);
  LLVMSetGlobalConstant(g, true);
  LLVMSetLinkage(g, linkage);
  return g;
}

static LLVMValueRef string(struct emitter *e, const char *text) {
  text = text ? text : "";
  LLVMValueRef g = global(e, LLVMConstStringInContext(e->context, text, (unsigned)strlen(text), false), "",
                          LLVMPrivateLinkage);
  LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
  return g;
}

static LLVMValueRef u32(struct emitter *e, uint64_t value) {
  return LLVMConstInt(e->i32, value, false);
}

static LLVMValueRef u64(struct emitter *e, uint64_t value) {
  return LLVMConstInt(e->i64, value, false);
}

/* A constant array as a private global; NULL for none. */
static LLVMValueRef table(struct emitter *e, LLVMValueRef *rows, int n, const char *name) {
  if (!n)
    return LLVMConstNull(e->ptr);
  LLVMValueRef array = LLVMConstArray2(LLVMTypeOf(rows[0]), rows, (uint64_t)n);
  return global(e, array, name, LLVMInternalLinkage);
}

static LLVMValueRef kernel_info(struct emitter *e, int n) {
  const struct kernel *k = e->kernel_list[n];
  static const enum tern_form_name tern_forms[] = {
      [FORM_STEP] = TERN_STEP, [FORM_PREFILL] = TERN_PREFILL, [FORM_BATCH] = TERN_BATCH};
  const struct loops *l = e->loops;
  const char *file = k->at.file ? source_name(&e->arena, l->module, k->at.file) : "";
  LLVMValueRef members[] = {string(e, kernel_title(k)), /* struct tern_kernel_info */
                            e->kernels[n],
                            string(e, file),
                            u32(e, k->at.line),
                            u32(e, (uint64_t)tern_forms[k->form]),
                            u64(e, k->weight_bytes)};
  return LLVMConstStructInContext(e->context, members, 6, false);
}

static LLVMValueRef kernel_table(struct emitter *e) {
  LLVMValueRef *rows = arena_array(&e->arena, LLVMValueRef, e->loops->n_kernels + 1);
  for (int n = 0; n < e->loops->n_kernels; n++)
    rows[n] = kernel_info(e, n);
  return table(e, rows, e->loops->n_kernels, "tern_kernels");
}

static LLVMValueRef fill_table(struct emitter *e, int *n) {
  struct state_fill *fills;
  *n = state_fills(&e->arena, e->loops->module, &fills);
  LLVMValueRef *rows = arena_array(&e->arena, LLVMValueRef, *n + 1);
  for (int i = 0; i < *n; i++) {
    LLVMValueRef members[] = {u64(e, (uint64_t)fills[i].at), u64(e, (uint64_t)fills[i].count),
                              u32(e, (uint64_t)elem_bytes(fills[i].elem)),
                              u32(e, fill_bits(&fills[i]))}; /* struct tern_fill */
    rows[i] = LLVMConstStructInContext(e->context, members, 4, false);
  }
  return table(e, rows, *n, "tern_fills");
}

static uint64_t scratch_of(const struct form *f) {
  return f ? (uint64_t)f->scratch : 0;
}

const char *native_model_name(struct arena *a, const struct module *m) {
  return arena_printf(a, "%s_model", c_prefix(a, m->name));
}

static const char *level_symbol(struct emitter *e, int level) {
  const char *name = native_model_name(&e->arena, e->loops->module);
  return level == 0 ? name : arena_printf(&e->arena, "%s_level%d", name, level);
}

/* The model of the next level, in another object. */
static LLVMValueRef better_level(struct emitter *e) {
  int next = e->options->level + 1;
  if (next >= e->options->levels)
    return LLVMConstNull(e->ptr);
  return LLVMAddGlobal(e->module, e->i8, level_symbol(e, next));
}

static void emit_model(struct emitter *e, LLVMValueRef step, LLVMValueRef prefill, LLVMValueRef batch) {
  const struct loops *l = e->loops;
  const struct module *m = l->module;
  const char *target = arena_printf(&e->arena, "%s %s", e->target->triple, e->target->cpu);
  const struct weight *table = row_table(m);
  int n_fills, frac;
  LLVMValueRef fills = fill_table(e, &n_fills);
  bool integers = logits_are_integers(m, &frac);
  LLVMValueRef members[] = {
      u32(e, TERN_ABI), /* struct tern_model, member by member */
      string(e, m->name),
      string(e, m->spec),
      string(e, target),
      string(e, "ternc " TERN_VERSION),
      string(e, params_text(&e->arena, m)),
      u64(e, layout_hash(m)),
      u64(e, state_hash(m)),
      u64(e, parameter_count(m)),
      u64(e, m->weights_bytes < 0 ? 0 : (uint64_t)m->weights_bytes),
      u64(e, m->state_bytes < 0 ? 0 : (uint64_t)m->state_bytes),
      u64(e, scratch_of(l->step)),
      u64(e, scratch_of(l->prefill)),
      u64(e, scratch_of(l->batch)),
      u64(e, (uint64_t)l->step->own),
      u64(e, l->weight_bytes_per_token),
      u64(e, table ? (uint64_t)table->offset : 0),
      u64(e, table ? (uint64_t)weight_bytes(table) : 0),
      u32(e, (uint64_t)logits_width(m)),
      u32(e, l->prefill ? (uint64_t)m->chunk : 0),
      u32(e, l->batch ? (uint64_t)m->batch : 0),
      u32(e, e->options->threads),
      u32(e, integers ? TERN_LOGITS_I32 : TERN_LOGITS_F32),
      LLVMConstInt(e->i32, (unsigned long long)(integers ? frac : 0), true),
      u32(e, (uint64_t)l->step->barriers),
      step,
      prefill,
      batch,
      fills,
      u32(e, (uint64_t)n_fills),
      kernel_table(e),
      u32(e, (uint64_t)l->n_kernels),
      string(e, e->target->needs),
      better_level(e),
  };
  LLVMValueRef value = LLVMConstStructInContext(e->context, members, sizeof members / sizeof *members, false);
  LLVMValueRef data = global(e, value, level_symbol(e, e->options->level), LLVMExternalLinkage);
  if (e->options->level == 0)
    global(e, data, "tern_program_model", LLVMWeakAnyLinkage);
}

void emit_forms_and_model(struct emitter *e) {
  const struct loops *l = e->loops;
  LLVMValueRef step = emit_form(e, l->step), prefill = emit_form(e, l->prefill),
               batch = emit_form(e, l->batch);
  emit_model(e, step, prefill, batch);
}
