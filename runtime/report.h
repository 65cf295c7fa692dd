/* report.h: the modes that describe: how fast the program is, and what is in it. */
#ifndef TERN_RUNTIME_REPORT_H
#define TERN_RUNTIME_REPORT_H

#include "base.h"
#include "session.h"

/* Decode and prefill tokens a second, the median of several rounds after one that warms up. Prints a table,
 * or JSON with the keys decode_tokens_per_s, prefill_tokens_per_s, weight_bytes_per_token, peak_bytes,
 * threads.
 */
bool print_bench(struct session *s, uint32_t decode_tokens, uint32_t prompt_tokens, bool json,
                 struct failure *f);

/* `im` is NULL when there are no weights at hand. */
bool print_info(const struct tern_model *m, const struct image *im, bool json, struct failure *f);

#endif
