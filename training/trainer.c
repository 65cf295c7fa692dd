/* trainer.c: steps, looks at the held-out text, checkpoints. */
#include "training/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/companions.h"
#include "runtime/core/interrupt.h"
#include "support/escape.h"
#include "support/file.h"
#include "support/progress.h"
#include "training/corpus.h"
#include "training/initial.h"
#include "training/log.h"
#include "training/saved.h"
#include "training/saved_config.h"

struct trainer {
  struct diag *diag;
  struct arena arena;
  const struct tern_model *model;
  struct training_options *options;
  struct learner learner;
  struct tokenizer *tokenizer; /* NULL: none */
  uint8_t *tokenizer_block;
  struct corpus data, held; /* held.ids NULL: there is none */
  struct rate_schedule schedule;
  struct saved_run saved;
  struct log log;
  uint64_t step, tokens; /* done */
  bool is_saved;         /* there is a checkpoint, */
  uint64_t saved_step;   /* of this step */
  const char *from;      /* the folder of the checkpoint that the training goes on from, or NULL */
  double seconds;        /* of the runs before this one */
  double started;
  double recent; /* moving mean of the loss; NAN: no step yet */
  double norm;   /* of the last step's gradient; NAN: no step yet */
};

static double spent(const struct trainer *t) {
  return t->seconds + seconds_now() - t->started;
}

/* Bits a byte of a loss in nats a token, by how many bytes the corpus has a token. */
static double bits_of(double loss, const struct corpus *c) {
  return c->bytes ? loss / 0.69314718055994530942 * (double)c->n / (double)c->bytes : NAN;
}

static bool told(struct trainer *t, const struct failure *f) {
  diag_error(t->diag, "%s", f->text);
  return false;
}

/* ---- a step ------------------------------------------------------------------------------------------ */

static bool all_finite(const float *x, uint64_t n) {
  for (uint64_t i = 0; i < n; i++)
    if (!isfinite(x[i]))
      return false;
  return true;
}

static bool tensor_is_finite(const struct learner *l, const struct tern_tensor *w, uint64_t instance) {
  float numbers[TENSOR_PIECE];
  for (uint64_t i = 0, n; i < tensor_elements(w); i += n) {
    n = tensor_piece(w, i);
    learner_read(l, w, instance, i, n, numbers);
    if (!all_finite(numbers, n))
      return false;
  }
  return true;
}

/* Where a run of numbers is not finite; NULL: they all are. */
static const char *not_finite(const struct trainer *t, const struct tern_region *r, int number,
                              struct arena *a) {
  for (uint64_t k = 0; r->elem == TERN_F32 && k < r->instances; k++)
    if (!all_finite(learner_region(&t->learner, number, k), r->bytes / sizeof(float)))
      return r->instances > 1 ? arena_printf(a, "layer %llu", (unsigned long long)k) : "the whole model";
  return NULL;
}

/* The first layer that was given, or whose gradient is, a number that is not finite. */
static const char *culprit(struct trainer *t) {
  static const enum tern_region_kind order[] = {TERN_SAVED, TERN_GRADIENT};
  const struct tern_training *about = t->learner.about;
  for (int pass = 0; pass < 2; pass++)
    for (uint32_t i = 0; i < about->n_regions; i++) {
      const char *where =
          about->regions[i].kind == order[pass] ? not_finite(t, &about->regions[i], (int)i, &t->arena) : NULL;
      if (where)
        return pass ? arena_printf(&t->arena, "the gradient '%s' of %s", about->regions[i].name, where)
                    : arena_printf(&t->arena, "what %s was given", where);
    }
  return "the loss alone";
}

static const char *what_is_kept(struct trainer *t) {
  return t->is_saved ? arena_printf(&t->arena, "the checkpoint of step %" PRIu64 " is kept in %s",
                                    t->saved_step, t->saved.folder)
                     : "no checkpoint was written yet";
}

#define WAY_OUT "a smaller --rate, a longer --warmup or a --clip keep it from that"

/* A checkpoint of weights that ran away would push out one of weights that did not. */
static bool is_finite(struct trainer *t) {
  for (uint32_t i = 0; i < t->learner.about->n_tensors; i++) {
    const struct tern_tensor *w = &t->learner.about->tensors[i];
    for (uint64_t k = 0; k < tensor_instances(w); k++)
      if (!tensor_is_finite(&t->learner, w, k)) {
        diag_error(t->diag, "step %" PRIu64 ": the weights '%s' are no longer finite; %s; " WAY_OUT, t->step,
                   tensor_name(&t->arena, w, k), what_is_kept(t));
        return false;
      }
  }
  return true;
}

