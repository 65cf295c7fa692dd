/* emit_module.h: from loops to an LLVM module. */
#ifndef TERN_NATIVE_EMIT_MODULE_H
#define TERN_NATIVE_EMIT_MODULE_H

#include "backends/native/target.h"
#include <llvm-c/Core.h>

/* A verified module for the target, not yet optimised, in `context`. NULL after a diagnostic. */
LLVMModuleRef emit_module(struct diag *d, const struct loops *l, const struct native_options *o,
                          const struct target *t, LLVMContextRef context);

#endif
