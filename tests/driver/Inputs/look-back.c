/* look-back.c: sequences that grow. Steps three sequences of different lengths together and one by one, saves
 * one in the middle and goes on with it elsewhere, and fills a context. Prints "same" when all logits are the
 * same bits. Usage: program WEIGHTS */
#include "look_back.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCES = 3, LENGTH = 20, VOCAB = 64 };

static uint32_t token_of(uint32_t sequence, uint32_t i) {
  return (37 * sequence + 11 * i + i / 3) % VOCAB;
}

/* Logits after each of the first LENGTH - 3 * sequence tokens of a sequence by itself. */
static int alone(look_back_model_handle *m, uint32_t sequence, float *logits) {
  char error[256];
  look_back_sequence *s = look_back_sequence_open(m, 2, error, sizeof error), *later;
  void *saved = NULL;
  int ok = s != NULL;
  for (uint32_t i = 0; ok && i < LENGTH - 3 * sequence; i++) {
    ok = look_back_step(s, token_of(sequence, i), logits + i * VOCAB);
    if (i != 7)
      continue;
    size_t bytes = look_back_saved_bytes(s);
    saved = malloc(bytes);
    look_back_save(s, saved);
    later = look_back_sequence_open(m, 1, error, sizeof error);
    ok = ok && later && look_back_restore(later, saved, bytes) && !look_back_restore(later, saved, bytes - 1);
    ok = ok && look_back_restore(later, saved, bytes);
    look_back_sequence_close(s);
    s = later;
  }
  free(saved);
  look_back_sequence_close(s);
  return ok;
}

static int together(look_back_model_handle *m, float logits[SEQUENCES][LENGTH * VOCAB]) {
  char error[256];
  look_back_batch *b = look_back_batch_open(m, SEQUENCES, 2, error, sizeof error);
  float rows[SEQUENCES * VOCAB];
  int ok = b != NULL;
  for (uint32_t i = 0; ok && i < LENGTH; i++) {
    uint32_t which[SEQUENCES], tokens[SEQUENCES], n = 0;
    for (uint32_t k = SEQUENCES; k-- > 0;)
      if (i < LENGTH - 3 * k) {
        which[n] = k;
        tokens[n++] = token_of(k, i);
      }
    ok = look_back_batch_step(b, which, tokens, n, rows);
    for (uint32_t k = 0; k < n; k++)
      memcpy(logits[which[k]] + i * VOCAB, rows + k * VOCAB, VOCAB * sizeof *rows);
  }
  look_back_batch_close(b);
  return ok;
}

/* No token more than the context has room for runs, and none of those before it is lost. */
static int fills(look_back_model_handle *m, uint64_t context) {
  char error[256];
  look_back_sequence *s = look_back_sequence_open(m, 1, error, sizeof error);
  uint32_t tokens[64] = {0};
  int ok = s && look_back_sequence_context(s, context) && !look_back_sequence_context(s, 41);
  ok = ok && look_back_sequence_context(s, context) && !look_back_prefill(s, tokens, context + 1, NULL);
  ok = ok && look_back_position(s) == 0 && look_back_prefill(s, tokens, context, NULL);
  ok = ok && !look_back_step(s, 0, NULL);
  if (ok)
    printf("%s\n", look_back_error(s));
  look_back_sequence_close(s);
  return ok;
}

int main(int argc, char **argv) {
  static float one[SEQUENCES][LENGTH * VOCAB], all[SEQUENCES][LENGTH * VOCAB];
  char error[256];
  look_back_model_handle *m = argc > 1 ? look_back_open(argv[1], error, sizeof error) : NULL;
  int ok = m != NULL;
  for (uint32_t k = 0; ok && k < SEQUENCES; k++)
    ok = alone(m, k, one[k]);
  ok = ok && together(m, all) && fills(m, 12);
  printf("%s\n", ok && memcmp(one, all, sizeof one) == 0 ? "same" : "different");
  look_back_close(m);
  return !ok;
}
