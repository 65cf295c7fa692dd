/* compile.c: from options to a module: the part that `build` and `run` share. */
#include "driver/driver.h"
#include "driver/tokens.h"

#include "runtime/core/machine.h"
#include "support/progress.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- options ----------------------------------------------------------------------------------------- */

enum {
  KEY_WEIGHTS = 1000,
  KEY_SET,
  KEY_PRODUCTS,
  KEY_RECOMPUTE,
  KEY_MEMORY,
  KEY_MOMENTS,
  KEY_MASTERS,
  KEY_GRADIENTS,
  KEY_PASSES,
  KEY_PRINT_AFTER,
  KEY_DISABLE,
  KEY_NO_VERIFY,
  KEY_VERIFY,
  KEY_ALLOW_EXTRA,
  KEY_PREFIX,
  KEY_TARGET,
  KEY_CPU,
  KEY_FEATURES,
  KEY_THREADS,
  KEY_PACKING,
  KEY_CHUNK,
  KEY_BATCH,
  KEY_FIXED,
  KEY_FIXED_BITS,
  KEY_CALIBRATE,
  KEY_CALIBRATE_TOKENS,
  KEY_NO_REQUIRE,
  KEY_WEIGHT_SCALE
};

static const struct argp_option model_rows[] = {
    {0, 0, 0, 0, "The model:", 2},
    {"weights", KEY_WEIGHTS, "DIR|FILE", 0,
     "checkpoint: a folder with config.json, model.safetensors (or shards and an index) and a tokenizer, or "
     "one .safetensors file",
     2},
    {"set", KEY_SET, "NAME=VALUE", 0, "gives a parameter of the spec its value (repeatable)", 2},
    {"no-require", KEY_NO_REQUIRE, 0, 0,
     "what the spec requires of config.json and does not find is a warning", 2},
    {"weight-scale", KEY_WEIGHT_SCALE, "RULE", 0,
     "where scales of ternary weights come from if the spec does not say: mean or largest, of floats; stored "
     "or inverse, of codes",
     2},
    {"prefix", KEY_PREFIX, "STR", 0,
     "strips STR from the names of the checkpoint's tensors (_orig_mod., module.); +STR: the model's names "
     "begin with it, the checkpoint's need not",
     2},
    {"allow-extra", KEY_ALLOW_EXTRA, 0, 0,
     "tensors of the checkpoint that the model does not use are no error", 2},
    {"packing", KEY_PACKING, "2bit|1.6bit|auto", 0,
     "bits that a ternary weight takes (default auto: 1.6 when no cache holds the model)", 2},
    {"fixed", KEY_FIXED, 0, 0, "integers only: every float becomes a fixed-point number (docs/numerics.md)",
     2},
    {"fixed-bits", KEY_FIXED_BITS, "N", 0,
     "most bits of a fixed-point number, " QUOTE(WORD_LEAST) " to " QUOTE(WORD_MOST) " (default " QUOTE(
         WORD_MOST) "); implies --fixed",
     2},
    {"calibrate", KEY_CALIBRATE, "FILE", 0,
     "narrows the formats of --fixed to what the values reach on this text, with room to spare", 2},
    {"calibrate-tokens", KEY_CALIBRATE_TOKENS, "FILE", 0,
     "the same on token ids in decimal, separated by blanks or newlines; needs no tokenizer", 2},
    {0}};

static const struct argp_option form_rows[] = {
    {0, 0, 0, 0, "What the program can do at once:", 3},
    {"chunk", KEY_CHUNK, "N", 0,
     "most tokens that one call of the many-token form takes (default " QUOTE(CHUNK_DEFAULT) ")", 3},
    {"batch", KEY_BATCH, "N", 0,
     "most sequences that one pass over the weights steps (default " QUOTE(
         BATCH_DEFAULT) "); 0 leaves that form out",
     3},
    {"threads", KEY_THREADS, "N", 0,
     "threads that the program uses unless told otherwise (default: as many as pay)", 3},
    {0}};

