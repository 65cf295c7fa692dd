/* published.c: the rows of published.def. */
#include "backends/hardware/report/published.h"

const struct published published[] = {
#define PUBLISHED(system, device, model, millions, tokens, watts, how, source)                               \
  {system, device, model, (millions) * 1e6, tokens, watts, how, source},
#include "backends/hardware/report/published.def"
#undef PUBLISHED
};

const int n_published = sizeof published / sizeof *published;
