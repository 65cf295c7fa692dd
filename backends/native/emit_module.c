/* emit_module.c: the module around the functions. Kernels' bitcode is linked in first: what generated code
 * calls is then known with its type; what nothing calls disappears when LLVM optimises. Linked functions lose
 * the processor they were compiled for, so that all code of the module has the target's. */
#include "backends/native/emit_module.h"
#include "backends/native/bitcode.h"
#include "backends/native/emit.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/Linker.h>
#include <string.h>

LLVMValueRef emitter_function(struct emitter *e, const char *name) {
  return LLVMGetNamedFunction(e->module, name);
}

/* ---- bitcode --------------------------------------------------------------------------------- */

static void forget_processor(LLVMValueRef function) {
  static const char *const kinds[] = {"target-cpu", "target-features", "tune-cpu", "no-builtins",
                                      "stack-protector-buffer-size"};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    LLVMRemoveStringAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, kinds[k],
                                     (unsigned)strlen(kinds[k]));
}

/* Functions with a body become local to the module. */
static void make_local(struct emitter *e) {
  for (LLVMValueRef f = LLVMGetFirstFunction(e->module); f; f = LLVMGetNextFunction(f)) {
    if (LLVMIsDeclaration(f))
      continue;
    forget_processor(f);
    LLVMSetLinkage(f, LLVMInternalLinkage);
  }
}

static bool link_bitcode(struct emitter *e, const struct bitcode_module *bitcode) {
  LLVMModuleRef kernels;
  LLVMMemoryBufferRef memory = LLVMCreateMemoryBufferWithMemoryRange(
      (const char *)bitcode->start, (size_t)(bitcode->end - bitcode->start), "kernels", true);
  bool bad = LLVMParseBitcodeInContext2(e->context, memory, &kernels);
  LLVMDisposeMemoryBuffer(memory);
  if (!bad) {
    LLVMSetTarget(kernels, LLVMGetTarget(e->module));
    LLVMSetDataLayout(kernels, LLVMGetDataLayoutStr(e->module));
    bad = LLVMLinkModules2(e->module, kernels);
  }
  if (bad)
    diag_error(e->diag, "the %s kernels that ternc carries cannot be read; reinstall it", bitcode->family);
  return !bad;
}

/* The module of the level's family, of those from `first` to `last`. */
static bool link_family(struct emitter *e, enum bitcode first, enum bitcode last) {
  for (enum bitcode k = first; k <= last; k++)
    if (strcmp(bitcode_modules[k].family, e->target->level->family) == 0)
      return link_bitcode(e, &bitcode_modules[k]);
  return true;
}

static bool link_products(struct emitter *e) {
  bool ok = link_family(e, BITCODE_GRADIENT_X86_64, BITCODE_GRADIENT_RISCV64);
  for (enum products p = 0; ok && p < PRODUCTS_COUNT; p++) {
    const struct product_level *level = e->target->products[p];
    ok = !level || link_bitcode(e, &bitcode_modules[level->extra]);
  }
  return ok;
}

static bool link_kernels(struct emitter *e) {
  const struct level *level = e->target->level;
  if (!link_family(e, BITCODE_X86_64, BITCODE_RISCV64))
    return false;
  if (loops_call(e->loops) && !link_products(e))
    return false;
  if (level->extra >= 0 && !link_bitcode(e, &bitcode_modules[level->extra]))
    return false;
  make_local(e);
  return true;
}

/* ---- types and declarations ------------------------------------------------------------------ */

static LLVMTypeRef record_type(struct emitter *e, const struct record *r) {
  LLVMTypeRef *members = arena_array(&e->arena, LLVMTypeRef, r->n);
  for (int i = 0; i < r->n; i++)
    members[i] = emit_member_type(e, &r->members[i]);
  return LLVMStructTypeInContext(e->context, members, (unsigned)r->n, false);
}

