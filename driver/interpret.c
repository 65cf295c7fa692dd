/* interpret.c: the interpreter behind struct tern_model. The session's state block says only whether the
 * sequence is fresh: the interpreter keeps the real state, so that it can be float64. */
#include "driver/interpret.h"
#include "driver/engine.h"

#include "ir/interp/interp.h"
#include "ir/layout.h"
#include "support/file.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct value *logits_of(const struct module *m) {
  return func_find(m, "step")->body->last->in[0];
}

int64_t model_vocabulary(const struct module *m) {
  struct type t = logits_of(m)->type;
  return t.dim[t.rank - 1];
}

static int logits_frac(const struct module *m) {
  return logits_of(m)->frac == FRAC_NONE ? 0 : logits_of(m)->frac;
}

/* ---- entries ----------------------------------------------------------------------------------------- */

enum { TOKENS, LOGITS }; /* ports */

/* weights: the struct interpreted; state: one float, 0 in a fresh sequence. */
static void run(const struct tern_args *a, const char *form, uint32_t tokens, uint32_t keep) {
  struct interpreted *in = (struct interpreted *)(uintptr_t)a->weights;
  float *live = (float *)(void *)a->state, *logits = a->ports[LOGITS];
  const struct tensor *out;
  int64_t n = (int64_t)(keep * in->step_ports[LOGITS].elements);
  if (*live == 0)
    interp_reset(in->interp);
  *live = 1;
  in->failed = in->failed || !interp_run(in->interp, form, a->ports[TOKENS], tokens, keep, &out);
  if (in->step_ports[LOGITS].elem == TERN_I32) {
    if (in->failed)
      memset(logits, 0, (size_t)n * sizeof(int32_t));
    else
      memcpy(logits, out->i32, (size_t)n * sizeof(int32_t));
    return;
  }
  for (int64_t i = 0; i < n; i++)
    logits[i] = in->failed ? NAN : (float)interp_float(in->interp, out, i);
}

static void step(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  (void)threads;
  if (thread == 0)
    run(a, "step", 1, 1);
}

static void prefill(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  (void)threads;
  if (thread == 0)
    run(a, "prefill", a->sizes[TERN_T], a->sizes[TERN_K]);
}

static void describe_ports(struct interpreted *in, const struct module *m) {
  struct type t = logits_of(m)->type;
  in->step_ports[TOKENS] = (struct tern_port){
      .name = "tokens", .type = "u32", .access = TERN_IN, .elem = TERN_U32, .dim = -1, .elements = 1};
  in->step_ports[LOGITS] = (struct tern_port){.name = "logits",
                                              .type = elem_name(t.elem),
                                              .access = TERN_OUT,
                                              .elem = t.elem == ELEM_I32 ? TERN_I32 : TERN_F32,
                                              .frac = logits_frac(m),
                                              .dim = -1,
                                              .elements = (uint64_t)model_vocabulary(m)};
  memcpy(in->prefill_ports, in->step_ports, sizeof in->prefill_ports);
  in->prefill_ports[TOKENS].dim = TERN_T;
  in->prefill_ports[LOGITS].dim = TERN_K;
}

static void describe_entries(struct interpreted *in, const struct module *m) {
  describe_ports(in, m);
  in->entries[0] = (struct tern_entry){
      .name = "step", .run = step, .ports = in->step_ports, .n_ports = LOGITS + 1, .scratch = TERN_ALIGN};
  in->entries[1] = (struct tern_entry){.name = "prefill",
                                       .run = prefill,
                                       .ports = in->prefill_ports,
                                       .n_ports = LOGITS + 1,
                                       .scratch = TERN_ALIGN};
  for (int i = 0; i < DIMS_GIVEN; i++)
    in->dims[i] = (struct tern_dim){m->dims.at[i].name, (uint32_t)m->dims.at[i].most};
}

