/* emit.h: what the files that turn loops into LLVM share.
 *
 * emit_module.c: the module, its kernels' declarations, the bitcode linked in
 * emit_model.c: entries (schedules) and the constant struct tern_model
 * emit_kernel.c: one kernel: buffers, statements, loops, accumulators
 * emit_expr.c: expressions, indices, loads and stores; scalar or 16 lanes
 * emit_map.c: one row for each element-wise operator; emit_integer.c: for those on integers
 * debug.c: DWARF lines of the spec */
#ifndef TERN_NATIVE_EMIT_H
#define TERN_NATIVE_EMIT_H

#include "backends/lower/describe.h"
#include "backends/native/target.h"
#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>

struct debug { /* all NULL when there is no debug information */
  LLVMDIBuilderRef builder;
  LLVMMetadataRef unit, subroutine; /* the compile unit; the type of all functions */
  VEC(LLVMMetadataRef) files;       /* by number of the source, 0: the spec */
};

struct emitter {
  struct diag *diag;
  const struct loops *loops;
  const struct native_options *options;
  const struct target *target;
  struct arena arena;
  LLVMContextRef context;
  LLVMModuleRef module;
  LLVMTypeRef i1, i8, i16, i32, i64, f16, f32, ptr, none;
  LLVMTypeRef args;        /* struct tern_args */
  LLVMTypeRef kernel_type; /* tern_kernel */
  LLVMTypeRef run_type;    /* tern_run */
  LLVMValueRef *kernels;   /* by position in loops->kernels */
  const struct kernel **kernel_list;
  struct debug debug;
};

/* Members of struct tern_args: ARG_weights, ... */
enum {
#define TERN_ARGS(kind, type, name) ARG_##name,
#include "runtime/model.def"
};

/* A call around a function that was linked in from bitcode. */
LLVMValueRef emitter_function(struct emitter *e, const char *name);

/* Iterations at once of a loop in which many short chains of additions wait for each other (emit_kernel.c).
 */
enum { WIDE = 4 * LANES };

/* One function that is being made: a kernel. Values that may be scalar or <lanes x T> tell by their type. */
struct body {
  struct emitter *e;
  const struct kernel *kernel;
  LLVMValueRef function;
  LLVMBuilderRef b, entry;                  /* entry: for allocas, before everything else */
  LLVMMetadataRef scope;                    /* its DISubprogram, or NULL */
  VEC(LLVMMetadataRef) scopes;              /* by source: the subprogram as seen in another file */
  LLVMValueRef args, i, j, thread, threads; /* i64 but args, thread, threads */
  LLVMValueRef *sizes;                      /* i64, of the module's dims, in their order */
  LLVMValueRef *buffers;                    /* base addresses, in the order of kernel->buffers */
  LLVMValueRef *exprs;                      /* by id: what a LET computed */
  LLVMValueRef *vars;                       /* by loop id: the variable, i64 */
  struct acc_state {
    LLVMValueRef room, final; /* alloca of the running value; the value once its loop is over */
  } *accs;                    /* by id */
  const struct loop *vector;  /* the VECTOR loop that runs `lanes` at once here, or NULL */
  unsigned lanes;             /* LANES, or in a wide loop WIDE */
  int64_t grain;              /* parallel loops split at multiples of it */
};

/* emit_kernel.c. False after a diagnostic. */
bool emit_kernel(struct emitter *e, const struct kernel *k, LLVMValueRef function);

/* emit_model.c */
void emit_entries_and_model(struct emitter *e);
LLVMTypeRef emit_member_type(const struct emitter *e, const struct member *m);
/* The alloca of a type in the function's first block. */
LLVMValueRef emit_room(struct body *b, LLVMTypeRef type);

/* emit_expr.c */
LLVMTypeRef emit_type(const struct emitter *e, enum elem elem);
bool emit_is_vector(LLVMValueRef v);
/* v in every lane; v itself when it is a vector. */
LLVMValueRef emit_splat(struct body *b, LLVMValueRef v);
LLVMValueRef emit_int(struct emitter *e, int64_t value);
/* i64; inside a vector loop the index of lane `lane`. */
LLVMValueRef emit_index(struct body *b, const struct index *x, int lane);
LLVMValueRef emit_expr(struct body *b, const struct expr *x);
void emit_store(struct body *b, const struct stmt *s);

/* emit_map.c: in[] are all scalar or all vectors. */
LLVMValueRef emit_map(struct body *b, const struct expr *x, LLVMValueRef *in);
LLVMValueRef emit_unary_intrinsic(struct body *b, const char *name, LLVMValueRef x);
/* A float constant of v's type. */
LLVMValueRef emit_float_like(LLVMValueRef v, double value);
/* a < b ? b : a */
LLVMValueRef emit_max(struct body *b, LLVMValueRef x, LLVMValueRef y);
/* Whether the operator has a row: true for every MAP operator of ops.def. */
bool emit_map_covers(enum opcode code);

/* emit_integer.c: INTEGER operators */
LLVMValueRef emit_integer(struct body *b, const struct expr *x, LLVMValueRef *in);
bool emit_integer_covers(enum opcode code);
/* v clamped to `bits` bits, as an element of that type. */
LLVMValueRef emit_saturate(struct body *b, LLVMValueRef v, int bits, enum elem elem);
/* |v| of an i32, INT32_MAX for INT32_MIN. */
LLVMValueRef emit_magnitude(struct body *b, LLVMValueRef v);

/* debug.c */
void debug_open(struct emitter *e);
void debug_function(struct body *b);             /* gives the body's function a DISubprogram */
void debug_place(struct body *b, struct loc at); /* instructions from here on come from there */
void debug_close(struct emitter *e);

#endif
