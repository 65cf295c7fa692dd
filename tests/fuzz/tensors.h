/* tensors.h: what the targets that get to a checkpoint do with it. */
#ifndef TERN_TESTS_FUZZ_TENSORS_H
#define TERN_TESTS_FUZZ_TENSORS_H

#include "frontend/checkpoint/checkpoint.h"

/* Opens a file or folder, reads every small tensor in each way, and prints what there is. */
void fuzz_checkpoint(const char *path);

#endif
