/* fixed.c: what the pass `fixed-point` needs to know of a checkpoint: the ranges of its weights, and the
 * largest magnitudes that values reach: on the text or the ids that a calibration is given, else, where a
 * bound is missing, on a few tokens that are made up. */
#include "driver/tokens.h"

#include "ir/interp/interp.h"
#include "passes/fixed/ranges.h"
#include "support/file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRIAL_TOKENS = 64 };

/* ---- weights ----------------------------------------------------------------------------------------- */

/* v, of instance i */
static void include(struct weight *w, int64_t i, double v) {
  if (!w->known || fabs(v) > fmax(fabs(w->lo), fabs(w->hi)))
    w->widest = i;
  w->lo = w->known ? fmin(w->lo, v) : v;
  w->hi = w->known ? fmax(w->hi, v) : v;
  w->known = true;
}

/* The scales of a weight of codes. */
static bool know_scales(struct job *j, struct weight *w) {
  int64_t rows = w->type.dim[0], cols = w->type.dim[1], n = 1;
  if (w->scale != WSCALE_TENSOR)
    n = rows * (w->scale == WSCALE_GROUP ? (cols + w->group - 1) / w->group : 1);
  int8_t *codes = xmalloc((size_t)(rows * cols));
  float *scales = xmalloc(sizeof *scales * (size_t)n);
  bool ok = true;
  for (int64_t i = 0; ok && i < weight_instances(w); i++) {
    const char *name = weight_tensor(&j->arena, w, i);
    ok = j->source.codes(j->source.self, name, w, codes, scales);
    for (int64_t k = 0; ok && k < n; k++)
      include(w, i, (double)scales[k]);
  }
  free(codes);
  free(scales);
  return ok;
}

static bool know_floats(struct job *j, struct weight *w) {
  enum { PIECE = 1 << 16 };
  int64_t all = type_count(w->type, NULL);
  float *piece = xmalloc(sizeof *piece * PIECE);
  bool ok = true;
  for (int64_t i = 0; ok && i < weight_instances(w); i++) {
    const char *name = weight_tensor(&j->arena, w, i);
    for (int64_t at = 0; ok && at < all; at += PIECE) {
      int64_t n = all - at < PIECE ? all - at : PIECE;
      ok = j->source.floats(j->source.self, name, at, n, piece);
      for (int64_t k = 0; ok && k < n; k++)
        include(w, i, (double)piece[k]);
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
    for (int64_t k = 0; k < type_count(t->type, NULL); k++)
      include(w, i, interp_float(in, t, k));
  }
  return true;
}

static bool know_weights(struct job *j, struct interp *in) {
  for (struct weight *w = j->module->weights; w; w = w->next) {
    bool ok = w->origin == WEIGHT_MERGED   ? true
              : elem_codes(w->type.elem)   ? know_scales(j, w)
              : w->origin == WEIGHT_FOLDED ? know_folded(in, w)
                                           : know_floats(j, w);
    if (!ok)
      return false;
  }
  return true;
}

/* ---- running the float model ------------------------------------------------------------------------- */

/* Where a hook notes the largest magnitudes: in `most` or in `tried` of each value. */
struct noting {
  bool trial;
};

static bool note_results(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  const struct noting *noting = self;
  (void)indices;
  for (int i = 0; i < op->n_out; i++) {
    struct value *v = op->out[i];
    if (v->type.elem != ELEM_F32)
      continue;
    double *most = noting->trial ? &v->tried : &v->most;
    const struct tensor *t = interp_value(in, v);
    for (int64_t k = 0; k < type_count(t->type, NULL); k++)
      *most = fmax(*most, fabs(interp_float(in, t, k)));
  }
  return true;
}

static bool nothing(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  (void)self, (void)in, (void)op, (void)indices;
  return true;
}

static bool run_noting(struct interp *in, const uint32_t *ids, size_t n, bool trial) {
  struct noting noting = {trial};
  const struct interp_hook hook = {&noting, nothing, note_results};
  const struct tensor *out;
  bool ok = true;
  interp_set_hook(in, &hook);
  for (size_t i = 0; ok && i < n; i++)
    ok = interp_run(in, "step", ids + i, 1, 1, &out);
  interp_set_hook(in, NULL);
  return ok;
}

static uint32_t vocabulary(const struct job *j) {
  return (uint32_t)type_count(func_find(j->module, "step")->body->last->in[0]->type, NULL);
}

/* ---- calibration ------------------------------------------------------------------------------------- */

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
  uint32_t *ids = text ? calibration_text(j, path, n) : file_ids(j, path, vocabulary(j), n);
  if (!ids || *n)
    return ids;
  diag_error(&j->diag, "--calibrate%s: no tokens in '%s'", text ? "" : "-tokens", path);
  return NULL;
}

static bool calibrate(struct job *j) {
  size_t n = 0;
  uint32_t *ids = calibration_ids(j, &n);
  struct interp *in = ids ? interp_new(j->module, &j->source, false) : NULL;
  bool ok = in && run_noting(in, ids, n < CALIBRATION_TOKENS ? n : CALIBRATION_TOKENS, false);
  interp_free(in);
  return ok;
}

/* ---- a trial ----------------------------------------------------------------------------------------- */

/* Whether a bound is missing that a format needs. */
static bool bounds_missing(struct job *j, bool *missing) {
  const struct ranges *r = ranges_of(j->module, func_find(j->module, "step"));
  int word = j->options.fixed_bits ? j->options.fixed_bits : WORD_MOST;
  *missing = false;
  for (int i = 0; r && i < r->n; i++)
    *missing |= range_most(r->at[i]) > ldexp(1, word / 2) && !r->at[i].mask && !r->at[i].whole;
  return r != NULL;
}

/* What still grew in the second half of the trial will go on: four bits more. */
static void join_halves(struct op *op, void *data) {
  (void)data;
  for (int i = 0; i < op->n_out; i++) {
    struct value *v = op->out[i];
    v->tried = v->most > 1.5 * v->tried ? 16 * v->most : fmax(v->tried, v->most);
    v->most = 0;
  }
}

/* As many tokens as take some seconds in a large model; made up, the same ones each time. */
static size_t trial_ids(struct job *j, uint32_t *ids) {
  int64_t elements = 1;
  for (const struct weight *w = j->module->weights; w; w = w->next)
    elements += type_count(w->type, NULL) * weight_instances(w);
  int64_t n = ((int64_t)1 << 31) / elements;
  n = n < 8 ? 8 : n > TRIAL_TOKENS ? TRIAL_TOKENS : n;
  for (int64_t i = 0; i < n; i++)
    ids[i] = (uint32_t)((uint64_t)i * 2654435761u % vocabulary(j));
  return (size_t)n;
}

static bool try_out(struct job *j) {
  uint32_t ids[TRIAL_TOKENS];
  size_t n = trial_ids(j, ids);
  bool missing;
  if (!bounds_missing(j, &missing))
    return false;
  if (!missing)
    return true;
  struct interp *in = interp_new(j->module, &j->source, false);
  bool ok = in && run_noting(in, ids, n / 2, true) && run_noting(in, ids + n / 2, n - n / 2, false);
  interp_free(in);
  walk(func_find(j->module, "step")->body, join_halves, NULL);
  return ok;
}

bool job_know(struct job *j) {
  struct interp *in = interp_new(j->module, &j->source, false);
  bool ok = in && know_weights(j, in);
  interp_free(in);
  return ok && (j->options.calibrate || j->options.calibrate_tokens ? calibrate(j) : try_out(j));
}
