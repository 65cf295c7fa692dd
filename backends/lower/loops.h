/* loops.h: typed loops, the form that the native and the C back end share.
 *
 * Lowering takes a module after `fuse` and `plan-memory` (kernel form, docs/ir.md) and makes, for each entry
 * of the model, a schedule of kernel calls and repeats, and for each kernel a
 * small tree of loops over buffers with offsets fixed at compile time. A back end only prints: it decides
 * nothing about order, rounding or layout, so that all of them compute the same bits.
 *
 * Order of float sums: an accumulator that belongs to a VECTOR loop has LANES partial results; element x of
 * the loop goes to lane x % LANES, each lane in order, and at the end lanes fold as a tree: l[k] = l[k] op
 * l[k + w] for w = 8, 4, 2, 1 (missing elements leave the initial value, which is added too: 0 for sums). An
 * accumulator of a SERIAL loop takes its elements in order. */
#ifndef TERN_BACKENDS_LOOPS_H
#define TERN_BACKENDS_LOOPS_H

#include "ir/policy.h"

/* A VECTOR loop's iterations, and a matrix's rows, are shared in multiples of the policy's grain g: of E
 * there are G = ceil(E / g), and thread k of N begins with number g * (G * k / N) (tern_share of
 * runtime/kernels/ternary.h). */

/* Where a buffer lies. No two of a kernel overlap, unless neither is written. Address in bytes = base +
 * offset + i * stride_i + j * stride_j (i, j: the kernel's repeat indices). OWN: the thread's own copy of the
 * entry's scratch, or rows of a kernel's own, at scratch + entry.scratch + thread * entry.own. PORT: what the
 * caller gives, or wants. POSITIONS: of each token of the call, how many its sequence has had before. */
enum buffer_base { BASE_SCRATCH, BASE_OWN, BASE_WEIGHTS, BASE_STATE, BASE_PORT, BASE_POSITIONS };

/* Element formats in memory; F16 and BF16 are widened to float when loaded. */
enum memory_format {
  FORMAT_F32,
  FORMAT_F16,
  FORMAT_BF16,
  FORMAT_I8,
  FORMAT_I16,
  FORMAT_I32,
  FORMAT_U32,
  FORMAT_BOOL
};

struct buffer {
  enum buffer_base base;
  enum memory_format format;
  bool written;
  int64_t offset, stride_i, stride_j; /* bytes */
  int port;                           /* BASE_PORT: its place among the entry's ports */
  int64_t elements; /* with dimensions of the call at their most; for declarations and bounds */
  int64_t
      sequence; /* a state where there are several sequences: bytes from one's elements to the next one's */
  /* Not 0: of its elements the kernel's threads touch only their own, a thread that has the range [a, b) of
   * `shared` those numbered k * shared + a .. k * shared + b - 1. */
  int64_t shared;
  bool each_token;  /* an array of the kernel's own that each token of a scan makes anew */
  const char *name; /* a hint from the spec, unique in the kernel: "x", "norm_weight" */
};

/* Integer expressions: element indices. Simplified when made: constants folded, sums of terms kept flat. */
enum index_kind {
  INDEX_CONST,
  INDEX_VAR, /* a loop's variable */
  INDEX_I,   /* the kernel's outer repeat index */
  INDEX_J,   /* the inner one */
  INDEX_DIM, /* what the call has of dimension `constant` (below 0) of the module */
  INDEX_ADD,
  INDEX_SUB,
  INDEX_MUL, /* a, b */
  INDEX_DIV,
  INDEX_MOD, /* a by constant b; a >= 0 */
  INDEX_MIN,
  INDEX_MAX,
  INDEX_VALUE /* a u32 element loaded from a buffer: `value` (a token, a row number) */
};
struct index {
  enum index_kind kind;
  int64_t constant;
  struct loop *loop; /* INDEX_VAR */
  struct index *a, *b;
  struct expr *value;
};
/* d(index) / d(loop variable) when index is affine in it; false otherwise. Vector back ends use it: 0
 * uniform, 1 contiguous. */
bool index_coefficient(const struct index *x, const struct loop *loop, int64_t *coefficient);

