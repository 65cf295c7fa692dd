/* emit_model.c: what stands around the kernels: the entries, functions that call kernels in the order of the
 * schedule with barriers between them, and the constant struct tern_model that a program finds all of it by.
 */
#include "backends/native/emit.h"
#include "support/escape.h"

#include <string.h>

/* ---- entries --------------------------------------------------------------------------------- */

struct entry_emitter {
  struct body b;
  LLVMValueRef indices[MAX_REPEATS]; /* i32 */
  int depth;
};

/* function(object, more[n]), members of the arguments both, unless the function is NULL. */
static void call_back(struct entry_emitter *s, unsigned function, unsigned object, const LLVMValueRef *more,
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

static void trace(struct entry_emitter *s, uint32_t kernel) {
  call_back(s, ARG_trace, ARG_tracer, (LLVMValueRef[]){s->b.thread, LLVMConstInt(s->b.e->i32, kernel, false)},
            2);
}

static void call_kernel(struct entry_emitter *s, const struct call *c) {
  struct emitter *e = s->b.e;
  const struct kernel *k = c->kernel;
  if (c->barrier)
    call_back(s, ARG_barrier, ARG_team, NULL, 0);
  trace(s, k->number);
  LLVMValueRef zero = LLVMConstInt(e->i32, 0, false);
  LLVMValueRef in[] = {s->b.args, s->depth > 0 ? s->indices[0] : zero, s->depth > 1 ? s->indices[1] : zero,
                       s->b.thread, s->b.threads};
  debug_place(&s->b, k->at);
  LLVMBuildCall2(s->b.b, e->kernel_type, e->kernels[k->number], in, 5, "");
  trace(s, UINT32_MAX);
}

static void schedule(struct entry_emitter *s, const struct call *c);

/* i32: as many as the call's tokens have parts, or the count. */
static LLVMValueRef iterations(struct entry_emitter *s, const struct call *c) {
  struct emitter *e = s->b.e;
  if (!c->parts)
    return LLVMConstInt(e->i32, (unsigned long long)c->count, false);
  const struct dim *d = dim_of(e->loops->module, c->parts);
  LLVMValueRef place = LLVMConstInt(e->i64, (unsigned long long)(-1 - d->parts), false);
  LLVMValueRef sizes =
      LLVMBuildLoad2(s->b.b, e->ptr, LLVMBuildStructGEP2(s->b.b, e->args, s->b.args, ARG_sizes, ""), "");
  LLVMValueRef all =
      LLVMBuildLoad2(s->b.b, e->i32, LLVMBuildInBoundsGEP2(s->b.b, e->i32, sizes, &place, 1, ""), "");
  LLVMValueRef up =
      LLVMBuildAdd(s->b.b, all, LLVMConstInt(e->i32, (unsigned long long)d->most - 1, false), "");
  return LLVMBuildUDiv(s->b.b, up, LLVMConstInt(e->i32, (unsigned long long)d->most, false), "");
}

/* for (index = 0; index < count; index++) body: tested at the end, count is at least 1. */
static void repeat(struct entry_emitter *s, const struct call *c) {
  struct emitter *e = s->b.e;
  LLVMBuilderRef b = s->b.b;
  LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
  LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(e->context, s->b.function, "repeat");
  LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, s->b.function, "done");
  LLVMValueRef zero = LLVMConstInt(e->i32, 0, false), one = LLVMConstInt(e->i32, 1, false);
  if (c->count < 1)
    return;
  LLVMValueRef count = iterations(s, c);
  LLVMBuildBr(b, body);
  LLVMPositionBuilderAtEnd(b, body);
  LLVMValueRef index = LLVMBuildPhi(b, e->i32, "i");
  LLVMValueRef most = LLVMConstInt(e->i32, (unsigned long long)c->count - 1, false);
  s->indices[s->depth++] = c->reverse ? LLVMBuildSub(b, most, index, "") : index;
  schedule(s, c->body);
  s->depth--;
  LLVMValueRef next = LLVMBuildNUWAdd(b, index, one, "");
  LLVMValueRef more = LLVMBuildICmp(b, LLVMIntULT, next, count, "");
  LLVMBasicBlockRef last = LLVMGetInsertBlock(b);
  LLVMBuildCondBr(b, more, body, after);
  LLVMAddIncoming(index, (LLVMValueRef[]){zero, next}, (LLVMBasicBlockRef[]){before, last}, 2);
  LLVMPositionBuilderAtEnd(b, after);
}

static void schedule(struct entry_emitter *s, const struct call *c) {
  for (; c; c = c->next)
    if (c->kernel)
      call_kernel(s, c);
    else
      repeat(s, c);
}