/* Of `build --emit trainer`, `train` and `opt`. */
static const struct argp_option step_rows[] = {
    {0, 0, 0, 0, "A training step:", 3},
    {"recompute", KEY_RECOMPUTE, "MODE", 0,
     "what a backward pass computes again instead of keeping it: none, elementwise (what trainers do unless "
     "told otherwise), codes (all but the int8 inputs of products), layer; the bits are the same",
     3},
    {"memory", KEY_MEMORY, "BYTES", 0,
     "computes as little again as fits a step into so many bytes (19G, 800M), in place of --recompute; "
     "without "
     "--chunk it chooses that too",
     3},
    {"moments", KEY_MOMENTS, "f32|bf16|8bit", 0,
     "how AdamW's moments are kept (default f32); 8bit: codes in blocks of 256 with a scale, rounded by "
     "chance",
     3},
    {"masters", KEY_MASTERS, "f32|bf16", 0,
     "how the numbers of ternary matrices and of embeddings are kept (default f32); bf16: rounded by chance",
     3},
    {"gradients", KEY_GRADIENTS, "whole|layer", 0,
     "layer: each layer's matrices are updated as soon as their gradient is there, and only one layer's are "
     "kept; a step is then one call: one sequence, no longer than --chunk (default whole)",
     3},
    {"products", KEY_PRODUCTS, "float32|bf16", 0,
     "how products are summed: in float32 (the default), or with gradients rounded to bfloat16, which AMX "
     "does many "
     "times as fast (docs/numerics.md)",
     3},
    {0}};

static const struct argp_option training_rows[] = {
    {0, 0, 0, 0, "What the trainer can do at once:", 3},
    {"chunk", KEY_CHUNK, "N", 0,
     "most tokens that go forward and back together (default " QUOTE(
         TRAINING_CHUNK) "); a longer sequence goes in parts, with the same derivative",
     3},
    {0}};

static const struct argp_option target_rows[] = {
    {0, 0, 0, 0, "The target:", 4},
    {"target", KEY_TARGET, "TRIPLE", 0, "target triple (default: this machine)", 4},
    {"cpu", KEY_CPU, "NAME[,NAME...]", 0,
     "target CPU as LLVM names it (default: native, this machine's; with --target the plainest). To ship a "
     "program, name the least that has to run it, or several, the least first, of which it takes the best at "
     "its start: x86-64-v2,x86-64-v3,x86-64-v4",
     4},
    {"features", KEY_FEATURES, "LIST", 0, "LLVM's features, e.g. +avx2,-avx512f", 4},
    {0}};

static const struct argp_option compiler_rows[] = {
    {0, 0, 0, 0, "The compiler:", 5},
    {"passes", KEY_PASSES, "LIST", 0, "runs these passes instead of the default pipeline", 5},
    {"print-after", KEY_PRINT_AFTER, "PASS|all", 0, "prints the IR after a pass to standard error", 5},
    {"disable-pass", KEY_DISABLE, "PASS", 0, "leaves a pass out (repeatable)", 5},
    {"verify", KEY_VERIFY, 0, 0, "checks the IR after every pass", 5},
    {0}};

/* What `opt` can ask of the passes. */
static const struct argp_option request_rows[] = {
    {"chunk", KEY_CHUNK, "N", 0,
     "batch-time: most tokens of one prefill (default: what FILE says, else " QUOTE(CHUNK_DEFAULT) ")", 0},
    {"batch", KEY_BATCH, "N", 0,
     "batch-time: most sequences of one batch (default: what FILE says, else none)", 0},
    {"packing", KEY_PACKING, "2bit|1.6bit|auto", 0,
     "plan-memory: bits that a ternary weight takes (default: what FILE says, else auto)", 0},
    {"fixed-bits", KEY_FIXED_BITS, "N", 0,
     "fixed-point: most bits of a fixed-point number, " QUOTE(WORD_LEAST) " to " QUOTE(
         WORD_MOST) " (default " QUOTE(WORD_MOST) ")",
     0},
    {0}};

