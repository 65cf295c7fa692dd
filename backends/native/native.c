/* native.c: the module optimised and written out, or brought into this process. The just-in-time runner loads
 * the same object that an executable would link. */
#include "backends/native/native.h"
#include "backends/native/emit_module.h"
#include "support/file.h"

#include <llvm-c/BitWriter.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdlib.h>
#include <string.h>

/* ---- code ------------------------------------------------------------------------------------ */

static bool llvm_failed(struct diag *d, const char *doing, LLVMErrorRef error) {
  if (!error)
    return false;
  char *message = LLVMGetErrorMessage(error);
  diag_error(d, "%s: %s", doing, message);
  LLVMDisposeErrorMessage(message);
  return true;
}

static bool optimise(struct diag *d, LLVMModuleRef module, const struct target *t, int level) {
  char passes[] = "default<O0>";
  passes[strlen("default<O")] = (char)('0' + level);
  LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
  LLVMErrorRef error = LLVMRunPasses(module, passes, t->machine, options);
  LLVMDisposePassBuilderOptions(options);
  return !llvm_failed(d, "optimising native code", error);
}

static LLVMMemoryBufferRef text_of(LLVMModuleRef module) {
  char *text = LLVMPrintModuleToString(module);
  LLVMMemoryBufferRef memory = LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), "text");
  LLVMDisposeMessage(text);
  return memory;
}

static LLVMMemoryBufferRef generate(struct diag *d, LLVMModuleRef module, const struct target *t,
                                    enum native_kind kind) {
  LLVMMemoryBufferRef memory = NULL;
  char *message = NULL;
  if (kind == NATIVE_LLVM)
    return text_of(module);
  if (kind == NATIVE_BITCODE)
    return LLVMWriteBitcodeToMemoryBuffer(module);
  LLVMCodeGenFileType type = kind == NATIVE_OBJECT ? LLVMObjectFile : LLVMAssemblyFile;
  if (LLVMTargetMachineEmitToMemoryBuffer(t->machine, module, type, &message, &memory)) {
    diag_error(d, "generating native code: %s", message);
    LLVMDisposeMessage(message);
    return NULL;
  }
  return memory;
}

/* What LLVM has to say goes through the diagnostics. */
static void llvm_says(LLVMDiagnosticInfoRef info, void *data) {
  struct diag *d = data;
  char *message = LLVMGetDiagInfoDescription(info);
  if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
    diag_error(d, "native code: %s", message);
  LLVMDisposeMessage(message);
}

static LLVMMemoryBufferRef compile(struct diag *d, const struct loops *l, const struct native_options *o,
                                   enum native_kind kind) {
  struct target t;
  LLVMMemoryBufferRef memory = NULL;
  if (!target_open(&t, d, o))
    return NULL;
  LLVMContextRef context = LLVMContextCreate();
  LLVMContextSetDiagnosticHandler(context, llvm_says, d);
  LLVMModuleRef module = emit_module(d, l, o, &t, context);
  if (module && optimise(d, module, &t, o->optimize))
    memory = generate(d, module, &t, kind);
  if (module)
    LLVMDisposeModule(module);
  LLVMContextDispose(context);
  target_close(&t);
  return memory;
}

void *native_bytes(struct diag *d, const struct loops *l, const struct native_options *o,
                   enum native_kind kind, size_t *bytes) {
  LLVMMemoryBufferRef memory = compile(d, l, o, kind);
  if (!memory)
    return NULL;
  *bytes = LLVMGetBufferSize(memory);
  void *copy = xmalloc(*bytes + 1);
  memcpy(copy, LLVMGetBufferStart(memory), *bytes);
  LLVMDisposeMemoryBuffer(memory);
  return copy;
}

bool native_write(struct diag *d, const struct loops *l, const struct native_options *o,
                  enum native_kind kind, const char *path) {
  struct output out;
  LLVMMemoryBufferRef memory = compile(d, l, o, kind);
  bool ok = memory && output_open(&out, d, path);
  if (ok) {
    fwrite(LLVMGetBufferStart(memory), 1, LLVMGetBufferSize(memory), out.file);
    ok = output_close(&out, false);
  }
  if (memory)
    LLVMDisposeMemoryBuffer(memory);
  return ok;
}

/* ---- in this process ------------------------------------------------------------------------- */

struct native_jit {
  LLVMOrcLLJITRef jit;
  const struct tern_model *model;
};

/* memcpy and memset, which LLVM may call, are this program's. */
static LLVMErrorRef see_process(LLVMOrcLLJITRef jit) {
  LLVMOrcDefinitionGeneratorRef generator;
  char prefix = LLVMOrcLLJITGetGlobalPrefix(jit);
  LLVMErrorRef error = LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(&generator, prefix, NULL, NULL);
  if (!error)
    LLVMOrcJITDylibAddGenerator(LLVMOrcLLJITGetMainJITDylib(jit), generator);
  return error;
}

/* Takes the object over. */
static LLVMErrorRef load(struct native_jit *j, LLVMMemoryBufferRef object, const char *name) {
  LLVMOrcExecutorAddress address = 0;
  LLVMErrorRef error = LLVMOrcCreateLLJIT(&j->jit, NULL);
  if (error) {
    j->jit = NULL;
    LLVMDisposeMemoryBuffer(object);
    return error;
  }
  error = LLVMOrcLLJITAddObjectFile(j->jit, LLVMOrcLLJITGetMainJITDylib(j->jit), object);
  if (!error)
    error = see_process(j->jit);
  if (!error)
    error = LLVMOrcLLJITLookup(j->jit, &address, name);
  j->model = (const struct tern_model *)(uintptr_t)address;
  return error;
}

struct native_jit *native_jit(struct diag *d, const struct loops *l, const struct native_options *o) {
  if (o->triple) {
    diag_error(d, "code for target '%s' does not run in this process; build it instead", o->triple);
    return NULL;
  }
  LLVMMemoryBufferRef object = compile(d, l, o, NATIVE_OBJECT);
  if (!object)
    return NULL;
  struct native_jit *j = xmalloc(sizeof *j);
  *j = (struct native_jit){0};
  struct arena a = {0};
  bool failed = llvm_failed(d, "loading native code", load(j, object, native_model_name(&a, l->module)));
  arena_free(&a);
  if (!failed)
    return j;
  native_jit_free(j);
  return NULL;
}

const struct tern_model *native_jit_model(const struct native_jit *j) {
  return j->model;
}

void native_jit_free(struct native_jit *j) {
  if (!j)
    return;
  if (j->jit)
    LLVMConsumeError(LLVMOrcDisposeLLJIT(j->jit));
  free(j);
}
