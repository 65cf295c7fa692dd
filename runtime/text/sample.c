/* sample.c: penalty, temperature, filters, draw.
 *
 * top-k and top-p need the most probable candidates in order, but seldom many of them: the candidates become
 * a heap in O(vocab) and are taken off its top one by one until the filters are satisfied. */
#include "runtime/text/sample.h"

#include <math.h>
#include <stdlib.h>

static uint64_t splitmix64(uint64_t *x) {
  uint64_t z = *x += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

static uint64_t xoshiro256ss(uint64_t s[4]) {
  uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double sampler_random(struct sampler *s) {
  return (double)(xoshiro256ss(s->random) >> 11) * 0x1p-53;
}

bool sampler_open(struct sampler *s, const struct sampling *how, uint32_t vocab, struct failure *f) {
  *s = (struct sampler){.how = *how, .vocab = vocab};
  uint64_t seed = how->seed;
  for (int i = 0; i < 4; i++)
    s->random[i] = splitmix64(&seed);
  s->candidates = calloc(vocab, sizeof *s->candidates);
  s->seen = calloc(vocab, sizeof *s->seen);
  if (how->window)
    s->recent = calloc(how->window, sizeof *s->recent);
  if (s->candidates && s->seen && (s->recent || !how->window))
    return true;
  sampler_close(s);
  return fail_with(
      f, "not enough memory to sample from %u tokens with a window of %llu; ask for a shorter window", vocab,
      (unsigned long long)how->window);
}

void sampler_close(struct sampler *s) {
  free(s->candidates);
  free(s->seen);
  free(s->recent);
  *s = (struct sampler){0};
}

void sampler_accept(struct sampler *s, uint32_t id) {
  s->seen[id]++;
  if (s->recent) {
    uint32_t *slot = &s->recent[s->accepted % s->how.window];
    if (s->accepted >= s->how.window)
      s->seen[*slot]--;
    *slot = id;
  }
  s->accepted++;
}

static float penalised(const struct sampler *s, float logit, uint32_t id) {
  if (s->seen[id] == 0)
    return logit;
  return (float)(logit > 0 ? logit / s->how.repetition_penalty : logit * s->how.repetition_penalty);
}

/* Fills the candidates in order of ids; *best is the first of the largest. */
static bool gather(struct sampler *s, const float *logits, uint32_t *best, struct failure *f) {
  *best = 0;
  for (uint32_t id = 0; id < s->vocab; id++) {
    float logit = penalised(s, logits[id], id);
    if (isnan(logit))
      return fail_with(
          f,
          "the logit of token %u is not a number; the weights are damaged or overflow: check them "
          "with --perplexity on a known text",
          id);
    s->candidates[id] = (struct candidate){.logit = logit, .id = id};
    if (logit > s->candidates[*best].logit)
      *best = id;
  }
  return isfinite(s->candidates[*best].logit) ||
         fail_with(f, "the largest logit is infinite; the weights are damaged or overflow: check them with "
                      "--perplexity on a known text");
}

/* Sets the weights and returns their sum. */
static double soften(struct sampler *s, float largest) {
  double sum = 0;
  for (uint32_t i = 0; i < s->vocab; i++) {
    struct candidate *c = &s->candidates[i];
    c->weight = exp(((double)c->logit - largest) / s->how.temperature);
    sum += c->weight;
  }
  return sum;
}

static bool before(const struct candidate *a, const struct candidate *b) {
  return a->logit > b->logit || (a->logit == b->logit && a->id < b->id);
}

static void swap(struct candidate *a, struct candidate *b) {
  struct candidate t = *a;
  *a = *b;
  *b = t;
}

/* Restores the heap of n candidates whose element at `i` may belong further down. */
static void sink(struct candidate *heap, uint32_t n, uint32_t i) {
  for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && before(&heap[child + 1], &heap[child]))
      child++;
    if (!before(&heap[child], &heap[i]))
      return;
    swap(&heap[child], &heap[i]);
  }
}

static void make_heap(struct candidate *c, uint32_t n) {
  for (uint32_t i = n / 2; i-- > 0;)
    sink(c, n, i);
}

/* Moves the `k` first candidates, in order, to the end of the array: the first is at n - 1, and so on down.
 * The rest stays a heap. */
static void take(struct candidate *c, uint32_t n, uint32_t from, uint32_t k) {
  for (uint32_t taken = from; taken < k; taken++) {
    swap(&c[0], &c[n - 1 - taken]);
    sink(c, n - 1 - taken, 0);
  }
}

/* The candidates that top-k, top-p and min-p leave are the last `returned` ones of the array, most probable
 * last; *sum is that of their weights. */
static uint32_t filter(struct sampler *s, double *sum) {
  struct candidate *c = s->candidates;
  uint32_t n = s->vocab, taken = 0, kept = 0;
  uint32_t most = s->how.top_k && s->how.top_k < n ? (uint32_t)s->how.top_k : n;
  make_heap(c, n);
  if (most < n) {
    take(c, n, 0, taken = most);
    *sum = 0;
    for (uint32_t i = 0; i < most; i++)
      *sum += c[n - 1 - i].weight;
  }
  double enough = s->how.top_p < 1 ? s->how.top_p * *sum : INFINITY;
  for (*sum = 0; kept < most && *sum < enough; kept++) {
    if (kept == taken) {
      take(c, n, taken, taken + 1);
      taken++;
    }
    double weight = c[n - 1 - kept].weight;
    if (kept > 0 && weight < s->how.min_p) /* the largest weight is 1 */
      break;
    *sum += weight;
  }
  return kept;
}

/* Draws among n candidates in proportion to their weights, which add up to `sum`. */
static uint32_t draw(struct sampler *s, const struct candidate *c, uint32_t n, double sum) {
  double left = sampler_random(s) * sum;
  uint32_t pick = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (c[i].weight <= 0)
      continue;
    pick = i; /* should rounding leave something over, the last one it is */
    if (left < c[i].weight)
      break;
    left -= c[i].weight;
  }
  return c[pick].id;
}

bool sampler_pick(struct sampler *s, const float *logits, uint32_t *id, struct failure *f) {
  uint32_t best, n = s->vocab;
  if (!gather(s, logits, &best, f))
    return false;
  *id = best;
  if (s->how.temperature <= 0)
    return true;
  double sum = soften(s, s->candidates[best].logit);
  if (s->how.top_k || s->how.top_p < 1 || s->how.min_p > 0)
    n = filter(s, &sum);
  *id = draw(s, s->candidates + (s->vocab - n), n, sum);
  return true;
}
