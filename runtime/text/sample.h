/* sample.h: picks the next token from a row of logits.
 *
 * In this order, which is that of Hugging Face's generation (a filter sees what the ones before it left):
 *
 *   repetition penalty  the logit of each id among the last `window` tokens (0: all) is divided by the
 *                       penalty where positive, multiplied where negative (CTRL, Keskar et al. 2019,
 *                       arXiv 1909.05858)
 *   temperature T       p = softmax(logits / T); 0: the first of the largest logits, and nothing below
 *                       applies
 *   top-k               the k most probable; of equals, the lower id
 *   top-p               the fewest most probable whose sum reaches p of what top-k left (Holtzman et al.
 *                       2019)
 *   min-p               those at least min_p times as probable as the most probable one
 *
 * What is left is drawn from in proportion. The random numbers are xoshiro256** (Blackman & Vigna 2018)
 * seeded by splitmix64: the same seed gives the same numbers on every machine. */
#ifndef TERN_RUNTIME_SAMPLE_H
#define TERN_RUNTIME_SAMPLE_H

#include "runtime/core/base.h"

struct sampling {
  double temperature;        /* >= 0 */
  uint64_t top_k;            /* 0: off */
  double top_p;              /* (0, 1]; 1: off */
  double min_p;              /* [0, 1]; 0: off */
  double repetition_penalty; /* > 0; 1: off */
  uint64_t window;           /* tokens that the penalty looks back; 0: all of them */
  uint64_t seed;
};

struct candidate {
  float logit;
  uint32_t id;
  double weight; /* exp((logit - largest) / T), in proportion to the probability */
};

struct sampler {
  struct sampling how;
  uint32_t vocab;
  uint64_t random[4];
  struct candidate *candidates; /* [vocab] */
  uint32_t *seen;               /* [vocab] times that the id is in the window */
  uint32_t *recent;             /* [window] ring; NULL when the window is everything */
  uint64_t accepted;
};

bool sampler_open(struct sampler *s, const struct sampling *how, uint32_t vocab, struct failure *f);
void sampler_close(struct sampler *s);

/* Tells the sampler a token of the text (prompt or continuation), for the repetition penalty. id < vocab. */
void sampler_accept(struct sampler *s, uint32_t id);

/* Picks from logits[vocab]; fails when one is NaN or none is finite. Does not accept the pick. */
bool sampler_pick(struct sampler *s, const float *logits, uint32_t *id, struct failure *f);

/* The next random number, in [0, 1) with 53 bits. */
double sampler_random(struct sampler *s);

#endif
