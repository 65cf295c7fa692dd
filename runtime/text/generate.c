/* generate.c: the prompt's ids through prefill, then a loop of pick, write, step. */
#include "runtime/text/generate.h"

#include "runtime/core/state.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/interrupt.h"
#include "runtime/text/utf8.h"

enum { LONGEST_TAIL = 3 }; /* byte tokens that finish a character after an interruption */

static bool contains(const uint32_t *ids, size_t n, uint32_t id) {
  for (size_t i = 0; i < n; i++)
    if (ids[i] == id)
      return true;
  return false;
}

static size_t put(uint32_t *to, const uint32_t *ids, size_t n) {
  if (n)
    memcpy(to, ids, n * sizeof *ids);
  return n;
}

bool tokens_of_text(const struct tokenizer *t, const struct text_rules *rules, const char *text, size_t bytes,
                    uint32_t **ids, size_t *n, struct failure *f) {
  uint32_t *body = NULL, bos = (uint32_t)tokenizer_bos(t);
  size_t before, behind, count = tokenizer_encode(t, text, bytes, rules->special, &body);
  const uint32_t *prefix = tokenizer_prefix(t, &before), *suffix = tokenizer_suffix(t, &behind);
  before = rules->bos == BOS_NEVER ? 0 : before;
  behind = rules->whole ? behind : 0;
  bool more = rules->bos == BOS_ALWAYS ? !contains(prefix, before, bos)
                                       : rules->bos == BOS_AS_TRAINED && bytes == 0 && before == 0;
  *n = 0;
  *ids = body ? malloc((1 + before + count + behind) * sizeof **ids) : NULL;
  if (*ids) {
    *n = more && tokenizer_bos(t) >= 0 ? put(*ids, &bos, 1) : 0;
    *n += put(*ids + *n, prefix, before);
    *n += put(*ids + *n, body, count);
    *n += put(*ids + *n, suffix, behind);
  }
  free(body);
  return *ids || fail_memory(f, (count + bytes) * sizeof **ids, "the tokens of the text");
}

static bool go_on(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep) {
  (void)context, (void)rows, (void)first, (void)n, (void)keep;
  return !interrupted();
}

static bool read_prompt(struct generation *g, struct session *s, const struct tokenizer *t,
                        struct sampler *sampler, struct utf8_stream *out, struct failure *f) {
  uint32_t *ids = NULL;
  size_t n = 0;
  if (!tokens_of_text(t, &g->rules, g->prompt, g->prompt_bytes, &ids, &n, f))
    return false;
  bool ok =
      n > 0 || fail_with(f, "nothing to start from: %s; give a --prompt",
                         g->rules.bos == BOS_NEVER ? "--no-bos leaves BOS out" : "this tokenizer has no BOS");
  ok = ok && context_fits(s->model, s->context, s->position, n, f);
  if (ok && g->echo && !utf8_write(out, g->prompt, g->prompt_bytes))
    ok = fail_write(f, "-");
  double start = seconds_now();
  bool whole = ok && session_run(s, ids, n, false, go_on, NULL, f);
  ok = ok && (whole || interrupted());
  g->prompt_tokens = s->position; /* fewer than n after an interruption */
  g->prompt_rate = (double)s->position / (seconds_now() - start);
  for (size_t i = 0; whole && i < n; i++)
    sampler_accept(sampler, ids[i]);
  free(ids);
  return ok;
}

static bool write_token(struct utf8_stream *out, const struct tokenizer *t, uint32_t id, bool first) {
  size_t bytes = 0;
  const char *piece = id < tokenizer_size(t) ? tokenizer_piece(t, id, first, &bytes) : NULL;
  return utf8_write(out, piece ? piece : "", piece ? bytes : 0);
}

/* Where the context ends, so does the text: the last token of it need not run. */
static void limit_length(struct generation *g, const struct session *s) {
  uint64_t room = s->context - s->position + 1;
  g->full = s->context && g->length > room;
  if (g->full)
    g->length = room;
}

/* After a signal only to the end of the character that has begun. */
static bool wants_more(const struct generation *g, const struct utf8_stream *out, uint32_t *tail) {
  if (g->written >= g->length)
    return false;
  return !interrupted() || (out->held > 0 && (*tail)++ < LONGEST_TAIL);
}

/* The model has run up to the token before the one to write; steps run only where another token follows. */
static bool decode(struct generation *g, struct session *s, const struct tokenizer *t,
                   struct sampler *sampler, struct utf8_stream *out, struct failure *f) {
  bool empty = g->prompt_bytes == 0; /* the first token begins the text */
  limit_length(g, s);
  for (uint32_t tail = 0, id; wants_more(g, out, &tail);) {
    if (g->written > 0 && !session_step(s, id, f))
      return false;
    if (!sampler_pick(sampler, s->logits, &id, f))
      return false;
    if (g->stop_at_eos && tokenizer_is_end(t, id))
      break;
    if (!write_token(out, t, id, empty && g->written == 0))
      return fail_write(f, "-");
    if (g->written++ == 0)
      g->first_token = seconds_now();
    sampler_accept(sampler, id);
  }
  return true;
}

bool generate(struct generation *g, struct session *s, const struct tokenizer *t, struct sampler *sampler,
              struct failure *f) {
  struct utf8_stream out = {.to = g->to};
  double start = seconds_now();
  if (!read_prompt(g, s, t, sampler, &out, f) || !decode(g, s, t, sampler, &out, f)) {
    utf8_flush(&out);
    return false;
  }
  double end = seconds_now();
  if (g->written > 1) /* the first token comes out of the prompt's logits */
    g->decode_rate = (double)(g->written - 1) / (end - g->first_token);
  if (g->written > 0)
    g->first_token -= start;
  return utf8_flush(&out) || fail_write(f, "-");
}
