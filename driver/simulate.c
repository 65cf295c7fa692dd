/* simulate.c: `ternc simulate SPEC`: writes the hardware project to a folder of its own, builds its test
 * bench, runs it on a prompt or on given tokens, and tells what came out, how long it took and where the time
 * went.
 *
 * The design's own ranking drives the text: the test bench feeds each best token back. What every unit stores
 * is held against the interpreter, which goes the same way; the first difference ends the run. */
#include "driver/hardware.h"

#include "backends/hardware/streaming/design.h"
#include "driver/bench.h"
#include "driver/simulation.h"
#include "driver/tokens.h"
#include "driver/unrolled_job.h"
#include "support/scratch.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
  KEY_PROMPT = 2000,
  KEY_TOKENS,
  KEY_LOGITS,
  KEY_SIMULATOR,
  KEY_STALLS,
  KEY_TRACE,
  KEY_SAVE,
  KEY_END,
  KEY_JSON,
  KEY_OUTPUT
};

struct simulate {
  struct job job;
  struct hw_options hardware;
  const char *prompt, *tokens, *logits, *trace, *output;
  struct simulation_options how;
  int generate; /* tokens to write; -1: the default */
  int end;      /* the step that a sequence ends with; 0: none ends */
  bool json;
};

static const struct argp_option options[] = {
    {0, 0, 0, 0, "What to run:", 1},
    {"prompt", KEY_PROMPT, "TEXT", 0, "the text that the model goes on from", 1},
    {"length", 'n', "N", 0, "tokens to write after the prompt (default 16), or after the file's (default 0)",
     1},
    {"tokens", KEY_TOKENS, "FILE", 0, "token ids; with --hw-batch of all sequences in turn", 1},
    {"logits-raw", KEY_LOGITS, "OUT", 0, "writes every logit as int32, as a --fixed program does", 1},
    {"simulator", KEY_SIMULATOR, "verilator|icarus", 0, "(default verilator)", 1},
    {"stalls", KEY_STALLS, "SEED", 0, "memory and streams wait at random", 1},
    {"save-restore", KEY_SAVE, "STEP", 0,
     "streaming: after that step all states are read through the registers, cleared and written back", 1},
    {"end-after", KEY_END, "STEP", 0,
     "streaming: sequences end with that step (the second with the next one, and so on) and begin anew", 1},
    {"trace", KEY_TRACE, "FILE", 0, "writes a waveform (VCD)", 1},
    {"json", KEY_JSON, 0, 0, "prints the result as JSON", 1},
    {"output", 'o', "DIR", 0, "keeps the project there", 1},
    {0}};

static int number(struct argp_state *state, const char *option, const char *arg) {
  char *end;
  long n = strtol(arg, &end, 10);
  if (!*arg || *end || n < 0 || n > 1000000)
    argp_error(state, "%s takes a whole number, got '%s'", option, arg);
  return (int)n;
}