/* Scalar expressions, a DAG: each node is computed once, in the order of the statement list. */
enum expr_kind {
  EXPR_CONST,   /* value */
  EXPR_LOAD,    /* buffer[index] */
  EXPR_OP,      /* a MAP operator of ops.def on in[]: attributes in attr; SELECT also of other than F32;
                 * INTEGER ones on any mix of I8, I16 and I32 (ir/integer_ops.h, ir/curve.h) */
  EXPR_INDEX,   /* index as u32 */
  EXPR_ACC,     /* the accumulator: running value inside its loop, final value after it */
  EXPR_INDEX_LT /* bool: index a < index b (concat, padding) */
};
struct expr {
  enum expr_kind kind;
  enum elem elem; /* BOOL, U32, I8, I16, I32 or F32 */
  enum opcode code;
  struct attrs attr;
  int n_in;
  struct expr *in[3];
  double value;
  struct buffer *buffer;
  struct index *index, *bound; /* bound: EXPR_INDEX_LT */
  struct accumulator *acc;
  struct loc at;
  const char *name; /* hint for readable C; may be NULL */
  int id;           /* unique in the kernel */
};

/* Initial 0, -inf (INT32_MIN), 0. F32, or I32, to which I8 and I16 elements are widened; its sums are modulo
 * 2^32, and the magnitude of INT32_MIN is INT32_MAX. */
enum accumulate { ACC_SUM, ACC_MAX, ACC_ABSMAX };
struct accumulator {
  enum accumulate how;
  enum elem elem;
  struct loop *loop;
  const char *name;
  int id;
};

enum stmt_kind { STMT_LET, STMT_STORE, STMT_LOOP, STMT_ACCUMULATE };
struct stmt {
  enum stmt_kind kind;
  struct stmt *next;
  struct loc at;
  struct expr *expr; /* LET: computes it here; STORE: the value; ACCUMULATE: the element. Its operands were
                        LET before */
  struct buffer *buffer;   /* STORE */
  struct index *index;     /* STORE */
  struct loop *loop;       /* LOOP */
  struct accumulator *acc; /* ACCUMULATE: acc = acc op expr */
};

enum loop_kind {
  LOOP_SERIAL,
  LOOP_VECTOR /* iterations are independent but for its accumulators: a back end runs LANES of them at once.
               * It may hold SERIAL loops (whose bounds do not depend on it) but no further VECTOR loop */
};
struct loop {
  enum loop_kind kind;
  /* The threads of a team share its iterations: thread k takes a range of them (multiples of the grain for a
   * VECTOR loop). Has no accumulators. Every loop of a kernel that is marked has the same extent and kind, so
   * that an element always falls to the same thread. */
  bool parallel;
  bool reverse;     /* SERIAL: from the last iteration to the first */
  const char *name; /* "t", "i", "j", ... */
  struct index
      *extent; /* constant, INDEX_DIM, or made of the token's position: rows of a past that it sees */
  struct stmt *body;
  int id;
};

/* What the threads of a team do in a kernel. */
enum teamwork {
  TEAM_FIRST, /* thread 0 runs it alone */
  TEAM_SHARE, /* each its share: of the parallel loops, or of a sum's rows */
  TEAM_EACH   /* each all of it, and writes to BASE_OWN: that takes no longer than to wait for thread 0 */
};

enum kernel_kind { KERNEL_LOOPS, KERNEL_TERNARY_SUM, KERNEL_CALL };

/* Of a call: the address of a buffer, or a number. */
struct call_argument {
  struct buffer *buffer;
  struct index *number; /* where buffer is NULL: constant, INDEX_DIM, or a product of it with constants */
};

