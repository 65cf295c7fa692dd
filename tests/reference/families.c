/* families.c: one model in all ways of running it. Steps the ids of a file one at a time and writes their
 * logits; then the same bits have to come from the form for many tokens, split at several places, and from
 * sequences of unequal lengths that step together. Compiled with -DNAME=MODEL and -include MODEL.h. Usage:
 * program WEIGHTS TOKENS OUT [THREADS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOIN2(a, b) a##b
#define JOIN(a, b)  JOIN2(a, b)
#define CALL(what)  JOIN(NAME, what)
typedef CALL(_sequence) sequence;

enum { MOST = 4096, TOGETHER = 5 };
static char error[256];
static CALL(_model_handle) * model;
static uint32_t tokens[MOST];
static size_t n, vocab, threads = 1;
static float *want, *got; /* [n, vocab] */

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, error);
  exit(1);
}

static sequence *begin(void) {
  sequence *s = CALL(_sequence_open)(model, (uint32_t)threads, error, sizeof error);
  return s ? s : (fail("a sequence"), NULL);
}

static void read_tokens(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f)
    fail(path);
  while (n < MOST && fscanf(f, "%u", &tokens[n]) == 1)
    n++;
  fclose(f);
}

static void same(const float *a, const float *b, size_t count, const char *what, size_t at) {
  if (memcmp(a, b, count * sizeof *a) == 0)
    return;
  printf("different: %s, %zu\n", what, at);
  exit(1);
}

/* The first `at` tokens in one call, some one at a time, the others in one call. */
static void split(size_t at, size_t single) {
  sequence *s = begin();
  if (at && !CALL(_score)(s, tokens, at, got))
    fail("score");
  for (size_t i = at; i < at + single; i++)
    CALL(_step)(s, tokens[i], got + i * vocab);
  if (at + single < n && !CALL(_score)(s, tokens + at + single, n - at - single, got + (at + single) * vocab))
    fail("score");
  same(want, got, n * vocab, "split at", at);
  CALL(_sequence_close)(s);
}

/* Sequence k has the tokens from 3 k on, and ends 7 k before the others do. */
static void together(void) {
  CALL(_batch) *batch = CALL(_batch_open)(model, TOGETHER, (uint32_t)threads, error, sizeof error);
  sequence *alone[TOGETHER];
  float *rows = malloc(TOGETHER * vocab * sizeof *rows);
  if (!batch || !rows)
    fail("a batch");
  for (size_t k = 0; k < TOGETHER; k++)
    alone[k] = begin();
  for (size_t i = 0; i + 3 * TOGETHER < n; i++) {
    uint32_t which[TOGETHER], ids[TOGETHER], m = 0;
    for (uint32_t k = TOGETHER; k-- > 0;)
      if (i + 7 * k < n - 3 * TOGETHER)
        which[m] = k, ids[m++] = tokens[i + 3 * k];
    if (!CALL(_batch_step)(batch, which, ids, m, rows))
      fail("batch_step");
    for (uint32_t j = 0; j < m; j++) {
      CALL(_step)(alone[which[j]], ids[j], got);
      same(got, rows + j * vocab, vocab, "together", i);
    }
  }
  for (size_t k = 0; k < TOGETHER; k++)
    CALL(_sequence_close)(alone[k]);
  CALL(_batch_close)(batch);
  free(rows);
}

int main(int argc, char **argv) {
  if (argc < 4 || !(model = CALL(_open)(argv[1], error, sizeof error)))
    fail("open");
  threads = argc > 4 ? (size_t)atoi(argv[4]) : 1;
  read_tokens(argv[2]);
  vocab = CALL(_vocab)(model);
  want = malloc(n * vocab * sizeof *want);
  got = malloc(n * vocab * sizeof *got);
  sequence *s = begin();
  for (size_t i = 0; i < n; i++)
    CALL(_step)(s, tokens[i], want + i * vocab);
  CALL(_sequence_close)(s);
  for (size_t at = 0; at < n; at += 1 + at)
    split(at, at % 4 < n - at ? at % 4 : 0);
  together();
  FILE *out = fopen(argv[3], "wb");
  if (!out || fwrite(want, sizeof *want, n * vocab, out) != n * vocab || fclose(out) != 0)
    fail(argv[3]);
  free(want);
  free(got);
  CALL(_close)(model);
  puts("same");
  return 0;
}
