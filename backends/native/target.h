/* target.h: which processor code is made for, and which of the kernels suit it. */
#ifndef TERN_NATIVE_TARGET_H
#define TERN_NATIVE_TARGET_H

#include "backends/native/native.h"
#include <llvm-c/TargetMachine.h>

/* What code for a processor may use: of the ternary sums of int8 codes the variant with this suffix
 * (tern_ternary_sum_i8_avx2), which is in a module of its own beside the family's portable ones. */
struct level {
  const char *family; /* first part of the triple */
  const char *name;   /* "portable", "avx2", "avx512vnni", ... */
  const char *
    requires;         /* features, comma-separated, all of which the CPU must have; "" */
  const char *suffix; /* "" for the portable ones */
  bool rounds;        /* has instructions for round, floor and trunc of floats */
  bool halves;        /* has instructions for IEEE half to float */
  bool fast_trits;    /* unpacks five weights a byte as fast as memory delivers them */
  bool own_copies;    /* sums over many rows gain by dimensions that are constants */
  int extra;          /* enum bitcode, the variant's module; -1: none */
};

/* The same of the products of gradient.h, of all of them: tern_outer_i8_fma. */
struct product_level {
  enum products products;
  const char *family, *
    requires, *
            suffix;
  int extra;
};

struct target {
  char *triple, *cpu, *features;
  char *needs; /* features that a processor must have (features.h) */
  const struct level *level;
  const struct product_level *products[PRODUCTS_COUNT]; /* NULL: the portable ones */
  LLVMTargetMachineRef machine;
};

/* False after a diagnostic. */
bool target_open(struct target *t, struct diag *d, const struct native_options *o);
void target_close(struct target *t);

#endif