static LLVMValueRef emit_entry(struct emitter *e, const struct entry *entry) {
  LLVMValueRef function = LLVMAddFunction(e->module, entry->symbol, e->run_type);
  LLVMSetLinkage(function, LLVMInternalLinkage);
  struct entry_emitter s = {.b = {.e = e, .function = function}};
  s.b.b = LLVMCreateBuilderInContext(e->context);
  LLVMPositionBuilderAtEnd(s.b.b, LLVMAppendBasicBlockInContext(e->context, function, "entry"));
  debug_function(&s.b);
  debug_place(&s.b, (struct loc){0});
  s.b.args = LLVMGetParam(function, 0);
  s.b.thread = LLVMGetParam(function, 1);
  s.b.threads = LLVMGetParam(function, 2);
  schedule(&s, entry->schedule);
  debug_place(&s.b, (struct loc){0});
  LLVMBuildRetVoid(s.b.b);
  LLVMDisposeBuilder(s.b.b);
  return function;
}

/* ---- constants ------------------------------------------------------------------------------- */

/* The tables of the model's description, as globals. */
struct table_emitter {
  struct emitter *e;
  struct description d;
  LLVMValueRef *tables;  /* in the order of d.tables */
  LLVMValueRef *entries; /* functions, by number */
};

static LLVMValueRef global(struct emitter *e, LLVMValueRef value, const char *name, LLVMLinkage linkage) {
  LLVMValueRef g = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
  LLVMSetInitializer(g, value);
  LLVMSetGlobalConstant(g, true);
  LLVMSetLinkage(g, linkage);
  return g;
}

static LLVMValueRef string(struct emitter *e, const char *text) {
  LLVMValueRef g = global(e, LLVMConstStringInContext(e->context, text, (unsigned)strlen(text), false), "",
                          LLVMPrivateLinkage);
  LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
  return g;
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

LLVMTypeRef emit_member_type(const struct emitter *e, const struct member *m) {
  switch (m->kind) {
  case MEMBER_U32:
  case MEMBER_I32: return e->i32;
  case MEMBER_U64: return e->i64;
  default: return e->ptr;
  }
}

static LLVMValueRef table_global(const struct table_emitter *c, const struct table *t) {
  int i = 0;
  while (c->d.tables.at[i] != t)
    i++;
  return c->tables[i];
}

static LLVMValueRef emit_cell(struct table_emitter *c, const struct member *m, const struct cell *cell) {
  struct emitter *e = c->e;
  LLVMTypeRef type = emit_member_type(e, m);
  switch (cell->kind) {
  case CELL_TEXT: return string(e, cell->text);
  case CELL_TABLE: return table_global(c, cell->table);
  case CELL_KERNEL: return e->kernels[cell->number];
  case CELL_ENTRY: return c->entries[cell->number];
  case CELL_BETTER: return better_level(e);
  default: return type == e->ptr ? LLVMConstNull(type) : LLVMConstInt(type, cell->number, false);
  }
}

static LLVMValueRef emit_row(struct table_emitter *c, const struct record *r, const struct cell *cells) {
  LLVMValueRef *members = arena_array(&c->e->arena, LLVMValueRef, r->n);
  for (int i = 0; i < r->n; i++)
    members[i] = emit_cell(c, &r->members[i], &cells[i]);
  return LLVMConstStructInContext(c->e->context, members, (unsigned)r->n, false);
}

static LLVMValueRef emit_table(struct table_emitter *c, const struct table *t) {
  struct arena *a = &c->e->arena;
  LLVMValueRef *rows = arena_array(a, LLVMValueRef, t->n_rows);
  for (int i = 0; i < t->n_rows; i++)
    rows[i] = emit_row(c, t->record, t->cells + i * t->record->n);
  LLVMValueRef array = LLVMConstArray2(LLVMTypeOf(rows[0]), rows, (uint64_t)t->n_rows);
  return global(c->e, array, arena_printf(a, "tern_%s", t->name), LLVMInternalLinkage);
}

/* ---- the model ------------------------------------------------------------------------------- */

void emit_entries_and_model(struct emitter *e) {
  const struct loops *l = e->loops;
  struct code_facts code = {.target = arena_printf(&e->arena, "%s %s", e->target->triple, e->target->cpu),
                            .features = e->target->needs,
                            .threads = (uint32_t)e->options->threads};
  struct table_emitter c = {.e = e, .d = describe(&e->arena, l, &code)};
  c.entries = arena_array(&e->arena, LLVMValueRef, l->entries.n);
  c.tables = arena_array(&e->arena, LLVMValueRef, c.d.tables.n);
  for (int i = 0; i < l->entries.n; i++)
    c.entries[i] = emit_entry(e, l->entries.at[i]);
  for (int i = 0; i < c.d.tables.n; i++)
    c.tables[i] = emit_table(&c, c.d.tables.at[i]);
  LLVMValueRef model = emit_row(&c, &record_model, c.d.model);
  LLVMValueRef data = global(e, model, level_symbol(e, e->options->level), LLVMExternalLinkage);
  if (e->options->level == 0)
    global(e, data, "tern_program_model", LLVMWeakAnyLinkage);
}
