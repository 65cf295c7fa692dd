/* interp.h: the interpreter: slow, simple, and the definition of what each operator means.
 *
 * Floats are float32, bit for bit as the back ends compute them (docs/numerics.md), or float64 for judging.
 */
#ifndef TERN_IR_INTERP_H
#define TERN_IR_INTERP_H

#include "ir/source.h"

/* A tensor's elements, row-major. Float elements are float or double by the interpreter's precision. */
struct tensor {
  struct type type; /* with numbers for dimensions that are known only at each call */
  union {
    void *data;
    float *f32;
    double *f64; /* elem F32 under float64 */
    int32_t *i32;
    uint32_t *u32;
    int16_t *i16;
    int8_t *i8; /* also the codes of TERNARY and Q8 */
    uint8_t *boolean;
  };
  /* Q8, Q16: one scale a vector; TERNARY: the weight's scales s_w. Precision as the floats. NULL elsewhere.
   */
  void *scales;
  double *tangents; /* forward mode: of each element, of a code that of the float that it stands for; NULL
                       elsewhere, and of integers */
};

struct interp; /* one sequence over one module, or several: weights, states */

/* The module must verify. Runs `fold` when the module has it. Weights are read when they are first used and
 * kept. NULL after diagnostics. */
struct interp *interp_new(const struct module *m, const struct weight_source *source, bool float64);
/* The same in forward mode (Griewank and Walther, Evaluating Derivatives, 2008, chapter 3), in float64:
 * tensors of floats, and of codes that stand for such, carry tangents, which are their elements' derivatives
 * along a direction of the weights. The direction is what the caller writes to the tangents of interp_weight;
 * it begins with 0, as states do after interp_reset. A ternary weight's is a direction of its master: through
 * it, and through quantisers, tangents go straight (docs/numerics.md). For modules of the spec's own
 * operators. */
struct interp *interp_new_forward(const struct module *m, const struct weight_source *source);
void interp_free(struct interp *in);
void interp_reset(struct interp *in); /* states to their initial values */
/* From here on there are states of n sequences, at their initial values; a function of one sequence runs on
 * number 0. */
void interp_sequences(struct interp *in, int64_t n);

/* What a function runs on. */
struct interp_arguments {
  const void *const *inputs; /* one for each argument: its elements as buffers have them, floats in the
                                interpreter's precision */
  const int64_t *sizes;      /* of the module's dims, in their order; NULL: the function has none */
  const uint32_t *rows;      /* a function of several sequences: their numbers, all different; else NULL */
  const uint32_t *positions; /* of each token: how many of its sequence came before; NULL: as many as
                                such calls have taken since the reset */
};
/* False after a diagnostic (a weight cannot be read, an index out of range). */
bool interp_call(struct interp *in, const struct func *f, const struct interp_arguments *a);
/* Result i of the call of f that was just made, valid until the next; NULL when there are not so many. */
const struct tensor *interp_result(struct interp *in, const struct func *f, int i);

/* Runs the function of a language model that has the name ("step": n = keep = 1; "prefill": n tokens, keep
 * logits) on tokens[n]. *out: the returned tensor, valid until the next run. False after a diagnostic (a
 * weight cannot be read, a token out of range). */
bool interp_run(struct interp *in, const char *name, const uint32_t *tokens, int64_t n, int64_t keep,
                const struct tensor **out);

/* Runs `batch`: tokens[i] is the next token of sequence rows[i], and *out has the logits of each. */
bool interp_run_batch(struct interp *in, const uint32_t *rows, const uint32_t *tokens, int64_t n,
                      const struct tensor **out);

/* Called at every operator directly inside a function or a repeat (so at every kernel and sum after fuse)
 * before and after it is interpreted; indices[] are those of the repeats around it. interp_value gives an
 * operand's or result's tensor; interp_state the current state. Used to compare back ends kernel by kernel.
 * Return false to stop the run. */
struct interp_hook {
  void *self;
  bool (*before)(void *self, struct interp *in, const struct op *op, const uint32_t *indices);
  bool (*after)(void *self, struct interp *in, const struct op *op, const uint32_t *indices);
};
void interp_set_hook(struct interp *in, const struct interp_hook *hook);
/* While it runs: the sizes of the module's dimensions where it is, valid until the next call. */
const int64_t *interp_sizes(struct interp *in);
/* Tokens that a sequence has had since the reset, in calls of functions that ask for their numbers. */
uint32_t interp_taken(const struct interp *in, int64_t sequence);
const struct tensor *interp_value(struct interp *in, const struct value *v);
/* Of a history or window: all rows since the reset, as many as the tensor's type says. */
const struct tensor *interp_state(struct interp *in, const struct state *s, int64_t instance);
const struct tensor *interp_state_of(struct interp *in, int64_t sequence, const struct state *s,
                                     int64_t instance);
/* The numbers of a weight's instance: loaded, merged or folded. NULL after a diagnostic. The image packer
 * uses it for folded weights. */
const struct tensor *interp_weight(struct interp *in, const struct weight *w, int64_t instance);

/* Element i of a tensor: of floats, at either precision, or of integers. */
double interp_float(const struct interp *in, const struct tensor *t, int64_t i);

/* Whether the interpreter has a meaning for the operator, at both precisions; a test asks for all of ops.def.
 */
bool interp_covers(enum opcode code);
/* Likewise for what it does to tangents. */
bool interp_tangent_known(enum opcode code);

#endif