static bool interpret_open(struct interpreted *in, struct job *j, bool float64) {
  static const struct tern_fill fresh = {.at = 0, .count = 1, .size = 4, .bits = 0};
  struct module *m = j->module;
  enum elem logits = logits_of(m)->type.elem;
  if (logits != ELEM_F32 && logits != ELEM_I32) {
    diag_error(&j->diag, "the model returns %s; logits are f32 or i32", elem_name(logits));
    return false;
  }
  *in = (struct interpreted){.interp = interp_new(m, &j->source, float64)};
  if (!in->interp)
    return false;
  describe_entries(in, m);
  in->model = (struct tern_model){
      .abi = TERN_ABI,
      .name = m->name,
      .spec = m->spec ? m->spec : "",
      .target = float64 ? "interpreter, float64" : "interpreter, float32",
      .compiler = "ternc " TERN_VERSION,
      .params = params_text(&j->arena, m),
      .parameters = parameter_count(m),
      .weights_bytes = TERN_ALIGN,
      .state_bytes = TERN_ALIGN,
      .threads = 1,
      .entries = in->entries,
      .n_entries = func_find(m, "prefill") ? 2 : 1,
      .dims = in->dims,
      .n_dims = DIMS_GIVEN,
      .fills = &fresh,
      .n_fills = 1,
  };
  memcpy(in->header.magic, IMAGE_MAGIC, sizeof in->header.magic);
  in->header.weights_bytes = TERN_ALIGN;
  in->header.tokenizer_bytes = j->tokenizer_bytes;
  in->image =
      (struct image){.header = &in->header, .weights = (const uint8_t *)in, .tokenizer = j->tokenizer};
  return true;
}

bool open_interpreter(struct engine *e, struct job *j, const struct loops *loops) {
  struct interpreted *in = e->own = arena_new(&j->arena, struct interpreted);
  (void)loops;
  e->model = &in->model;
  e->image = &in->image;
  return interpret_open(in, j, j->options.float64);
}

void close_interpreter(struct engine *e) {
  interp_free(((struct interpreted *)e->own)->interp);
}

/* ---- logits ------------------------------------------------------------------------------------------ */

bool interpret_ids(struct job *j, const char *path, uint32_t **ids, size_t *n) {
  int64_t vocab = model_vocabulary(j->module);
  size_t length;
  VEC(uint32_t) all = {0};
  char *text = text_read(&j->diag, &j->arena, path, 1 << 30, &length);
  if (!text)
    return false;
  for (char *p = text, *end;; p = end) {
    while (isspace((unsigned char)*p))
      p++;
    if (!*p && p >= text + length)
      break;
    unsigned long long id = isdigit((unsigned char)*p) ? strtoull(p, &end, 10) : (end = p, 0);
    if (end == p || (*end && !isspace((unsigned char)*end))) {
      diag_error(&j->diag, "%s: token %d is not a whole number; decimal ids between blanks are expected",
                 path, all.n);
      return false;
    }
    if (id >= (unsigned long long)vocab) {
      diag_error(&j->diag, "%s: token %d is %llu; the model's vocabulary has %lld ids", path, all.n, id,
                 (long long)vocab);
      return false;
    }
    vec_push(&j->arena, all, (uint32_t)id);
  }
  if (!all.n)
    diag_error(&j->diag, "%s: no token ids in it", path);
  *ids = all.at;
  *n = (size_t)all.n;
  return all.n != 0;
}

/* Rows of logits as floats of the interpreter's precision. */
static void write_floats(const struct job *j, const struct interp *in, const struct tensor *t, bool float64,
                         FILE *out) {
  int64_t n = type_count(t->type, NULL);
  double unit = ldexp(1, -logits_frac(j->module));
  for (int64_t i = 0; i < n; i++) {
    double wide = t->type.elem == ELEM_I32 ? t->i32[i] * unit : interp_float(in, t, i);
    float narrow = (float)wide;
    fwrite(float64 ? (void *)&wide : (void *)&narrow, float64 ? sizeof wide : sizeof narrow, 1, out);
  }
}

bool interpret_logits(struct job *j, bool float64, const char *tokens, const char *out, int chunk) {
  uint32_t *ids;
  size_t n;
  struct output o;
  if (chunk > 1 && !func_find(j->module, "prefill")) {
    diag_error(&j->diag, "the model has no many-token form (is batch-time left out?); use --chunk 1");
    return false;
  }
  if (!interpret_ids(j, tokens, &ids, &n))
    return false;
  struct interp *in = interp_new(j->module, &j->source, float64);
  if (!in || !output_open(&o, &j->diag, out)) {
    interp_free(in);
    return false;
  }
  bool ok = true;
  for (size_t i = 0; ok && i < n;) {
    size_t count = n - i < (size_t)chunk ? n - i : (size_t)chunk;
    const struct tensor *t;
    ok = interp_run(in, chunk > 1 ? "prefill" : "step", ids + i, (int64_t)count, (int64_t)count, &t);
    if (ok)
      write_floats(j, in, t, float64, o.file);
    i += count;
  }
  interp_free(in);
  if (ok)
    return output_close(&o, false);
  output_abort(&o);
  return false;
}

bool interpret_wide_logits(struct job *j, const char *tokens, const char *out, int chunk) {
  return interpret_logits(j, true, tokens, out, chunk);
}