static bool diverged(struct trainer *t, const char *what, double value) {
  diag_error(t->diag,
             "step %" PRIu64 ": the %s is %g; the first numbers that are not finite are in %s; %s; " WAY_OUT,
             t->step + 1, what, value, culprit(t), what_is_kept(t));
  return false;
}

/* The gradient of the step's sequences; their mean loss. */
static bool gather(struct trainer *t, double *loss) {
  const struct training_options *o = t->options;
  struct failure f = {0};
  *loss = 0;
  for (uint64_t i = 0; i < o->batch && !interrupted(); i++) {
    uint64_t k = t->step * o->batch + i;
    struct passage s = {corpus_id, &t->data, corpus_window(o->seed, t->data.n, o->length, k), o->length};
    double one;
    if (!learner_backward(&t->learner, &s, 1.0f / (float)(o->batch * o->length), &one, &f))
      return told(t, &f);
    *loss += one;
  }
  return corpus_can_be_read(&t->data, t->diag) &&
         (isfinite(*loss) || interrupted() || diverged(t, "loss", *loss));
}

/* norm: of the gradient that is scaled, or of the one before; NAN: there is none. */
static struct adamw_rates rates_for(const struct trainer *t, double norm) {
  const struct training_options *o = t->options;
  return (struct adamw_rates){.rate = schedule_rate(&t->schedule, t->step + 1),
                              .beta1 = o->beta1,
                              .beta2 = o->beta2,
                              .epsilon = o->epsilon,
                              .decay = o->decay,
                              .clip = o->clip > 0 && norm > o->clip ? o->clip / norm : 1,
                              .step = t->step + 1,
                              .seed = o->seed};
}

/* Gradients first, then all weights. *done: the step happened. */
static bool learn(struct trainer *t, double *loss, bool *done) {
  if (!gather(t, loss))
    return false;
  if (interrupted()) { /* nothing of the step happened */
    learner_forget(&t->learner);
    return true;
  }
  double norm = sqrt(learner_squares(&t->learner));
  if (!isfinite(norm))
    return diverged(t, "norm of the gradient", norm);
  struct adamw_rates r = rates_for(t, training_clips_by_previous(t->options) ? t->norm : norm);
  learner_update(&t->learner, &r);
  t->norm = norm;
  *done = true;
  return true;
}

/* The matrices of each layer as soon as their gradient is there, then all others. */
static bool learn_on_the_way(struct trainer *t, double *loss, bool *done) {
  const struct training_options *o = t->options;
  struct passage s = {corpus_id, &t->data, corpus_window(o->seed, t->data.n, o->length, t->step), o->length};
  struct adamw_rates r = rates_for(t, t->norm);
  double squares = 0;
  if (interrupted())
    return true;
  *loss = learner_step(&t->learner, &s, 1.0f / (float)o->length, &r, &squares);
  if (!corpus_can_be_read(&t->data, t->diag))
    return false;
  if (!isfinite(*loss))
    return diverged(t, "loss", *loss);
  double norm = sqrt(squares + learner_squares(&t->learner));
  if (!isfinite(norm))
    return diverged(t, "norm of the gradient", norm);
  learner_update(&t->learner, &r);
  t->norm = norm;
  *done = true;
  return true;
}

static bool one_step(struct trainer *t) {
  const struct training_options *o = t->options;
  double began = seconds_now(), loss;
  bool done = false;
  if (!(learner_consumes(&t->learner) ? learn_on_the_way : learn)(t, &loss, &done))
    return false;
  if (!done)
    return true;
  t->step++;
  t->tokens += o->batch * o->length;
  t->recent = isfinite(t->recent) ? t->recent + 0.1 * (loss - t->recent) : loss;
  struct log_row row = {.step = t->step,
                        .tokens = t->tokens,
                        .loss = loss,
                        .bits = bits_of(loss, &t->data),
                        .rate = schedule_rate(&t->schedule, t->step),
                        .norm = t->norm,
                        .tokens_per_s = (double)(o->batch * o->length) / (seconds_now() - began),
                        .seconds = spent(t),
                        .held_loss = NAN,
                        .held_bits = NAN};
  return log_add(&t->log, &row);
}

/* ---- the held-out text ------------------------------------------------------------------------------- */