struct kernel {
  enum kernel_kind kind;
  struct entry *entry; /* that calls it */
  uint32_t number;     /* its place in loops->kernels */
  const char *name;    /* a C identifier: "step_k3" */
  struct loc at;
  const struct op *op; /* the IR operator it was made from */
  enum teamwork team;
  uint64_t weight_bytes;
  VEC(struct buffer *) buffers;
  struct stmt *body; /* KERNEL_LOOPS; KERNEL_TERNARY_SUM: loads of computed indices */
  int n_exprs, n_loops, n_accs;
  /* KERNEL_TERNARY_SUM: out[r, m(, g)] = sums over n of codes times in[r, n], for r < rows. Rows of the
   * weight are shared by the threads, each m / parts of them by themselves. The layout of the codes is
   * `stored`; runtime/kernels/ternary.h has the functions. */
  enum storage stored;
  struct buffer *weight, *in, *out; /* in: I8, I16 or F32; out: I32, or F32 for F32 */
  struct loop *row; /* over tokens, where each has a matrix of its own; its body loads indices. NULL: none */
  struct index *place; /* bytes from `weight` to the codes, of indices that `body` loads; NULL: 0 */
  int64_t m, n, group; /* group 0: the whole row */
  int64_t parts;       /* more than 1: m / parts is a multiple of the grain */
  struct index *rows;  /* constant 1, INDEX_DIM, or a product of it with constants */
  /* KERNEL_CALL: function(arguments..., thread, threads) of runtime/kernels, whose threads share its output.
   */
  const char *function;
  bool levels;            /* gradient.h has variants of it for better processors, of the same bits */
  enum products products; /* and of one that is not of float32 a function of its own (product_function) */
  VEC(struct call_argument) arguments;
  struct kernel *next;
};

/* Of a KERNEL_TERNARY_SUM by rows: bytes from one token's operand, or result, to the next one's. */
int64_t sum_in_step(const struct kernel *k);
int64_t sum_out_step(const struct kernel *k);

/* What stands behind the name of a sum of codes that are stored so (runtime/kernels/ternary.h). */
const char *sum_layout(enum storage stored);
/* The function of a KERNEL_CALL in portable C, in the arena. */
const char *product_function(struct arena *a, const struct kernel *k);

struct call {            /* one entry of a schedule */
  struct kernel *kernel; /* or NULL: a repeat */
  /* Threads meet before the kernel: a kernel that ran since they last met, perhaps in the iteration before,
   * and this one share memory that one of them writes. */
  bool barrier;
  int64_t count; /* repeat; where it goes through parts, the most that there are */
  int64_t parts; /* the dimension of parts that it goes through: as many iterations as the call has; or 0 */
  bool reverse;  /* of a repeat: the last index first */
  struct call *body;
  struct call *next;
};

/* A buffer of the caller's: an argument, then results that have buffers of their own, then, in an entry of
 * several sequences, the numbers of those whose rows a call has. */
enum port_access { PORT_IN, PORT_OUT, PORT_UPDATED, PORT_ROWS };
struct entry_port {
  const char *name;
  enum port_access access;
  struct type type;
  int frac; /* of integers; FRAC_NONE */
};

/* A function of the module other than `fold`, as it is called. */
struct entry {
  const char *name;
  const char *symbol; /* a C identifier that no kernel has */
  const struct func *func;
  uint32_t number; /* its place in loops->entries */
  VEC(struct entry_port) ports;
  int64_t sequences; /* the dimension of the sequences of a call; 0: it works on one */
  struct call *schedule;
  int64_t scratch;       /* bytes, arrays of a kernel's own included */
  int64_t own;           /* bytes behind it for each thread; 0: none has anything of its own */
  int64_t barriers;      /* that a run of it meets */
  uint64_t weight_bytes; /* that a run of it reads */
};

struct loops {
  const struct module *module;
  const struct policy *policy; /* how threads share them */
  VEC(struct entry *) entries; /* in the order of the module's functions */
  struct kernel *kernels;      /* all, in order */
  int n_kernels;
};

/* The module must be in kernel form, planned and verified. `policy` says how threads share the work: a module
 * that is planned for kernels one after another takes none that has a team. NULL after a diagnostic (an
 * operator that no kernel can hold). In the arena. */
struct loops *loops_lower(struct arena *a, const struct module *m, const struct policy *policy);

/* Whether a kernel is a KERNEL_CALL: it needs runtime/kernels/training.c. */
bool loops_call(const struct loops *l);

/* NULL: there is none of that name. */
struct entry *loops_entry(const struct loops *l, const char *name);

/* The port that a value of its function lies in: an argument's, or that of a planned result; -1: none. */
int port_of_value(const struct entry *e, const struct value *v);

int64_t buffer_bytes(const struct buffer *b);

/* The loops as text, for --print-loops and tests. */
void loops_print(const struct loops *l, FILE *out);

#endif
