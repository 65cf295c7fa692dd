/* Continues a text with a model that is linked in as a library, always with its most probable token.
 *
 *     ternc build mmfree.tern --weights DIR --emit lib -o mmfree    writes mmfree/: header, library, weights
 *     cc main.c -Immfree -Lmmfree -lmmfree -lm -lpthread -o continue
 *         or: PKG_CONFIG_PATH=mmfree, and cc main.c $(pkg-config --cflags --libs mmfree) -o continue
 *     ./continue mmfree/mmfree.weights "Once upon a time"
 *
 * The calls begin with the model's name in the spec, here mmfree; the header says what each one does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmfree.h"

int main(int argc, char **argv) {
  char error[256] = "usage: continue WEIGHTS TEXT", text[256];
  mmfree_model_handle *model = argc == 3 ? mmfree_open(argv[1], error, sizeof error) : NULL;
  mmfree_sequence *s = model ? mmfree_sequence_open(model, 0, error, sizeof error) : NULL;
  if (!s)
    return fprintf(stderr, "%s\n", error), mmfree_close(model), 1;
  uint32_t ids[1024] = {(uint32_t)mmfree_bos(model)}, vocab = mmfree_vocab(model), best = 0;
  size_t n = mmfree_encode(model, argv[2], strlen(argv[2]), ids + 1, 1023);
  float *logits = malloc(vocab * sizeof *logits);
  int ok = logits && mmfree_prefill(s, ids, 1 + (n < 1023 ? n : 1023), logits);
  for (int written = 0; ok && written < 100 && (int32_t)best != mmfree_eos(model); written++) {
    for (uint32_t i = best = 0; i < vocab; i++)
      best = logits[i] > logits[best] ? i : best;
    size_t bytes = mmfree_decode(model, &best, 1, 0, text, sizeof text);
    fwrite(text, 1, bytes < sizeof text ? bytes : sizeof text, stdout);
    ok = mmfree_step(s, best, logits);
  }
  printf("\n%s", mmfree_error(s));
  mmfree_sequence_close(s);
  mmfree_close(model);
  free(logits);
  return !ok;
}