/* As one sequence, or in parts as long as the model's context, as a built program's --perplexity has it. */
static double held_loss(struct trainer *t) {
  uint64_t n = t->held.n - 1 < t->options->look_tokens ? t->held.n - 1 : t->options->look_tokens;
  uint64_t context = t->learner.model->context, most = context && context < n ? context : n;
  double sum = 0;
  for (uint64_t first = 0; first < n; first += most) {
    struct passage s = {corpus_id, &t->held, first, n - first < most ? n - first : most};
    sum += learner_loss(&t->learner, &s, 1);
  }
  return sum / (double)n;
}

static bool look(struct trainer *t, struct trained_result *result) {
  if (!t->held.ids)
    return true;
  double began = seconds_now(), loss = held_loss(t);
  t->started += seconds_now() - began; /* it is no time of the training */
  if (!corpus_can_be_read(&t->held, t->diag))
    return false;
  if (interrupted())
    return true;
  struct log_row row = {.step = t->step,
                        .tokens = t->tokens,
                        .loss = NAN,
                        .bits = NAN,
                        .rate = NAN,
                        .norm = NAN,
                        .tokens_per_s = NAN,
                        .seconds = spent(t),
                        .held_loss = loss,
                        .held_bits = bits_of(loss, &t->held)};
  result->held_loss = row.held_loss;
  result->held_bits = row.held_bits;
  return log_add(&t->log, &row);
}

/* ---- checkpoints ------------------------------------------------------------------------------------- */

static json_t *about_data(const struct corpus *c) {
  return json_pack("{s:I, s:o}", "ids", (json_int_t)c->n, "checksum",
                   json_sprintf("%016llx", (unsigned long long)c->sum));
}

static json_t *about_training(const struct trainer *t) {
  return json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:o, s:o}", "format",
                   saved_format(&t->learner), "compiler", t->model->compiler, "model", t->model->name,
                   "params", t->model->params, "chunk", (json_int_t)t->learner.chunk, "step",
                   (json_int_t)t->step, "tokens", (json_int_t)t->tokens, "seconds", spent(t), "recent_loss",
                   isfinite(t->recent) ? t->recent : -1.0, "norm", isfinite(t->norm) ? t->norm : -1.0, "data",
                   about_data(&t->data), "options", training_json(t->options));
}

static bool save(struct trainer *t) {
  if (!t->saved.folder || (t->is_saved && t->saved_step == t->step))
    return true;
  if (!is_finite(t))
    return false;
  json_t *about = about_training(t);
  bool ok = saved_write(&t->saved, &t->learner, t->step, about) && log_draw(&t->log);
  json_decref(about);
  if (ok) {
    t->is_saved = true;
    t->saved_step = t->step;
  }
  return ok;
}

/* ---- the beginning ----------------------------------------------------------------------------------- */

static bool has_tokenizer(struct trainer *t, const char *folder) {
  return folder && (file_exists(arena_printf(&t->arena, "%s/" TOKENIZER_JSON_FILE, folder)) ||
                    file_exists(arena_printf(&t->arena, "%s/" TOKENIZER_MODEL_FILE, folder)));
}

/* The one that is named; else that of the checkpoint that the training goes on from or begins with. */
static const char *tokenizer_folder(struct trainer *t, const char *named) {
  const struct training_options *o = t->options;
  if (named)
    return named;
  return has_tokenizer(t, t->from)   ? t->from
         : o->tokenizer              ? o->tokenizer
         : has_tokenizer(t, o->init) ? o->init
                                     : NULL;
}

static bool open_tokenizer(struct trainer *t, const char *named) {
  char error[256];
  size_t bytes;
  const char *folder = t->saved.tokenizer = tokenizer_folder(t, named);
  if (!folder)
    return true;
  checkpoint_tokenizer(t->diag, &t->arena, folder, &t->tokenizer_block, &bytes);
  if (!t->tokenizer_block) {
    diag_error(t->diag, "%s: there is no tokenizer that can be used", folder);
    return false;
  }
  t->tokenizer = tokenizer_open(t->tokenizer_block, bytes, error, sizeof error);
  if (!t->tokenizer)
    diag_error(t->diag, "%s: %s", folder, error);
  return t->tokenizer != NULL;
}

