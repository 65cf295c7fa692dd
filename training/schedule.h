/* schedule.h: the learning rate of each step. */
#ifndef TERN_TRAINING_SCHEDULE_H
#define TERN_TRAINING_SCHEDULE_H

#include <stdint.h>

/* After the warm-up, with p from 0 to 1 over the rest of the training and r the share of the peak rate:
 *   constant   r = 1
 *   linear     r = 1 - p (1 - least)
 *   cosine     r = least + (1 - least) (1 + cos(pi p)) / 2
 *   two-stage  the cosine's, and half of it from the middle of the training on: how the published MatMul-free
 *              models were trained (arXiv 2406.02528) */
enum schedule_kind {
  SCHEDULE_COSINE,
  SCHEDULE_TWO_STAGE,
  SCHEDULE_LINEAR,
  SCHEDULE_CONSTANT,
  SCHEDULE_KINDS
};
extern const char *const schedule_names[SCHEDULE_KINDS];

struct rate_schedule {
  enum schedule_kind kind;
  double peak, least; /* the rate after the warm-up; the share of it that is left at the end */
  uint64_t warmup, steps;
};

/* Of step `step`, from 1; in the warm-up it rises in even steps from peak / warmup to the peak. */
double schedule_rate(const struct rate_schedule *s, uint64_t step);

#endif
