/* model.h: the contract between the code that ternc generates and the program around it.
 *
 * The native and the C back end both emit one `const struct tern_model NAME_model` whose functions follow
 * this page; the runtime, the just-in-time runner and the kernel-by-kernel comparison call them. The header
 * needs nothing but C11 and is copied as it is into a C project that ternc emits.
 *
 * Threads: `step`, `prefill` and `batch` are entered by all `threads` workers of a team at once with the same
 * arguments and their own `thread` (0 .. threads-1); they share the work of each kernel and meet at
 * args->barrier between kernels that work on the same memory. Results do not depend on the number of
 * threads. */
#ifndef TERN_MODEL_H
#define TERN_MODEL_H

#include <stdint.h>

enum { TERN_ABI = 7, TERN_ALIGN = 64 };

/* What generated code works on. All pointers are TERN_ALIGN-aligned and do not overlap. */
struct tern_args {
  const uint8_t *weights; /* the image's weights, weights_bytes of them */
  uint8_t *state;         /* one sequence's state, state_bytes; updated. batch: many, one after another */
  uint8_t *scratch;       /* step_scratch + threads * step_own, prefill_scratch, batch_scratch bytes; contents
                             are of no value between calls */
  const uint32_t *tokens; /* [n] ids, each < vocab */
  void *logits;           /* [keep, vocab], row-major: the last `keep` of the n positions; enum tern_logits */
  uint32_t n;             /* tokens in this call: 1 for step, 1 .. chunk for prefill, 1 .. most for batch */
  uint32_t keep;          /* positions whose logits are wanted: 0 .. n; n for batch */
  void (*barrier)(void *team); /* every thread of the team calls it; NULL when threads is 1 */
  void *team;
  /* batch: [n] different numbers; token i is the next of the sequence whose state is at state + rows[i] *
   * state_bytes. */
  const uint32_t *rows;
  /* For profilers; NULL: none. Every thread calls it before each kernel with its number in
   * tern_model.kernels, and after it with UINT32_MAX, so that what lies between two kernels, waiting at
   * barriers, has a name. */
  void (*trace)(void *tracer, uint32_t thread, uint32_t kernel);
  void *tracer;
};

/* One kernel of the model. `i` and `j` are the indices of the repeats around it (layer), 0 where there is
 * none. Called between barriers by each of `threads` workers. */
typedef void tern_kernel(const struct tern_args *args, uint32_t i, uint32_t j, uint32_t thread,
                         uint32_t threads);

typedef void tern_form(const struct tern_args *args, uint32_t thread, uint32_t threads);

enum tern_form_name { TERN_STEP, TERN_PREFILL, TERN_BATCH };

/* What logits are: float, or int32 that stand for the integer times 2^-logits_frac. */
enum tern_logits { TERN_LOGITS_F32, TERN_LOGITS_I32 };

struct tern_kernel_info {
  const char *name; /* as the IR prints it, e.g. "step.k3" */
  tern_kernel *run;
  const char *file; /* the line of the spec that it comes from; "" when unknown */
  uint32_t line;
  uint32_t form;         /* enum tern_form_name: which form calls it */
  uint64_t weight_bytes; /* bytes of weights that one call reads */
};

/* The initial value of a run of state: count elements of `size` bytes (1, 2 or 4) from byte offset `at`, each
 * with the low bytes of `bits`: an integer, or a float32's representation. */
struct tern_fill {
  uint64_t at, count;
  uint32_t size, bits;
};

struct tern_model {
  uint32_t abi;         /* TERN_ABI */
  const char *name;     /* the model's name in the spec */
  const char *spec;     /* file name of the spec */
  const char *target;   /* triple and CPU the code was made for */
  const char *compiler; /* "ternc 0.1.0" */
  const char *dims;     /* "vocab=2048 hidden=256 ..." : every parameter of the spec and its value */
  uint64_t layout;      /* hash of the weights layout; equals the image's, or they do not belong together */
  uint64_t state_shape; /* hash of name, parameters, weights and states: tells whose a saved state is */
  uint64_t parameters;  /* number of weights of the model as published */
  uint64_t weights_bytes, state_bytes, step_scratch, prefill_scratch, batch_scratch;
  uint64_t step_own;               /* bytes of scratch for copies of each thread's own */
  uint64_t weight_bytes_per_token; /* bytes of weights that one step reads */
  /* The largest weight that is only looked up by row (the embedding): a token touches little of it, so the
   * runtime gives its pages back now and then. 0 bytes: none. */
  uint64_t table_at, table_bytes;
  uint32_t vocab;     /* width of a row of logits, and the bound of token ids */
  uint32_t chunk;     /* most tokens one prefill takes; 0: the model has no prefill form */
  uint32_t sequences; /* most that one batch takes; 0: the model has no batch form */
  uint32_t threads;   /* default number of threads; 0: as many as the model is large enough for */
  uint32_t logits;    /* enum tern_logits */
  int32_t logits_frac;
  uint32_t barriers; /* that a step meets */
  tern_form *step, *prefill, *batch;
  const struct tern_fill *fills;
  uint32_t n_fills;
  const struct tern_kernel_info *kernels;
  uint32_t n_kernels;
  /* What the code needs of a processor that not all of its family have, LLVM's names with commas between: to
   * be checked before any of it runs (cpu.h). NULL: unknown. */
  const char *features;
  const struct tern_model *better; /* the same for a better processor; NULL: none */
};

#endif