/* named: the folder with the tokenizer, as the command line says it. */
static bool open_data(struct trainer *t, const char *named) {
  struct training_options *o = t->options;
  if (!open_tokenizer(t, named) ||
      !corpus_open(&t->data, t->diag, o->data.at, o->data.n, t->tokenizer, t->learner.vocab) ||
      (o->held_out && !corpus_open(&t->held, t->diag, &o->held_out, 1, t->tokenizer, t->learner.vocab)))
    return false;
  uint64_t context = t->learner.model->context;
  if (context && o->length > context) {
    diag_error(t->diag,
               "a sequence of --length %llu does not fit the model's context of %llu tokens; give a shorter "
               "--length, or compile the model for a longer context",
               (unsigned long long)o->length, (unsigned long long)context);
    return false;
  }
  if (t->data.n > o->length)
    return true;
  diag_error(
      t->diag,
      "the data has %llu ids, and a sequence of --length %llu needs one more than that; give more data, or a "
      "shorter --length",
      (unsigned long long)t->data.n, (unsigned long long)o->length);
  return false;
}

static void tell_untrained(const struct trainer *t) {
  for (uint32_t i = 0; i < t->learner.about->n_tensors; i++)
    if (t->learner.about->tensors[i].gradient < 0)
      diag_note(t->diag, "the loss does not depend on the weight '%s', which stays as it begins",
                t->learner.about->tensors[i].name);
}

static bool begin_anew(struct trainer *t) {
  struct training_options *o = t->options;
  struct stat st;
  if ((t->saved.folder && !saved_is_free(&t->saved)) || !open_data(t, o->tokenizer))
    return false;
  if (o->init && !initial_load(&t->learner, t->diag, o->init, o->prefix))
    return false;
  if (!o->init)
    initial_random(&t->learner, o->seed);
  tell_untrained(t);
  bool folder = o->init && stat(o->init, &st) == 0 && S_ISDIR(st.st_mode);
  t->saved.config = saved_config_text(&t->arena, t->diag, t->model, folder ? o->init : NULL);
  return t->saved.config && (!t->saved.folder || saved_begin(&t->saved));
}

/* Another model's checkpoint, or other data, would go on with something else than was begun. */
static bool is_mine(struct trainer *t, const json_t *about) {
  const char *params = json_string_value(json_object_get(about, "params"));
  const char *model = json_string_value(json_object_get(about, "model"));
  json_int_t chunk = json_integer_value(json_object_get(about, "chunk"));
  if (params && model && strcmp(params, t->model->params) == 0 && strcmp(model, t->model->name) == 0) {
    if (chunk != t->learner.chunk)
      diag_note(t->diag,
                "the training began with --chunk %lld and goes on with %u: its bits differ from here on",
                (long long)chunk, t->learner.chunk);
    return true;
  }
  diag_error(
      t->diag,
      "%s: is a training of model %s with %s, and this trainer is for model %s with %s; go on with the one "
      "that began it",
      t->options->resume, model ? model : "?", params ? params : "?", t->model->name, t->model->params);
  return false;
}

static bool is_same_data(struct trainer *t, const json_t *about) {
  json_t *now = about_data(&t->data);
  bool same = json_equal(now, json_object_get(about, "data"));
  json_decref(now);
  if (!same)
    diag_error(
        t->diag,
        "the data is not what this training began with (it has %llu ids now); --data says where that is, and "
        "--init %s --out DIR begins a training of other data with these weights",
        (unsigned long long)t->data.n, t->options->resume);
  return same;
}

/* The folder's name says the step. */
static bool take_position(struct trainer *t, const json_t *about) {
  const json_t *tokens = json_object_get(about, "tokens"), *seconds = json_object_get(about, "seconds");
  const json_t *norm = json_object_get(about, "norm"); /* what an older trainer wrote has none */
  double recent = json_number_value(json_object_get(about, "recent_loss"));
  t->is_saved = true;
  t->step = t->saved_step = (uint64_t)json_integer_value(json_object_get(about, "step"));
  t->tokens = (uint64_t)json_integer_value(tokens);
  t->seconds = json_number_value(seconds);
  t->recent = recent >= 0 ? recent : NAN;
  t->norm = json_is_number(norm) && json_number_value(norm) >= 0 ? json_number_value(norm) : NAN;
  if (json_is_integer(tokens) && json_integer_value(tokens) >= 0 && json_is_number(seconds) &&
      t->seconds >= 0)
    return true;
  diag_error(t->diag, "%s/training.json: its tokens or its seconds are no numbers from 0 on; is it whole?",
             t->from);
  return false;
}

