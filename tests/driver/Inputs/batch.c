/* Steps sequences together and by themselves: prints "same" when all logits are the same bits.
 * Usage: program WEIGHTS SEQUENCES THREADS */
#include "mmfree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16, ROUNDS = 6 };

int main(int argc, char **argv) {
  char error[256];
  mmfree_sequence *alone[MOST];
  uint32_t n = argc > 3 ? (uint32_t)atoi(argv[2]) : 0, threads = argc > 3 ? (uint32_t)atoi(argv[3]) : 0;
  mmfree_model_handle *model = n && n <= MOST ? mmfree_open(argv[1], error, sizeof error) : NULL;
  if (!model)
    return 1;
  size_t vocab = mmfree_vocab(model), wrong = 0;
  float *together = malloc(n * vocab * sizeof *together), *one = malloc(vocab * sizeof *one);
  mmfree_batch *batch = mmfree_batch_open(model, n, threads, error, sizeof error);
  if (!together || !one || !batch)
    return 1;
  for (uint32_t i = 0; i < n; i++)
    alone[i] = mmfree_sequence_open(model, 1, error, sizeof error);
  for (uint32_t round = 0; round < ROUNDS; round++) {
    uint32_t which[MOST], tokens[MOST], steps = 0;
    for (uint32_t i = n; i-- > 0;)
      if ((i + round) % 3) {
        which[steps] = i;
        tokens[steps++] = (37 * i + 101 * round) % (uint32_t)vocab;
      }
    if (!mmfree_batch_step(batch, which, tokens, steps, together))
      return 1;
    for (uint32_t i = 0; i < steps; i++) {
      mmfree_step(alone[which[i]], tokens[i], one);
      wrong += memcmp(one, together + i * vocab, vocab * sizeof *one) != 0;
    }
  }
  for (uint32_t i = 0; i < n; i++)
    mmfree_sequence_close(alone[i]);
  mmfree_batch_close(batch);
  mmfree_close(model);
  free(together);
  free(one);
  puts(wrong ? "different" : "same");
  return wrong != 0;
}
