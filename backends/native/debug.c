/* debug.c: DWARF line tables, so that a profiler or a debugger shows the lines of the model's description.
 * One compile unit named after the spec, one subprogram a kernel; lines of imported files through lexical
 * blocks of those files. Names are relative to the spec's folder and the compilation folder is ".", so that
 * objects do not depend on where the compiler ran. */
#include "backends/lower/facts.h"
#include "backends/native/emit.h"

#include <string.h>

static LLVMMetadataRef file_of(struct emitter *e, uint16_t file) {
  while (e->debug.files.n <= file)
    vec_push(&e->arena, e->debug.files, NULL);
  LLVMMetadataRef *slot = &e->debug.files.at[file];
  if (!*slot) {
    const char *name = source_name(&e->arena, e->loops->module, file);
    *slot = LLVMDIBuilderCreateFile(e->debug.builder, name, strlen(name), ".", 1);
  }
  return *slot;
}

static void module_flag(struct emitter *e, LLVMModuleFlagBehavior how, const char *key, unsigned value) {
  LLVMMetadataRef v = LLVMValueAsMetadata(LLVMConstInt(e->i32, value, false));
  LLVMAddModuleFlag(e->module, how, key, strlen(key), v);
}

void debug_open(struct emitter *e) {
  static const char producer[] = "ternc " TERN_VERSION;
  if (!e->options->debug)
    return;
  e->debug.builder = LLVMCreateDIBuilder(e->module);
  e->debug.unit = LLVMDIBuilderCreateCompileUnit(
      e->debug.builder, LLVMDWARFSourceLanguageC11, file_of(e, 0), producer, strlen(producer),
      e->options->optimize > 0, "", 0, 0, "", 0, LLVMDWARFEmissionFull, 0, false, false, "", 0, "", 0);
  e->debug.subroutine =
      LLVMDIBuilderCreateSubroutineType(e->debug.builder, file_of(e, 0), NULL, 0, LLVMDIFlagZero);
  module_flag(e, LLVMModuleFlagBehaviorWarning, "Debug Info Version", LLVMDebugMetadataVersion());
  module_flag(e, LLVMModuleFlagBehaviorWarning, "Dwarf Version", 4);
}

void debug_function(struct body *b) {
  struct emitter *e = b->e;
  if (!e->debug.builder)
    return;
  const struct kernel *k = b->kernel;
  size_t n;
  const char *name = LLVMGetValueName2(b->function, &n);
  LLVMMetadataRef file = file_of(e, k ? k->at.file : 0);
  unsigned line = k ? k->at.line : 0;
  b->scope =
      LLVMDIBuilderCreateFunction(e->debug.builder, file, name, n, "", 0, file, line, e->debug.subroutine,
                                  true, true, line, LLVMDIFlagZero, e->options->optimize > 0);
  LLVMSetSubprogram(b->function, b->scope);
}

/* The subprogram as it is seen from lines of `file`. */
static LLVMMetadataRef scope_in(struct body *b, uint16_t file) {
  uint16_t own = b->kernel ? b->kernel->at.file : 0;
  if (!file || file == own)
    return b->scope;
  while (b->scopes.n <= file)
    vec_push(&b->e->arena, b->scopes, NULL);
  LLVMMetadataRef *slot = &b->scopes.at[file];
  if (!*slot)
    *slot = LLVMDIBuilderCreateLexicalBlockFile(b->e->debug.builder, b->scope, file_of(b->e, file), 0);
  return *slot;
}

void debug_place(struct body *b, struct loc at) {
  if (!b->scope)
    return;
  LLVMMetadataRef scope = scope_in(b, at.file);
  LLVMSetCurrentDebugLocation2(
      b->b, LLVMDIBuilderCreateDebugLocation(b->e->context, at.line, at.column, scope, NULL));
}

void debug_close(struct emitter *e) {
  if (!e->debug.builder)
    return;
  LLVMDIBuilderFinalize(e->debug.builder);
  LLVMDisposeDIBuilder(e->debug.builder);
}