/* Of programs only: `simulate` and `synth` take them, as they always did, and say that they mean nothing
 * there. */
static const struct argp_option ignored_rows[] = {{"chunk", KEY_CHUNK, "N", OPTION_HIDDEN, 0, 0},
                                                  {"batch", KEY_BATCH, "N", OPTION_HIDDEN, 0, 0},
                                                  {"threads", KEY_THREADS, "N", OPTION_HIDDEN, 0, 0},
                                                  {"target", KEY_TARGET, "TRIPLE", OPTION_HIDDEN, 0, 0},
                                                  {"cpu", KEY_CPU, "NAME", OPTION_HIDDEN, 0, 0},
                                                  {"features", KEY_FEATURES, "LIST", OPTION_HIDDEN, 0, 0},
                                                  {0}};

void add_setting(struct job *j, struct argp_state *state, char *arg) {
  char *equals = strchr(arg, '='), *end;
  if (!equals || equals == arg)
    argp_error(state, "--set takes NAME=VALUE, e.g. --set hidden=512; got '%s'", arg);
  double value = strtod(equals + 1, &end);
  if (!equals[1])
    argp_error(state, "--set %.*s takes a value, e.g. --set hidden=512", (int)(equals - arg), arg);
  const char *name = arena_strndup(&j->arena, arg, (size_t)(equals - arg));
  vec_push(&j->arena, j->options.settings, (struct spec_setting){name, *end ? NAN : value, equals + 1});
}

static int whole_number(struct argp_state *state, const char *option, const char *arg, int least, int most) {
  char *end;
  long n = strtol(arg, &end, 10);
  if (!*arg || *end || n < least || n > most)
    argp_error(state, "--%s takes a whole number from %d to %d, got '%s'", option, least, most, arg);
  return (int)n;
}

static enum storage packing(struct argp_state *state, const char *arg) {
  static const struct {
    const char *name;
    enum storage storage;
  } names[] = {{"2bit", STORE_TILE2}, {"1.6bit", STORE_TILE3}, {"auto", STORE_NONE}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(arg, names[i].name) == 0)
      return names[i].storage;
  argp_error(state, "--packing takes 2bit, 1.6bit or auto, got '%s'", arg);
  return STORE_NONE;
}

static void calibration_fits(struct argp_state *state, const struct compile_options *o) {
  const char *name = o->calibrate ? "calibrate" : "calibrate-tokens";
  if (!o->calibrate && !o->calibrate_tokens)
    return;
  if (o->calibrate && o->calibrate_tokens)
    argp_error(state, "--calibrate takes a text and --calibrate-tokens ids; give one of them");
  if (!o->fixed)
    argp_error(state, "--%s goes with --fixed", name);
  if (!o->weights)
    argp_error(state, "--%s needs --weights DIR, whose model is run on the %s", name,
               o->calibrate ? "text" : "ids");
}

static enum scale_rule scale_rule(struct argp_state *state, const char *arg) {
  enum scale_rule rule = RULE_AUTO;
  if (!scale_rule_parse(arg, &rule))
    argp_error(state, "--weight-scale takes mean, largest, stored or inverse, got '%s'", arg);
  return rule;
}

/* "11500000000", "11500M", "11.5G" */
static int64_t bytes_of(struct argp_state *state, const char *text) {
  char *end;
  double n = strtod(text, &end);
  double unit = *end == 'G' ? 1e9 : *end == 'M' ? 1e6 : *end == 'k' ? 1e3 : 1;
  if (end == text || end[unit > 1] || !(n > 0) || n * unit > 1e18)
    argp_error(state, "--memory is a number of bytes, also with k, M or G behind it, not '%s'", text);
  return (int64_t)(n * unit);
}

