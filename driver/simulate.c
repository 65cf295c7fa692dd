/* simulate.c: `ternc simulate SPEC`: writes the hardware project to a folder of its own, builds its test
 * bench, runs it on a prompt or on given tokens, and tells what came out, how long it took and where the time
 * went. The machine's row (machines.def) does it; what differs from the interpreter ends the run. */
#include "driver/accelerator.h"
#include "driver/bench.h"

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
  struct hardware hardware;
  struct simulation_request request;
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
  const struct simulation_request *r = &s->request;
  if (!s->job.options.weights)
    argp_error(state, "--weights DIR is needed to run a model (ternc weights --random makes one up)");
  if (!r->prompt == !r->tokens)
    argp_error(state, "one of --prompt TEXT and --tokens FILE is needed");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct simulate *s = state->input;
  struct simulation_request *r = &s->request;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &s->job;
    state->child_inputs[1] = &s->hardware;
    break;
  case KEY_PROMPT: r->prompt = arg; break;
  case KEY_TOKENS: r->tokens = arg; break;
  case KEY_LOGITS: r->logits = arg; break;
  case KEY_SIMULATOR:
    if (strcmp(arg, "verilator") != 0 && strcmp(arg, "icarus") != 0)
      argp_error(state, "--simulator is verilator or icarus, not '%s'", arg);
    r->simulator = arg;
    break;
  case KEY_STALLS: r->stalls = number(state, "--stalls", arg); break;
  case KEY_SAVE: r->save_restore = number(state, "--save-restore", arg); break;
  case KEY_END: r->end = number(state, "--end-after", arg); break;
  case KEY_TRACE: r->trace = arg; break;
  case KEY_JSON: r->json = true; break;
  case 'n': r->generate = number(state, "-n", arg); break;
  case 'o': r->output = arg; break;
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

static const struct argp_child children[] = {
    {&compile_hardware_argp, 0, NULL, 0}, {&hardware_argp, 0, NULL, 0}, {0}};
const struct argp simulate_argp = {
    options, parse, "[SPEC]", "Runs a model's hardware in simulation. " SPEC_LEFT_OUT, children, NULL, NULL};

int simulate_main(int argc, char **argv) {
  struct simulate s = {.request = {.generate = -1, .simulator = "verilator"}};
  const struct simulation_request *r = &s.request;
  job_start(&s.job);
  argp_parse(&simulate_argp, argc, argv, 0, NULL, &s);
  bool ok = bench_beside(&s.job, r->output, "--logits-raw", r->logits) &&
            bench_beside(&s.job, r->output, "--trace", r->trace);
  const struct machine *machine = ok ? machine_for(&s.job, &s.hardware) : NULL;
  ok = machine && machine->simulate(&s.job, &s.hardware.options, r);
  return job_end(&s.job, ok ? 0 : 1);
}