static bool go_on(struct trainer *t) {
  struct training_options *o = t->options;
  const char *named = o->tokenizer;
  json_t *about = NULL;
  if (!saved_lock(&t->saved))
    return false;
  t->from = saved_newest(t->diag, &t->arena, o->resume, &about);
  bool ok = t->from && is_mine(t, about) && take_position(t, about) &&
            training_restore(o, t->diag, json_object_get(about, "options")) && open_data(t, named) &&
            is_same_data(t, about) && saved_read(&t->learner, t->diag, t->from);
  if (ok) {
    saved_config_compare(t->diag, t->model, t->from);
    t->saved.config = saved_config_text(&t->arena, t->diag, t->model, t->from);
  }
  t->saved.keep = o->keep;
  json_decref(about);
  return ok && t->saved.config && saved_show(&t->saved, t->step);
}

/* What a model asks for whose matrices are updated on the way back. */
static bool can_consume(struct trainer *t) {
  const struct training_options *o = t->options;
  if (!learner_consumes(&t->learner))
    return true;
  if (o->batch > 1 || o->length > t->learner.chunk)
    diag_error(
        t->diag,
        "with --gradients layer a step is one call: --batch 1, and a --length of no more than --chunk, "
        "which is %u; --gradients whole has steps of several calls",
        t->learner.chunk);
  else if (o->clip > 0 && !training_clips_by_previous(o))
    diag_error(t->diag, "with --gradients layer the norm of a step's gradient is known only after it; take "
                        "--clip-by previous, or --clip 0");
  else
    return true;
  return false;
}

static bool open_trainer(struct trainer *t) {
  struct training_options *o = t->options;
  struct failure f = {0};
  uint32_t threads = o->threads ? (uint32_t)o->threads : team_processors();
  if (!learner_open(&t->learner, t->model, threads, &f))
    return told(t, &f);
  t->saved = (struct saved_run){.diag = t->diag, .folder = o->resume ? o->resume : o->out, .lock = -1};
  progress_stage("reading the data");
  bool ok = (o->resume ? go_on(t) : can_consume(t) && begin_anew(t)) && (!o->resume || can_consume(t));
  progress_clear();
  t->saved.keep = o->keep;
  t->schedule = training_schedule(o);
  ok = ok && log_open(&t->log, t->diag, t->saved.folder, t->step);
  t->log.steps = o->steps;
  t->log.quiet = o->quiet;
  t->started = seconds_now();
  return ok;
}

static bool close_trainer(struct trainer *t, bool ok) {
  ok &= log_close(&t->log);
  saved_release(&t->saved);
  learner_close(&t->learner);
  corpus_close(&t->data);
  corpus_close(&t->held);
  if (t->tokenizer)
    tokenizer_close(t->tokenizer);
  arena_free(&t->arena);
  return ok;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static bool is_done(const struct trainer *t) {
  const struct training_options *o = t->options;
  return t->step >= o->steps || interrupted() || (o->seconds > 0 && seconds_now() - t->started >= o->seconds);
}

static bool run(struct trainer *t, struct trained_result *result) {
  const struct training_options *o = t->options;
  bool ok = true;
  uint64_t looked = UINT64_MAX;
  while (ok && !is_done(t)) {
    if (t->step % o->look_every == 0 && (looked = t->step, !look(t, result)))
      return false;
    ok = one_step(t) && (t->step % o->save_every != 0 || save(t));
  }
  if (looked != t->step) /* the last look was at other weights */
    result->held_loss = result->held_bits = NAN;
  return ok && (looked == t->step || interrupted() || look(t, result)) && save(t);
}

bool training_run(const struct tern_model *m, struct training_options *o, struct diag *d,
                  struct trained_result *result) {
  struct trainer t = {.diag = d,
                      .model = m,
                      .options = o,
                      .recent = NAN,
                      .norm = NAN,
                      .saved.lock = -1,
                      .data.fd = -1,
                      .held.fd = -1};
  struct trained_result own;
  result = result ? result : &own;
  *result = (struct trained_result){.loss = NAN, .held_loss = NAN, .held_bits = NAN};
  int errors = d->errors;
  bool ok = training_check(o, d, m->parameters) && open_trainer(&t) && run(&t, result);
  result->step = t.step;
  result->tokens = t.tokens;
  result->seconds = t.started > 0 ? spent(&t) : 0;
  result->loss = t.recent;
  result->interrupted = interrupted();
  result->saved = t.is_saved && t.saved_step == t.step;
  ok |= !t.is_saved && interrupted() && d->errors == errors; /* stopped while it read the data */
  return close_trainer(&t, ok);
}
