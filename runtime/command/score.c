/* score.c: runs given tokens in chunks and looks at the logits of every position. */
#include "runtime/command/score.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/entries.h"
#include "runtime/core/files.h"
#include "runtime/core/interrupt.h"
#include "runtime/text/generate.h"
#include "runtime/text/json.h"

double log_probability(const float *logits, uint32_t vocab, uint32_t id) {
  double largest = logits[0], sum = 0;
  for (uint32_t i = 1; i < vocab; i++)
    largest = logits[i] > largest ? logits[i] : largest;
  for (uint32_t i = 0; i < vocab; i++)
    sum += exp(logits[i] - largest);
  return logits[id] - largest - log(sum);
}

struct likelihood {
  const uint32_t *tokens;
  size_t n;
  uint32_t vocab;
  size_t bytes; /* of the text */
  double sum;   /* of the log probabilities so far */
};

/* Row i predicts token first + i + 1. */
static bool add_likelihood(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep) {
  struct likelihood *l = context;
  (void)n;
  for (size_t i = 0; i < keep && first + i + 1 < l->n; i++)
    l->sum += log_probability(rows + i * l->vocab, l->vocab, l->tokens[first + i + 1]);
  return !interrupted();
}

static bool report(const struct likelihood *l, double mean, bool json, struct failure *f) {
  if (json) {
    printf("{\"perplexity\": ");
    print_json_real(stdout, exp(-mean));
    printf(", \"tokens\": %zu, \"bytes\": %zu, \"bits_per_byte\": ", l->n - 1, l->bytes);
    print_json_real(stdout, -l->sum / M_LN2 / (double)l->bytes);
    printf("}\n");
  } else {
    printf("perplexity %.6f over %zu tokens\n", exp(-mean), l->n - 1);
  }
  return stdout_finish(f);
}

/* The last token is predicted, not run. What is longer than the context goes through it in parts, each of
 * which begins anew with the last token that the one before predicted. */
static bool run_text(struct session *s, const struct likelihood *whole, double *sum, struct failure *f) {
  size_t n = whole->n - 1, most = s->context && s->context < n ? s->context : n;
  for (size_t first = 0; first < n; first += most) {
    struct likelihood part = *whole;
    part.tokens += first;
    part.n = n - first < most ? n - first + 1 : most + 1;
    part.sum = 0;
    session_reset(s);
    if (!session_run(s, part.tokens, part.n - 1, true, add_likelihood, &part, f))
      return false;
    *sum += part.sum;
  }
  return true;
}

static bool perplexity(struct session *s, struct likelihood *l, const char *path, bool json,
                       struct failure *f) {
  if (l->n < 2)
    return fail_with(f, "%s: too short: there is no token to predict", path);
  if (!run_text(s, l, &l->sum, f))
    return false;
  double mean = l->sum / (double)(l->n - 1);
  if (isnan(mean))
    return fail_with(
        f,
        "%s: a logit is not a number; the weights are damaged or overflow: --tokens with --logits "
        "shows where",
        path);
  return report(l, mean, json, f);
}

bool print_perplexity(struct session *s, const struct tokenizer *t, const struct text_rules *rules,
                      const char *path, bool json, struct failure *f) {
  char *text;
  uint32_t *ids = NULL;
  struct likelihood l = {.vocab = s->vocab};
  if (!read_whole(path, &text, &l.bytes, f))
    return false;
  bool ok = tokens_of_text(t, rules, text, l.bytes, &ids, &l.n, f);
  free(text);
  l.tokens = ids;
  ok = ok && perplexity(s, &l, path, json, f);
  free(ids);
  return ok;
}

struct rows_out {
  struct written *to;
  uint32_t vocab;
  struct failure *f;
};

static bool write_rows(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep) {
  struct rows_out *out = context;
  size_t count = (size_t)keep * out->vocab;
  (void)first, (void)n;
  if (fwrite(rows, sizeof *rows, count, out->to->file) != count)
    return fail_write(out->f, out->to->path);
  return !interrupted();
}

bool write_logits(struct session *s, const char *tokens_path, const char *out_path, bool raw,
                  struct failure *f) {
  uint32_t *ids;
  size_t n;
  struct written w;
  if (raw && !model_integers(s->model))
    return fail_with(f,
                     "--logits-raw: the logits of model %s are float32; use --logits, or compile the model "
                     "in fixed point (--fixed)",
                     s->model->name);
  s->raw = raw;
  if (!read_ids(tokens_path, s->vocab, &ids, &n, f))
    return false;
  bool ok = written_open(&w, out_path, false, f);
  if (ok) {
    struct rows_out out = {.to = &w, .vocab = s->vocab, .f = f};
    ok = written_close(&w, session_run(s, ids, n, true, write_rows, &out, f), f);
  }
  free(ids);
  return ok;
}

static bool print_line(const struct tokenizer *t, enum tokenizer_special special, const char *line,
                       size_t bytes, struct failure *f) {
  uint32_t *ids = NULL;
  size_t n = tokenizer_encode(t, line, bytes, special, &ids);
  if (!ids)
    return fail_memory(f, bytes * sizeof *ids, "the tokens of a line");
  for (size_t i = 0; i < n; i++)
    printf(i ? " %u" : "%u", ids[i]);
  free(ids);
  return putchar('\n') != EOF && !interrupted();
}

bool print_tokens(const struct tokenizer *t, enum tokenizer_special special, const char *path,
                  struct failure *f) {
  char *text;
  size_t bytes;
  if (!read_whole(path, &text, &bytes, f))
    return false;
  bool ok = true;
  errno = 0;
  for (const char *line = text, *end = text + bytes, *stop; ok && line < end; line = stop + 1) {
    stop = memchr(line, '\n', (size_t)(end - line));
    stop = stop ? stop : end;
    ok = print_line(t, special, line, (size_t)(stop - line), f);
  }
  free(text);
  if (!ok && ferror(stdout))
    return fail_write(f, "-");
  return stdout_finish(f) && ok;
}