static void check(struct argp_state *state, const struct simulate *s) {
  if (!s->job.options.weights)
    argp_error(state, "--weights DIR is needed to run a model (ternc weights --random makes one up)");
  if (!s->prompt == !s->tokens)
    argp_error(state, "one of --prompt TEXT and --tokens FILE is needed");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct simulate *s = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &s->job;
    state->child_inputs[1] = &s->hardware;
    break;
  case KEY_PROMPT: s->prompt = arg; break;
  case KEY_TOKENS: s->tokens = arg; break;
  case KEY_LOGITS: s->logits = arg; break;
  case KEY_SIMULATOR:
    if (strcmp(arg, "verilator") != 0 && strcmp(arg, "icarus") != 0)
      argp_error(state, "--simulator is verilator or icarus, not '%s'", arg);
    s->how.simulator = arg;
    break;
  case KEY_STALLS: s->how.stalls = number(state, "--stalls", arg); break;
  case KEY_SAVE: s->how.save_restore = number(state, "--save-restore", arg); break;
  case KEY_END: s->end = number(state, "--end-after", arg); break;
  case KEY_TRACE: s->trace = arg; break;
  case KEY_JSON: s->json = true; break;
  case 'n': s->generate = number(state, "-n", arg); break;
  case 'o': s->output = arg; break;
  case ARGP_KEY_ARG:
    if (s->job.options.spec)
      argp_error(state, "one SPEC is expected; '%s' is a second one", arg);
    s->job.options.spec = arg;
    break;
  case ARGP_KEY_END: check(state, s); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

/* ---- tokens ---------------------------------------------------------------------------------------- */

/* The prompt's ids, each for all sequences. */
static bool prompt_tokens(struct simulate *s, const struct tokenizer *t, int sequences,
                          struct hw_vectors *v) {
  size_t n;
  const uint32_t *ids = text_ids(&s->job, t, s->prompt, strlen(s->prompt), &n);
  if (!ids)
    return false;
  v->n = (int64_t)n * sequences;
  uint32_t *all = arena_array(&s->job.arena, uint32_t, v->n + 1);
  for (int64_t i = 0; i < v->n; i++)
    all[i] = ids[i / sequences];
  v->tokens = all;
  return true;
}

static bool file_tokens(struct simulate *s, const struct hw_design *h, struct hw_vectors *v) {
  size_t n, sequences = (size_t)h->options.sequences;
  v->tokens = file_ids(&s->job, s->tokens, (uint32_t)h->vocab, &n);
  if (!v->tokens)
    return false;
  v->n = (int64_t)n;
  if (n % sequences)
    diag_error(&s->job.diag, "%s: has %zu ids, and %zu sequences need a multiple of that", s->tokens, n,
               sequences);
  return n % sequences == 0;
}

/* ---- what is printed ------------------------------------------------------------------------------- */

static void print_text(struct arena *a, const struct tokenizer *t, const struct hw_design *h,
                       const struct hw_vectors *v, const struct simulation *r, int64_t written) {
  int sequences = h->options.sequences;
  int64_t given = v->n / sequences;
  uint32_t *ids = arena_array(a, uint32_t, given + written + 1);
  for (int q = 0; q < sequences; q++) {
    for (int64_t k = 0; k < given + written; k++)
      ids[k] = k < given ? v->tokens[k * sequences + q] : (uint32_t)r->best[(k - 1) * sequences + q];
    print_ids(t, ids, (size_t)(given + written));
  }
}

static const char *what_of(const struct hw_unit *u) {
  return u->kind == HW_UNIT_SUM ? u->weight->name : "";
}

static void print_result(const struct hw_design *h, const struct simulation *r) {
  double steps = (double)r->steps;
  printf("%lld step%s of %d %s on %s: every stored number equals the interpreter's\n", (long long)r->steps,
         r->steps == 1 ? "" : "s", h->options.sequences, h->options.sequences == 1 ? "sequence" : "sequences",
         r->simulator);
  printf("%.1f clocks a step (%lld from the schedule, %.1f awaiting words, %.1f awaiting the output); all "
         "lanes busy in %.1f %%\n",
         (double)r->cycles / steps, (long long)h->step_cycles, (double)r->awaits / steps,
         (double)r->output / steps, 100 * (double)r->lanes / (double)r->cycles);
  if (r->states)
    printf("%lld words of states saved, cleared and restored; %lld had not their initial value\n",
           (long long)r->states, (long long)r->changed);
  printf("  %-28s %12s %8s\n", "unit", "clocks/step", "share");
  for (int i = 0; i < h->units.n; i++)
    printf("  %-28s %12.1f %6.1f %%  %s\n", h->units.at[i]->name, (double)r->units[i] / steps,
           100 * (double)r->units[i] / (double)r->cycles, what_of(h->units.at[i]));
}

static void print_json(const struct hw_design *h, const struct hw_vectors *v, const struct simulation *r) {
  json_t *o = json_object(), *best = json_array(), *units = json_array();
  int64_t n = (v->n / h->options.sequences + v->generate) * h->options.sequences;
  for (int64_t i = 0; i < n; i++)
    json_array_append_new(best, json_integer(r->best[i]));
  for (int i = 0; i < h->units.n; i++)
    json_array_append_new(units, json_pack("{s:s, s:I, s:I}", "name", h->units.at[i]->name, "clocks",
                                           (json_int_t)r->units[i], "expected",
                                           (json_int_t)(h->units.at[i]->cycles)));
  json_object_set_new(o, "simulator", json_string(r->simulator));
  json_object_set_new(o, "equal", json_true());
  json_object_set_new(o, "steps", json_integer(r->steps));
  json_object_set_new(o, "clocks", json_integer(r->cycles));
  json_object_set_new(o, "clocks_awaiting_words", json_integer(r->awaits));
  json_object_set_new(o, "clocks_awaiting_output", json_integer(r->output));
  json_object_set_new(o, "clocks_all_lanes_busy", json_integer(r->lanes));
  json_object_set_new(o, "clocks_a_step_from_schedule", json_integer(h->step_cycles));
  json_object_set_new(o, "state_words_restored", json_integer(r->states));
  json_object_set_new(o, "state_words_changed", json_integer(r->changed));
  json_object_set_new(o, "best", best);
  json_object_set_new(o, "units", units);
  json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
  putchar('\n');
  json_decref(o);
}

/* ---- the run --------------------------------------------------------------------------------------- */

/* Both are about a step that another one follows. */
static bool steps_exist(struct simulate *s, int64_t steps) {
  if (s->how.save_restore >= steps && s->how.save_restore)
    diag_error(&s->job.diag, "--save-restore %d: the last step is %lld, and one must follow",
               s->how.save_restore, (long long)steps);
  else if (s->end >= steps && s->end)
    diag_error(&s->job.diag, "--end-after %d: the last step is %lld, and one must follow", s->end,
               (long long)steps);
  else
    return true;
  return false;
}

static bool run(struct simulate *s, const struct hw_design *h, const struct tokenizer *t, const char *dir) {
  int written = s->generate >= 0 ? s->generate : s->prompt ? 16 : 0;
  struct hw_vectors v = {.units = true, .generate = written, .ends = s->end};
  struct simulation r = {0};
  bool ok = s->prompt ? prompt_tokens(s, t, h->options.sequences, &v) : file_tokens(s, h, &v);
  if (s->prompt && v.generate > 0)
    v.generate--; /* the prompt's last step gives the first */
  s->how.trace = s->trace;
  s->how.logits = s->logits;
  ok = ok && steps_exist(s, v.n / h->options.sequences + v.generate) && hardware_write(&s->job, h, dir, &v) &&
       simulation_run(&s->job, h, dir, &v, &s->how, &r);
  if (!ok)
    return false;
  if (s->json) {
    print_json(h, &v, &r);
    return true;
  }
  if (t)
    print_text(&s->job.arena, t, h, &v, &r, written);
  print_result(h, &r);
  return true;
}

static bool run_unrolled(struct simulate *s) {
  if (s->how.save_restore || s->end) {
    diag_error(&s->job.diag, "%s is for the streaming machine; this one has its states in the pipeline",
               s->end ? "--end-after" : "--save-restore");
    return false;
  }
  struct unrolled_request r = {.prompt = s->prompt,
                               .tokens = s->tokens,
                               .generate = s->generate,
                               .simulator = s->how.simulator,
                               .stalls = s->how.stalls,
                               .logits = s->logits,
                               .trace = s->trace,
                               .output = s->output,
                               .json = s->json};
  return unrolled_simulate(&s->job, &s->hardware, &r);
}

static bool run_streaming(struct simulate *s) {
  struct hw_design *h = hardware_plan(&s->job, &s->hardware);
  struct tokenizer *t = h && s->prompt ? job_tokenizer(&s->job, NO_TOKENIZER) : NULL;
  bool ok = h && (t || !s->prompt);
  char *scratch = ok && !s->output ? scratch_make(&s->job.diag, &s->job.arena) : NULL;
  const char *dir = s->output ? s->output : scratch;
  ok = ok && dir && run(s, h, t, dir);
  if (t)
    tokenizer_close(t);
  scratch_remove(scratch);
  return ok;
}

static const struct argp_child children[] = {
    {&compile_hardware_argp, 0, NULL, 0}, {&hardware_argp, 0, NULL, 0}, {0}};
const struct argp simulate_argp = {
    options, parse, "[SPEC]", "Runs a model's hardware in simulation. " SPEC_LEFT_OUT, children, NULL, NULL};

int simulate_main(int argc, char **argv) {
  struct simulate s = {.generate = -1, .how = {.simulator = "verilator"}};
  job_start(&s.job);
  argp_parse(&simulate_argp, argc, argv, 0, NULL, &s);
  enum hw_machine machine;
  bool ok = bench_beside(&s.job, s.output, "--logits-raw", s.logits) &&
            bench_beside(&s.job, s.output, "--trace", s.trace) &&
            hardware_machine(&s.job, &s.hardware, &machine) &&
            (machine == HW_UNROLLED ? run_unrolled(&s) : run_streaming(&s));
  return job_end(&s.job, ok ? 0 : 1);
}