static void make_types(struct emitter *e) {
  LLVMContextRef c = e->context;
  e->i1 = LLVMInt1TypeInContext(c);
  e->i8 = LLVMInt8TypeInContext(c);
  e->i16 = LLVMInt16TypeInContext(c);
  e->i32 = LLVMInt32TypeInContext(c);
  e->i64 = LLVMInt64TypeInContext(c);
  e->f16 = LLVMHalfTypeInContext(c);
  e->f32 = LLVMFloatTypeInContext(c);
  e->none = LLVMVoidTypeInContext(c);
  e->ptr = LLVMPointerTypeInContext(c, 0);
  LLVMTypeRef kernel[] = {e->ptr, e->i32, e->i32, e->i32, e->i32}, run[] = {e->ptr, e->i32, e->i32};
  e->args = record_type(e, &record_args);
  e->kernel_type = LLVMFunctionType(e->none, kernel, 5, false);
  e->run_type = LLVMFunctionType(e->none, run, 3, false);
}

static void attribute(struct emitter *e, LLVMValueRef f, const char *name) {
  unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
  LLVMAddAttributeAtIndex(f, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                          LLVMCreateEnumAttribute(e->context, kind, 0));
}

/* Kernels stay functions of their own, so that a profile names them. */
static void declare_kernels(struct emitter *e) {
  int n = 0;
  e->kernels = arena_array(&e->arena, LLVMValueRef, e->loops->n_kernels + 1);
  e->kernel_list = arena_array(&e->arena, const struct kernel *, e->loops->n_kernels + 1);
  for (const struct kernel *k = e->loops->kernels; k; k = k->next, n++) {
    e->kernel_list[n] = k;
    e->kernels[n] = LLVMAddFunction(e->module, k->name, e->kernel_type);
    LLVMSetLinkage(e->kernels[n], LLVMInternalLinkage);
    attribute(e, e->kernels[n], "noinline");
    attribute(e, e->kernels[n], "nounwind");
  }
}

static bool emit_kernels(struct emitter *e) {
  for (int n = 0; n < e->loops->n_kernels; n++)
    if (!emit_kernel(e, e->kernel_list[n], e->kernels[n]))
      return false;
  return true;
}

/* ---- the module ------------------------------------------------------------------------------ */

static void open_module(struct emitter *e) {
  const struct module *m = e->loops->module;
  const char *name = m->spec ? m->spec : m->name;
  e->module = LLVMModuleCreateWithNameInContext(m->name, e->context);
  LLVMSetSourceFileName(e->module, name, strlen(name));
  LLVMSetTarget(e->module, e->target->triple);
  LLVMTargetDataRef data = LLVMCreateTargetDataLayout(e->target->machine);
  LLVMSetModuleDataLayout(e->module, data);
  LLVMDisposeTargetData(data);
}

/* What LLVM's verifier says of a module is a fault of this program; it is told, not hidden. */
static bool verified(struct emitter *e) {
  char *message = NULL;
  bool bad = LLVMVerifyModule(e->module, LLVMReturnStatusAction, &message);
  if (bad)
    diag_error(e->diag, "ternc made invalid code for '%s', which is an error in ternc: %s",
               e->loops->module->name, message);
  LLVMDisposeMessage(message);
  return !bad;
}

LLVMModuleRef emit_module(struct diag *d, const struct loops *l, const struct native_options *o,
                          const struct target *t, LLVMContextRef context) {
  struct emitter e = {.diag = d, .loops = l, .options = o, .target = t, .context = context};
  open_module(&e);
  make_types(&e);
  bool ok = link_kernels(&e);
  if (ok) {
    declare_kernels(&e);
    debug_open(&e);
    ok = emit_kernels(&e);
    if (ok)
      emit_entries_and_model(&e);
    debug_close(&e);
    ok = ok && verified(&e);
  }
  arena_free(&e.arena);
  if (ok)
    return e.module;
  LLVMDisposeModule(e.module);
  return NULL;
}
