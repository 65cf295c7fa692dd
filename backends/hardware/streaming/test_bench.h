/* test_bench.h: the test bench of a design and the vectors that it compares with.
 *
 * vectors/expected.bin: for each step, for each row of the program, for each sequence, for each memory that
 * the unit writes (print order of bench_writes), all its elements as big-endian int32; logits likewise. Of
 * sums, once for each part. vectors/tokens.txt: the given tokens, one a line, those of all sequences for a
 * step together. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_TEST_BENCH_H
#define TERN_BACKENDS_HARDWARE_STREAMING_TEST_BENCH_H

#include "backends/hardware/streaming/printer.h"
#include "ir/interp/interp.h"

/* A memory that a unit writes, as its bench sees it. */
struct bench_write {
  const struct hw_buffer *buffer;
  const struct buffer *b; /* of the kernel */
  int64_t elements;       /* of one instance */
  int64_t stored;         /* of which the unit stores so many */
};
/* Those of the unit, in order; returns how many. */
int bench_writes(struct arena *a, const struct hw_unit *u, struct bench_write **out);

void print_test_bench(struct hw_printer *p);

/* Runs the model on the vectors' tokens. `expected` may be NULL (only tokens are wanted). generated[step *
 * sequences + sequence]: the best token of each step. False after a diagnostic. */
bool vectors_write(const struct hw_design *h, struct diag *d, struct interp *in, const struct hw_vectors *v,
                   FILE *expected);

#endif
