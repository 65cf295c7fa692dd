/* safetensors.h: the container: 8 bytes of header length, a JSON header, the tensors' bytes end to end. */
#ifndef TERN_FRONTEND_CHECKPOINT_SAFETENSORS_H
#define TERN_FRONTEND_CHECKPOINT_SAFETENSORS_H

#include "frontend/checkpoint/private.h"

/* Opens a file, checks its header whole and appends a shard and its tensors to c. What is wrong with the
 * file, in the arena, and then no tensors; NULL: nothing. What is wrong with a tensor is its `fault`. */
const char *safetensors_open(struct checkpoint *c, const char *path);

/* A file to write: entries in the order of their bytes, which is that of the array. */
struct safetensors_entry {
  const char *name, *dtype;
  int rank;
  int64_t shape[MAX_RANK];
  int64_t bytes;
};
/* Writes all that goes before the data, padded so that the data is aligned to 8. A full disk shows in
 * ferror(f). */
void safetensors_write_header(FILE *f, json_t *metadata, const struct safetensors_entry *e, int n);

#endif
