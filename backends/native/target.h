/* target.h: which processor code is made for, and which of the kernels suit it. */
#ifndef TERN_NATIVE_TARGET_H
#define TERN_NATIVE_TARGET_H

#include "backends/native/native.h"
#include <llvm-c/TargetMachine.h>

/* Kernels in bitcode that one level links: the family's portable ones, and an extra module
 * for each layout or none. */
struct level {
  const char *family; /* first part of the triple */
  const char *name;   /* "portable", "avx2", "avx512vnni", "avx512vbmi" */
  const char *
    requires;          /* features, comma-separated, all of which the CPU must have; "" */
  const char *sum_i8;  /* its function for int8 ternary sums of tile2 */
  const char *sum3_i8; /* and of tile3 */
  bool rounds;         /* has instructions for round, floor and trunc of floats */
  bool halves;         /* has instructions for IEEE half to float */
  int extra, extra3;   /* enum bitcode, for tile2 and tile3; -1: none */
};

struct target {
  char *triple, *cpu, *features;
  const struct level *level;
  LLVMTargetMachineRef machine;
};

/* False after a diagnostic. */
bool target_open(struct target *t, struct diag *d, const struct native_options *o);
void target_close(struct target *t);

#endif
