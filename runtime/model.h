/* model.h: the contract between the code that ternc generates and the program around it.
 *
 * The native and the C back end both emit one `const struct tern_model NAME_model`: a table of entries, each
 * a function with named inputs and outputs. The runtime, the just-in-time runner and the kernel-by-kernel
 * comparison call them by that table and know nothing else of the code. model.def lists the members of every
 * structure here, with what they mean. Both headers need nothing but C11 and are copied as they are into a C
 * project that ternc emits.
 *
 * A language model has the entry "step", (tokens: u32) -> logits [vocab]; where it can, "prefill", (tokens:
 * u32[T])
 * -> logits [K, vocab] for the last K of T tokens of one sequence; and "batch", (tokens: u32[B]) -> logits
 * [B, vocab] for a token of each of B sequences. Ids are below vocab, T at least K and 1, B at least 1.
 *
 * Threads: an entry is entered by all `threads` workers of a team at once with the same arguments and their
 * own `thread` (0 .. threads-1); they share the work of each kernel and meet at args->barrier between kernels
 * that work on the same memory. Results do not depend on the number of threads. */
#ifndef TERN_MODEL_H
#define TERN_MODEL_H

#include <stdint.h>

enum { TERN_ABI = 12, TERN_ALIGN = 64 };

/* The dimensions that every model has, by their number: tokens of one sequence, the last of them that are
 * wanted, and tokens that are each of a sequence of its own. */
enum { TERN_T, TERN_K, TERN_B, TERN_MOST_DIMS = 32 };

struct tern_args;

typedef void tern_barrier(void *team);

/* Every thread calls it before each kernel with the kernel's number in model.kernels, and after it with
 * UINT32_MAX, so that what lies between two kernels, waiting at barriers, has a name. */
typedef void tern_trace(void *tracer, uint32_t thread, uint32_t kernel);

/* One kernel of the model. `i` and `j` are the indices of the repeats around it (layer), 0 where there is
 * none. Called between barriers by each of `threads` workers. */
typedef void tern_kernel(const struct tern_args *args, uint32_t i, uint32_t j, uint32_t thread,
                         uint32_t threads);

typedef void tern_run(const struct tern_args *args, uint32_t thread, uint32_t threads);

/* What an entry does with a port. ROWS: it reads the numbers of the sequences, all different, whose states
 * are rows of args.state: that of element i lies at state + rows[i] * state_bytes. */
enum tern_access { TERN_IN, TERN_OUT, TERN_UPDATED, TERN_ROWS };

/* TERN_BF16 is what a state, or a tensor that is trained, may be kept as, the upper half of a float32; no
 * port has it. */
enum tern_elem { TERN_BOOL, TERN_U32, TERN_I8, TERN_I16, TERN_I32, TERN_F32, TERN_BF16 };

/* What a model does with a tensor: enum weight_role of ir/ir.h. */
enum tern_role { TERN_ANY_ROLE, TERN_MATRIX, TERN_TABLE, TERN_GAIN, TERN_FILTER, TERN_BIAS };

/* What a state of training holds: a sequence's own state; the derivative by it, which goes from a call to the
 * one before; gradients; the two moments of AdamW; what the forward pass keeps for the backward pass; the
 * same of a group of layers, while it is gone back through; what is of no value between calls. */
enum tern_region_kind {
  TERN_SEQUENCE,
  TERN_BACK,
  TERN_GRADIENT,
  TERN_MEAN,
  TERN_SQUARE,
  TERN_SAVED,
  TERN_REPLAYED,
  TERN_PASSING,
  TERN_REGION_KINDS
};

#define TERN_MEMBER(kind, type, name) type name;

struct tern_args {
#define TERN_ARGS TERN_MEMBER
#include "runtime/model.def"
};

struct tern_port {
#define TERN_PORT TERN_MEMBER
#include "runtime/model.def"
};

struct tern_dim {
#define TERN_DIM TERN_MEMBER
#include "runtime/model.def"
};

struct tern_entry {
#define TERN_ENTRY TERN_MEMBER
#include "runtime/model.def"
};

struct tern_kernel_info {
#define TERN_KERNEL_INFO TERN_MEMBER
#include "runtime/model.def"
};

struct tern_fill {
#define TERN_FILL TERN_MEMBER
#include "runtime/model.def"
};

struct tern_past {
#define TERN_PAST TERN_MEMBER
#include "runtime/model.def"
};

struct tern_tensor {
#define TERN_TENSOR TERN_MEMBER
#include "runtime/model.def"
};

struct tern_region {
#define TERN_REGION TERN_MEMBER
#include "runtime/model.def"
};

struct tern_training {
#define TERN_TRAINING TERN_MEMBER
#include "runtime/model.def"
};

struct tern_model {
#define TERN_MODEL TERN_MEMBER
#include "runtime/model.def"
};

#undef TERN_MEMBER

#endif
