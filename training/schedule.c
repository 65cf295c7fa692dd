/* schedule.c: warm-up and decay. */
#include "training/schedule.h"

#include <math.h>

const char *const schedule_names[SCHEDULE_KINDS] = {"cosine", "two-stage", "linear", "constant"};

static double share(const struct rate_schedule *s, double p, double of_all) {
  static const double pi = 3.14159265358979323846;
  double cosine = s->least + (1 - s->least) * (1 + cos(pi * p)) / 2;
  switch (s->kind) {
  case SCHEDULE_COSINE: return cosine;
  case SCHEDULE_TWO_STAGE: return of_all < 0.5 ? cosine : cosine / 2;
  case SCHEDULE_LINEAR: return 1 - p * (1 - s->least);
  default: return 1;
  }
}

double schedule_rate(const struct rate_schedule *s, uint64_t step) {
  if (step <= s->warmup)
    return s->peak * (double)step / (double)s->warmup;
  double rest = (double)(s->steps > s->warmup ? s->steps - s->warmup : 1);
  double p = fmin(1, (double)(step - s->warmup) / rest);
  return s->peak * share(s, p, (double)step / (double)s->steps);
}
