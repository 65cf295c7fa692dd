/* report.h: the modes that describe: how fast the program is, and what is in it. */
#ifndef TERN_RUNTIME_REPORT_H
#define TERN_RUNTIME_REPORT_H

#include "runtime/core/base.h"
#include "runtime/core/session.h"

#include <stdio.h>

/* What --bench measures: `batch` sequences, 0: as many as the model takes at once. */
struct rounds {
  uint32_t decode_tokens, prompt_tokens, batch;
  uint32_t past; /* tokens of the text before those that are decoded */
};

/* Decode, prefill and batch tokens a second, the median of several rounds after one that warms up. Prints a
 * table, or JSON with the keys decode_tokens_per_s, prefill_tokens_per_s, batch_tokens_per_s (of all
 * sequences together; 0 for a model without the form, unless `batch` is given), batch, barriers_per_token,
 * weight_bytes_per_token, peak_bytes, past_bytes_per_token (rows of histories and windows), threads, and
 * profile when the session has one (profile.h). `im`: as the session was opened with. */
bool print_bench(struct session *s, const struct image *im, const struct rounds *r, bool json,
                 struct failure *f);

/* `level` is that of the model's levels (cpu.h) which runs, NULL when none does; `im` is NULL when there are
 * no weights at hand. JSON has the checksum of every part of the image too. */
bool print_info(const struct tern_model *least, const struct tern_model *level, const struct image *im,
                bool json, struct failure *f);

/* What --verify says when nothing differs. */
bool print_verified(const struct image *im, struct failure *f);

#endif
