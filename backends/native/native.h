/* native.h: machine code through LLVM.
 *
 * Loops (backends/lower) become an LLVM module whose VECTOR loops are explicit 16-lane vectors, the kernels
 * of runtime/kernels are linked in as bitcode and inlined with the model's dimensions, and LLVM optimises and
 * writes it out. The module defines two symbols:
 *
 *   const struct tern_model NAME_model;
 *   const struct tern_model *const tern_program_model = &NAME_model;   (weak: the first of several objects')
 *
 * Of several levels (native_options) the others define NAME_model_level1, ... alone, and each refers to the
 * next.
 *
 * The same loops and options give the same bytes, in any folder. Floats are those of docs/numerics.md on
 * every target: no fast-math flags, no contraction. */
#ifndef TERN_BACKENDS_NATIVE_H
#define TERN_BACKENDS_NATIVE_H

#include "backends/lower/loops.h"
#include "runtime/model.h"

struct native_options {
  const char *triple;   /* NULL: this machine's */
  const char *cpu;      /* NULL or "native": this machine's, or the triple's plainest when it is another's */
  const char *features; /* LLVM's notation, "+avx512vnni,-fma"; added to the CPU's. NULL: none */
  int optimize;         /* 0 .. 3, as clang's -O */
  uint32_t threads;     /* what the model uses unless told otherwise; 0: as many as pay */
  bool debug;           /* DWARF lines of the spec, for debuggers and profilers */
  /* Of several objects for several processors in one program: which this is, 0 the least, and how many. */
  int level, levels;
};
extern const struct native_options native_defaults; /* this machine, 3, debug */

enum native_kind { NATIVE_LLVM, NATIVE_BITCODE, NATIVE_ASSEMBLY, NATIVE_OBJECT };

/* Writes the code to `path` ("-": standard output). False after a diagnostic: an unknown triple or CPU (lists
 * what there is), a file that cannot be written; then no file appears. */
bool native_write(struct diag *d, const struct loops *l, const struct native_options *o,
                  enum native_kind kind, const char *path);

/* The same into memory: malloc'ed, `*bytes` of it. NULL after a diagnostic. */
void *native_bytes(struct diag *d, const struct loops *l, const struct native_options *o,
                   enum native_kind kind, size_t *bytes);

/* Code in this process, for this machine: o->triple must be NULL. NULL after a diagnostic. */
struct native_jit *native_jit(struct diag *d, const struct loops *l, const struct native_options *o);
/* Valid until native_jit_free. */
const struct tern_model *native_jit_model(const struct native_jit *j);
void native_jit_free(struct native_jit *j);

/* The name of that symbol. In the arena. */
const char *native_model_name(struct arena *a, const struct module *m);

/* The triple and the CPU that options come to, and the kernels chosen for them ("x86-64 avx512vnni"): in the
 * arena. NULL after a diagnostic. */
const char *native_target_text(struct arena *a, struct diag *d, const struct native_options *o);

/* Whether the kernels for these options unpack five weights a byte (tile3) as fast as memory delivers them,
 * so that less to read is less time. False after a diagnostic. */
bool native_fast_trits(struct diag *d, const struct native_options *o, bool *fast);

/* Whether every processor that runs the code for `a` also runs that for `b`, as far as features are checked.
 * False after a diagnostic. */
bool native_implies(struct diag *d, const struct native_options *a, const struct native_options *b,
                    bool *implies);

/* Every CPU that --cpu takes, a line for each processor family. */
void native_list_targets(FILE *out);

#endif
