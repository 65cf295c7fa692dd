/* fixed.c: what the pass `fixed-point` needs to know of a checkpoint: the ranges of its weights, and, where a
 * text is given, the largest magnitudes that values reach on it. */
#include "driver/tokens.h"

#include "ir/interp.h"
#include "support/file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- weights ----------------------------------------------------------------------------------------------
 */

static void include(struct weight *w, double v) {
  w->lo = w->known ? fmin(w->lo, v) : v;
  w->hi = w->known ? fmax(w->hi, v) : v;
  w->known = true;
}

/* A ternary weight's scales. */
static bool know_scales(struct job *j, struct weight *w) {
  int64_t rows = w->type.dim[0], cols = w->type.dim[1], n = 1;
  if (w->scale != WSCALE_TENSOR)
    n = rows * (w->scale == WSCALE_GROUP ? (cols + w->group - 1) / w->group : 1);
  int8_t *codes = xmalloc((size_t)(rows * cols));
  float *scales = xmalloc(sizeof *scales * (size_t)n);
  bool ok = true;
  for (int64_t i = 0; ok && i < weight_instances(w); i++) {
    const char *name = weight_tensor(&j->arena, w, i);
    ok = j->source.ternary(j->source.self, name, w, codes, scales);
    for (int64_t k = 0; ok && k < n; k++)
      include(w, (double)scales[k]);
  }
  free(codes);
  free(scales);
  return ok;
}

static bool know_floats(struct job *j, struct weight *w) {
  enum { PIECE = 1 << 16 };
  int64_t all = type_count(w->type, 1, 1);
  float *piece = xmalloc(sizeof *piece * PIECE);
  bool ok = true;
  for (int64_t i = 0; ok && i < weight_instances(w); i++) {
    const char *name = weight_tensor(&j->arena, w, i);
    for (int64_t at = 0; ok && at < all; at += PIECE) {
      int64_t n = all - at < PIECE ? all - at : PIECE;
      ok = j->source.floats(j->source.self, name, at, n, piece);
      for (int64_t k = 0; ok && k < n; k++)
        include(w, (double)piece[k]);
    }
  }
  free(piece);
  return ok;
}

static bool know_folded(struct interp *in, struct weight *w) {
  for (int64_t i = 0; i < weight_instances(w); i++) {
    const struct tensor *t = interp_weight(in, w, i);
    if (!t)
      return false;
    for (int64_t k = 0; k < type_count(t->type, 1, 1); k++)
      include(w, interp_float(in, t, k));
  }
  return true;
}

static bool know_weights(struct job *j, struct interp *in) {
  for (struct weight *w = j->module->weights; w; w = w->next) {
    bool ok = w->origin == WEIGHT_MERGED     ? true
              : w->type.elem == ELEM_TERNARY ? know_scales(j, w)
              : w->origin == WEIGHT_FOLDED   ? know_folded(in, w)
                                             : know_floats(j, w);
    if (!ok)
      return false;
  }
  return true;
}

/* ---- calibration ------------------------------------------------------------------------------------------
 */

static bool note_results(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  (void)self, (void)indices;
  for (int i = 0; i < op->n_out; i++) {
    struct value *v = op->out[i];
    if (v->type.elem != ELEM_F32)
      continue;
    const struct tensor *t = interp_value(in, v);
    for (int64_t k = 0; k < type_count(t->type, 1, 1); k++)
      v->most = fmax(v->most, fabs(interp_float(in, t, k)));
  }
  return true;
}

static bool nothing(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  (void)self, (void)in, (void)op, (void)indices;
  return true;
}

/* The ids of the text; NULL after a diagnostic. */
static uint32_t *calibration_text(struct job *j, const char *path, size_t *n) {
  size_t length;
  char *text = file_read(&j->diag, &j->arena, path, 1 << 26, &length);
  if (!text)
    return NULL;
  struct tokenizer *t = job_tokenizer(
      j,
      arena_printf(&j->arena,
                   "--calibrate: the checkpoint has no tokenizer to read '%s' with; give ids instead, with "
                   "--calibrate-tokens FILE",
                   path));
  uint32_t *ids = t ? text_ids(j, t, text, length, n) : NULL;
  if (t)
    tokenizer_close(t);
  return ids;
}

static uint32_t *calibration_ids(struct job *j, size_t *n) {
  const char *text = j->options.calibrate, *path = text ? text : j->options.calibrate_tokens;
  const struct func *step = func_find(j->module, "step");
  const struct value *logits = step->body->last->in[0];
  uint32_t vocab = (uint32_t)type_count(logits->type, 1, 1);
  uint32_t *ids = text ? calibration_text(j, path, n) : file_ids(j, path, vocab, n);
  if (!ids || *n)
    return ids;
  diag_error(&j->diag, "--calibrate%s: no tokens in '%s'", text ? "" : "-tokens", path);
  return NULL;
}

static bool calibrate(struct job *j, struct interp *in) {
  size_t n = 0;
  uint32_t *ids = calibration_ids(j, &n);
  const struct interp_hook hook = {NULL, nothing, note_results};
  const struct tensor *out;
  bool ok = ids != NULL;
  interp_set_hook(in, &hook);
  for (size_t i = 0; ok && i < n && i < CALIBRATION_TOKENS; i++)
    ok = interp_run(in, "step", ids + i, 1, 1, &out);
  return ok;
}

bool job_know(struct job *j) {
  if (!j->options.weights)
    return true;
  bool asked = j->options.calibrate || j->options.calibrate_tokens;
  struct interp *in = interp_new(j->module, &j->source, false);
  bool ok = in && know_weights(j, in) && (!asked || calibrate(j, in));
  interp_free(in);
  return ok;
}
