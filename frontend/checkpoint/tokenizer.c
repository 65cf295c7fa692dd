/* tokenizer.c: finds a directory's tokenizer and makes the runtime's block of it. tokenizer.model goes before
 * tokenizer.json: it is what the model was trained with, the other a translation of it. */
#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/tokenizer_block.h"

#include <sys/stat.h>

typedef bool reader(struct diag *d, struct arena *a, const char *path, struct vocabulary *v);

static const struct {
  const char *name;
  reader *read;
} kinds[] = {
    {"tokenizer.model", tokenizer_read_model},
    {"tokenizer.json", tokenizer_read_json},
};

bool checkpoint_tokenizer(struct diag *d, struct arena *a, const char *dir, uint8_t **block, size_t *bytes) {
  *block = NULL;
  *bytes = 0;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    struct stat st;
    const char *path = arena_printf(a, "%s/%s", dir, kinds[i].name);
    if (stat(path, &st) != 0)
      continue;
    struct vocabulary v = {.file = path, .unk = -1, .bos = -1, .eos = -1};
    return kinds[i].read(d, a, path, &v) && tokenizer_block_write(d, a, &v, block, bytes);
  }
  return true;
}
