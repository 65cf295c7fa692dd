/* weight_stream.h: the weight image of a streaming machine, weights.bin: all words of a step, little-endian.
 *
 * First the tables: for each row of the program up to the last that reads rows chosen by the token, and for
 * each token, the words that the row takes. Then the words of all other rows in the order of the program, a
 * kernel's once for each sequence. A sum's words: for each chunk of columns, for each row of the matrix,
 * `lanes` weights (weight_words.h). A kernel's: for each iteration of each phase its record, padded to whole
 * words.
 */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_WEIGHT_STREAM_H
#define TERN_BACKENDS_HARDWARE_STREAMING_WEIGHT_STREAM_H

#include "backends/hardware/streaming/design.h"
#include "ir/interp/interp.h"
#include "ir/source.h"

/* `in` evaluates folded weights. Write errors are left on the stream. False after a diagnostic. */
bool stream_write(const struct hw_design *h, struct diag *d, const struct weight_source *source,
                  struct interp *in, FILE *out);

#endif
