/* source.h: where the numbers of a model's weights come from. The checkpoint reader implements it; the
 * interpreter, the folder of constant expressions and the image packer read through it and know nothing of
 * files. */
#ifndef TERN_IR_SOURCE_H
#define TERN_IR_SOURCE_H

#include "ir/ir.h"

struct weight_source {
  void *self;
  /* The tensor named `name` (indices filled in) as floats, row-major: `count` values from element `first`.
   * False after a diagnostic. */
  bool (*floats)(void *self, const char *name, int64_t first, int64_t count, float *out);
  /* Codes of w's type, [rows, cols], and the scales s of w, by w's rule, W = codes / s: 1, rows, or
   * rows * ceil(cols / group) of them. */
  bool (*codes)(void *self, const char *name, const struct weight *w, int8_t *codes, float *scales);
};

#endif
