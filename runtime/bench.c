/* bench.c: times rounds of decoding and of reading a prompt.
 *
 * The tokens are pseudo-random ids, so that embeddings are read from all over the table as in real use, and
 * the logits of every decoded token are computed; picking from them is not part of the time. */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "files.h"
#include "interrupt.h"
#include "team.h"

enum { ROUNDS_LEAST = 3, ROUNDS_MOST = 7 };
static const double enough_seconds = 4; /* no further round after that */

struct speed {
  double decode, prefill; /* tokens a second */
};

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, by_value);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static bool not_interrupted(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep) {
  (void)context, (void)rows, (void)first, (void)n, (void)keep;
  return !interrupted();
}

/* One round of either kind; tokens a second, or 0 after an interruption. */
static double time_round(struct session *s, const uint32_t *ids, uint32_t n, bool decode, struct failure *f) {
  session_reset(s);
  double start = seconds_now();
  bool ok = true;
  if (decode)
    for (uint32_t i = 0; ok && i < n; i++)
      ok = session_step(s, ids[i], f) && !interrupted();
  else
    ok = session_run(s, ids, n, false, not_interrupted, NULL, f);
  return ok ? n / (seconds_now() - start) : 0;
}

static double measure(struct session *s, const uint32_t *ids, uint32_t n, bool decode, struct failure *f) {
  double rates[ROUNDS_MOST], start = 0;
  int done = -1; /* the first round warms up */
  while (done < ROUNDS_LEAST || (done < ROUNDS_MOST && seconds_now() - start < enough_seconds)) {
    double rate = time_round(s, ids, n, decode, f);
    if (rate <= 0)
      return 0;
    if (done >= 0)
      rates[done] = rate;
    else
      start = seconds_now();
    done++;
  }
  return median(rates, done);
}

static uint32_t *random_ids(uint32_t n, uint32_t vocab) {
  uint32_t *ids = malloc((size_t)n * sizeof *ids), x = 1;
  for (uint32_t i = 0; ids && i < n; i++) {
    x = x * 1664525u + 1013904223u; /* Numerical Recipes' generator; its high bits are good enough */
    ids[i] = (uint32_t)((uint64_t)x * vocab >> 32);
  }
  return ids;
}

/* The most memory that the process had in use, the mapped weights that it read included. */
static uint64_t peak_bytes(void) {
  char line[128];
  unsigned long long kilobytes = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmHWM: %llu", &kilobytes) == 1)
      break;
  if (status)
    fclose(status);
  struct rusage usage;
  if (kilobytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
    kilobytes = (unsigned long long)usage.ru_maxrss;
  return kilobytes * 1024;
}

static void print_speed(const struct session *s, struct speed v, bool json) {
  unsigned long long weights = s->model->weight_bytes_per_token, peak = peak_bytes();
  uint32_t threads = team_threads(s->team);
  if (json)
    printf(
        "{\"decode_tokens_per_s\": %.3f, \"prefill_tokens_per_s\": %.3f, \"weight_bytes_per_token\": %llu, "
        "\"peak_bytes\": %llu, \"threads\": %u}\n",
        v.decode, v.prefill, weights, peak, threads);
  else
    printf("decode                 %.2f tokens/s\n"
           "prefill                %.2f tokens/s\n"
           "weights read           %llu bytes/token, %.2f GB/s in decode\n"
           "peak memory            %llu bytes\n"
           "threads                %u\n",
           v.decode, v.prefill, weights, (double)weights * v.decode * 1e-9, peak, threads);
}

bool print_bench(struct session *s, uint32_t decode_tokens, uint32_t prompt_tokens, bool json,
                 struct failure *f) {
  uint32_t most = decode_tokens > prompt_tokens ? decode_tokens : prompt_tokens;
  uint32_t *ids = random_ids(most, s->model->vocab);
  if (!ids)
    return fail_memory(f, (uint64_t)most * sizeof *ids, "the tokens of a round");
  struct speed v = {.decode = measure(s, ids, decode_tokens, true, f)};
  if (v.decode > 0)
    v.prefill = measure(s, ids, prompt_tokens, false, f);
  free(ids);
  if (v.prefill <= 0)
    return false;
  print_speed(s, v, json);
  return stdout_finish(f);
}