/* How numbers of a training step are kept, by the option's name. */
static enum storage kept_as(struct argp_state *state, const char *option, bool codes, const char *arg) {
  if (strcmp(arg, "f32") == 0 || strcmp(arg, "float32") == 0)
    return STORE_NONE;
  if (strcmp(arg, "bf16") == 0)
    return STORE_BF16;
  if (!codes || strcmp(arg, "8bit") != 0)
    argp_error(state, "%s is f32%s bf16%s, not '%s'", option, codes ? "," : " or", codes ? " or 8bit" : "",
               arg);
  return STORE_I8;
}

static enum products products(struct argp_state *state, const char *arg) {
  enum products p = PRODUCTS_FLOAT32;
  if (!products_parse(arg, &p))
    argp_error(state, "--products takes float32 or bf16, got '%s'", arg);
  return p;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct job *j = state->input;
  struct compile_options *o = &j->options;
  switch (key) {
  case KEY_WEIGHTS: o->weights = arg; break;
  case KEY_SET: add_setting(j, state, arg); break;
  case KEY_NO_REQUIRE: o->no_require = true; break;
  case KEY_WEIGHT_SCALE: o->weight_scale = scale_rule(state, arg); break;
  case KEY_PASSES: o->passes = arg; break;
  case KEY_PRINT_AFTER:
    if (strcmp(arg, "all") != 0 && !pass_find(arg))
      argp_error(state, "--print-after: there is no pass '%s' (ternc opt --help lists them)", arg);
    o->print_after = arg;
    break;
  case KEY_DISABLE:
    if (!pass_find(arg))
      argp_error(state, "--disable-pass: there is no pass '%s' (ternc opt --help lists them)", arg);
    vec_push(&j->arena, o->disable, arg);
    break;
  case KEY_VERIFY: o->verify = true; break;
  case KEY_PREFIX: o->prefix = arg; break;
  case KEY_ALLOW_EXTRA: o->allow_extra = true; break;
  case KEY_TARGET: o->triple = arg; break;
  case KEY_CPU: o->cpu = arg; break;
  case KEY_FEATURES: o->features = arg; break;
  case KEY_THREADS: o->threads = whole_number(state, "threads", arg, 1, 64); break;
  case KEY_PACKING: o->packing = packing(state, arg); break;
  case KEY_FIXED: o->fixed = true; break;
  case KEY_FIXED_BITS:
    o->fixed_bits = whole_number(state, "fixed-bits", arg, WORD_LEAST, WORD_MOST);
    o->fixed = true;
    break;
  case KEY_CALIBRATE: o->calibrate = arg; break;
  case KEY_CALIBRATE_TOKENS: o->calibrate_tokens = arg; break;
  case KEY_CHUNK: o->chunk = whole_number(state, "chunk", arg, 1, 4096); break;
  case KEY_BATCH:
    o->batch = whole_number(state, "batch", arg, 0, 4096);
    o->batch_given = true;
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static error_t parse_ignored(int key, char *arg, struct argp_state *state) {
  struct job *j = state->input;
  (void)arg;
  for (const struct argp_option *o = ignored_rows; o->name; o++)
    if (o->key == key) {
      diag_note(&j->diag, "--%s is about programs and means nothing for hardware; it is ignored", o->name);
      return 0;
    }
  return ARGP_ERR_UNKNOWN;
}

/* Hands the job to the n groups of options below, and looks at them together in the end. */
static error_t parse_groups(int key, struct argp_state *state, int n) {
  struct job *j = state->input;
  const struct compile_options *o = &j->options;
  if (key == ARGP_KEY_INIT)
    for (int i = 0; i < n; i++)
      state->child_inputs[i] = j;
  if (key != ARGP_KEY_END)
    return ARGP_ERR_UNKNOWN;
  calibration_fits(state, o);
  return 0;
}

static const struct argp model = {.options = model_rows, .parser = parse},
                         forms = {.options = form_rows, .parser = parse},
                         training = {.options = training_rows, .parser = parse},
                         target = {.options = target_rows, .parser = parse},
                         compiler = {.options = compiler_rows, .parser = parse},
                         ignored = {.options = ignored_rows, .parser = parse_ignored};

static const struct argp_child program_groups[] = {
    {&model, 0, NULL, 0}, {&forms, 0, NULL, 0}, {&target, 0, NULL, 0}, {&compiler, 0, NULL, 0}, {0}};
static const struct argp_child training_groups[] = {
    {&model, 0, NULL, 0}, {&training, 0, NULL, 0}, {&target, 0, NULL, 0}, {&compiler, 0, NULL, 0}, {0}};
static const struct argp_child hardware_groups[] = {
    {&model, 0, NULL, 0}, {&compiler, 0, NULL, 0}, {&ignored, 0, NULL, 0}, {0}};
enum {
  PROGRAM_GROUPS = sizeof program_groups / sizeof *program_groups - 1,
  TRAINING_GROUPS = sizeof training_groups / sizeof *training_groups - 1,
  HARDWARE_GROUPS = sizeof hardware_groups / sizeof *hardware_groups - 1
};

static error_t parse_program(int key, char *arg, struct argp_state *state) {
  (void)arg;
  return parse_groups(key, state, PROGRAM_GROUPS);
}

static error_t parse_training(int key, char *arg, struct argp_state *state) {
  (void)arg;
  return parse_groups(key, state, TRAINING_GROUPS);
}

static error_t parse_hardware(int key, char *arg, struct argp_state *state) {
  (void)arg;
  return parse_groups(key, state, HARDWARE_GROUPS);
}

static bool consumes(struct argp_state *state, const char *arg) {
  if (strcmp(arg, "whole") != 0 && strcmp(arg, "layer") != 0)
    argp_error(state, "--gradients is whole or layer, not '%s'", arg);
  return *arg == 'l';
}

static error_t parse_step(int key, char *arg, struct argp_state *state) {
  struct job *j = state->input;
  struct compile_options *o = &j->options;
  switch (key) {
  case KEY_PRODUCTS: o->products = products(state, arg); break;
  case KEY_MEMORY: o->memory = bytes_of(state, arg); break;
  case KEY_MOMENTS: o->moments = kept_as(state, "--moments", true, arg); break;
  case KEY_GRADIENTS: o->consume = consumes(state, arg); break;
  case KEY_MASTERS: o->masters = kept_as(state, "--masters", false, arg); break;
  case KEY_RECOMPUTE:
    if (!recompute_parse(arg, &o->recompute))
      argp_error(state, "--recompute is none, codes, elementwise or layer, not '%s'", arg);
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  for (size_t i = 0; i < sizeof step_rows / sizeof *step_rows; i++)
    o->of_step = step_rows[i].key == key ? step_rows[i].name : o->of_step;
  return 0;
}

const struct argp step_argp = {.options = step_rows, .parser = parse_step};
const struct argp compile_argp = {.parser = parse_program, .children = program_groups};
const struct argp request_argp = {.options = request_rows, .parser = parse};
const struct argp compile_training_argp = {.parser = parse_training, .children = training_groups};
const struct argp compile_hardware_argp = {.parser = parse_hardware, .children = hardware_groups};

/* ---- the job ----------------------------------------------------------------------------------------- */

void job_start(struct job *j) {
  *j = (struct job){.options = {.batch = BATCH_DEFAULT}};
#ifndef NDEBUG
  j->options.verify = true;
#endif
}

int job_end(struct job *j, int status) {
  if (j->checkpoint)
    checkpoint_close(j->checkpoint);
  diag_finish(&j->diag);
  if (j->diag.errors)
    status = 1;
  arena_free(&j->arena);
  diag_free(&j->diag);
  return status;
}

bool job_checkpoint(struct job *j, const char *path) {
  const char *prefix = j->options.prefix;
  j->checkpoint = checkpoint_open(&j->diag, &j->arena, path);
  return j->checkpoint && (!prefix || checkpoint_prefix(j->checkpoint, prefix));
}

static int config_find(void *self, const char *key, struct config_value *value) {
  switch (checkpoint_config(self, key, value)) {
  case CONFIG_FOUND: return 1;
  case CONFIG_ABSENT: return 0;
  default: return -1;
  }
}

static bool source_floats(void *self, const char *name, int64_t first, int64_t count, float *out) {
  return checkpoint_read_f32(((struct job *)self)->checkpoint, name, first, count, out);
}

static bool source_ternary(void *self, const char *name, const struct weight *w, int8_t *codes,
                           float *scales) {
  int threads = (int)machine_processors("");
  struct scaling scaling = weight_scaling(w);
  return checkpoint_read_codes(((struct job *)self)->checkpoint, name, w->type.dim[0], w->type.dim[1],
                               &scaling, codes, scales, threads < 1 ? 1 : threads);
}

bool job_open(struct job *j) {
  struct compile_options *o = &j->options;
  if (o->weights && !j->checkpoint && !job_checkpoint(j, o->weights))
    return false;
  return (o->spec || specs_find(j, &o->spec));
}

static bool load(struct job *j) {
  struct compile_options *o = &j->options;
  struct config_source config = {.find = config_find};
  if (!job_open(j))
    return false;
  progress_stage("reading the model");
  if (o->weights) {
    config.self = j->checkpoint;
    config.folder = checkpoint_dir(j->checkpoint);
    config.there = checkpoint_has_config(j->checkpoint);
    j->source = (struct weight_source){j, source_floats, source_ternary};
  }
  struct spec_options options = {.library = tern_library(j),
                                 .config = o->weights ? &config : NULL,
                                 .settings = o->settings.at,
                                 .n_settings = o->settings.n,
                                 .no_require = o->no_require};
  j->module = spec_compile(&j->arena, &j->diag, o->spec, &options);
  if (!j->module)
    return false;
  set_rules(j);
  if (!o->weights)
    return true;
  if (!match_checkpoint(j))
    return false;
  job_find_tokenizer(j);
  return true;
}

bool job_load(struct job *j) {
  bool ok = load(j);
  progress_clear();
  return ok;
}

static bool know_ranges(void *self) {
  return job_know(self);
}

/* What the passes are asked for. Layers whose gradients are consumed are gone back through one by one. */
static struct pass_context pass_context(struct job *j) {
  const struct compile_options *o = &j->options;
  static const struct recompute all;
  return (struct pass_context){.chunk = o->chunk,
                               .batch = o->batch,
                               .packing = o->packing || !j->policy ? o->packing : j->policy->packing,
                               .slow_trits = j->slow_trits,
                               .policy = j->policy,
                               .products = o->products,
                               .word = o->fixed_bits,
                               .recompute = o->consume && o->recompute.group ? all : o->recompute,
                               .consume = o->consume,
                               .moments = o->moments,
                               .masters = o->masters,
                               .know_ranges = o->weights ? know_ranges : NULL,
                               .self = j};
}

static bool run_passes(struct job *j, const char *list, unsigned within) {
  struct compile_options *o = &j->options;
  vec_push(&j->arena, o->disable, NULL);
  o->disable.n--;
  struct pass_options options = {.context = pass_context(j),
                                 .verify = o->verify,
                                 .print_after = o->print_after,
                                 .disable = o->disable.at,
                                 .within = within};
  progress_stage("running the passes");
  bool ok = passes_run(j->module, list, &options);
  progress_clear();
  return ok;
}

bool job_passes(struct job *j, const char *list) {
  return run_passes(j, list, 0);
}

bool job_pipeline(struct job *j, enum pipeline_id plain, enum pipeline_id fixed) {
  const struct compile_options *o = &j->options;
  unsigned within = 1u << plain | 1u << fixed;
  return run_passes(j, o->passes ? o->passes : pipelines[o->fixed ? fixed : plain].name, within);
}

bool job_image(struct job *j, FILE *out, uint64_t at, uint64_t *bytes) {
  struct image_options options = {
      .tokenizer = j->tokenizer, .tokenizer_bytes = j->tokenizer_bytes, .progress = true};
  return image_write(j->module, &j->source, out, at, bytes, &options);
}
