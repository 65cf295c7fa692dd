/* facts.h: what every back end says about a model beside its kernels (struct tern_model of runtime/model.h).
 */
#ifndef TERN_BACKENDS_FACTS_H
#define TERN_BACKENDS_FACTS_H

#include "backends/lower/loops.h"

/* `count` elements of a sequence's state from byte `at` on start as `value`: a float, or an integer of
 * elem_bytes(elem). */
struct state_fill {
  int64_t at, count;
  enum elem elem;
  double value;
};
/* The value's bits, in the low bytes. */
uint32_t fill_bits(const struct state_fill *f);
/* One run for each state, or for each of its instances where they do not touch. In the arena. */
int state_fills(struct arena *a, const struct module *m, struct state_fill **out);

/* The most tokens of a sequence: those that the shortest history takes; 0: any number. */
int64_t context_length(const struct module *m);
/* Whether it is of use for the kernel how many tokens came before. */
bool asks_position(const struct kernel *k);

/* The largest weight of which a token reads single rows: an operand of `index` and of nothing else. NULL:
 * none. */
const struct weight *row_table(const struct module *m);

/* The entry `step` of a language model, from one token to the logits of the next; NULL: the model has none
 * like it. */
const struct entry *language_step(const struct loops *l);
extern const char language_step_is[]; /* what it is, for messages */
/* Whether a buffer of one of its kernels is what the caller gives, or gets. */
bool is_token(const struct buffer *b);
bool is_logits(const struct buffer *b);

/* Width of a row of logits: the last dimension of what `step` returns. */
int64_t logits_width(const struct module *m);
/* Whether they are i32, and the fraction bits of those: 0 where none are given. */
bool logits_are_integers(const struct module *m, int *frac);

/* The tables that the model's curves need, each once, and what each is called: "sigmoid_9_16" has 2^9 pieces
 * and 16 fraction bits. */
struct curve_use {
  const struct attrs *attr;
  const char *name;
};
const char *curve_table_name(struct arena *a, const struct attrs *attr);
int curve_uses(struct arena *a, const struct loops *l, struct curve_use **out);

/* The kernel's name as the IR prints it ("step.k3"); a sum has only the name that lowering gave it. */
const char *kernel_title(const struct kernel *k);

/* What of the form for many tokens goes token by token, outside scans, and why: lines of the spec and states,
 * "net.tern:12 (cells.{}.h)", with commas between. "none" where nothing does. */
const char *serial_text(struct arena *a, const struct loops *l);

/* The name of a source file as it is shown in generated code: relative to the spec's folder, never a path of
 * this machine. "" when unknown. */
const char *source_name(struct arena *a, const struct module *m, uint16_t file);

#endif
