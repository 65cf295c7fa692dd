/* weights.c: `ternc weights`: what is inside a checkpoint; its compact form; a random one of any published
 * shape. */
#include "driver/driver.h"
#include "driver/random_checkpoint.h"
#include "driver/summary.h"

#include "runtime/core/machine.h"
#include "support/file.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_JSON = 1000, KEY_PACK, KEY_PREFIX, KEY_RANDOM, KEY_SEED, KEY_SET };

struct weights {
  struct job job;
  const char *input, *output, *random;
  bool json, pack, quiet;
  uint64_t seed;
};

static const struct argp_option options[] = {
    {"json", KEY_JSON, 0, 0, "prints the listing, or what was written, as JSON", 0},
    {"pack", KEY_PACK, 0, 0,
     "writes the compact form of the checkpoint into the folder -o names: ternary matrices at "
     "1.6 bits a weight, all else as it is",
     0},
    {"prefix", KEY_PREFIX, "STR", 0, "strips STR from the names of tensors (_orig_mod., module.)", 0},
    {"random", KEY_RANDOM, "SPEC|CONFIG", 0,
     "makes a random checkpoint in the folder -o names: of what SPEC.tern asks for, or in the shape of "
     "CONFIG: a "
     "config.json, 370M, 1.3B, 2.7B, or key=value,... over the 370M's",
     0},
    {"set", KEY_SET, "NAME=VALUE", 0, "of --random SPEC: gives a parameter of it its value (repeatable)", 0},
    {"seed", KEY_SEED, "N", 0, "of --random (default 1)", 0},
    {"output", 'o', "DIR", 0, "folder to write to", 0},
    {"quiet", 'q', 0, 0, "does not say what was written", 0},
    {0}};

static bool is_spec(const char *name) {
  size_t n = name ? strlen(name) : 0;
  return n > 5 && strcmp(name + n - 5, ".tern") == 0;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct weights *w = state->input;
  char *end;
  switch (key) {
  case KEY_JSON: w->json = true; break;
  case KEY_PACK: w->pack = true; break;
  case KEY_PREFIX: w->job.options.prefix = arg; break;
  case KEY_RANDOM: w->random = arg; break;
  case KEY_SET: add_setting(&w->job, state, arg); break;
  case KEY_SEED:
    w->seed = strtoull(arg, &end, 10);
    if (!*arg || *end)
      argp_error(state, "--seed takes a whole number, got '%s'", arg);
    break;
  case 'o': w->output = arg; break;
  case 'q': w->quiet = true; break;
  case ARGP_KEY_ARG:
    if (w->input)
      argp_error(state, "one DIR or FILE is expected; '%s' is a second one", arg);
    w->input = arg;
    break;
  case ARGP_KEY_END:
    if (w->random ? w->input != NULL : w->input == NULL)
      argp_error(state,
                 w->random ? "--random reads no checkpoint; leave out '%s'"
                           : "a checkpoint (DIR or FILE) is expected, or --random SPEC or CONFIG",
                 w->input);
    if ((w->pack || w->random) && !w->output)
      argp_error(state, "%s needs -o DIR", w->pack ? "--pack" : "--random");
    if (w->job.options.prefix && *w->job.options.prefix == '+')
      argp_error(state, "--prefix +STR looks for a model's names; a name can only be stripped here");
    if (w->job.options.settings.n && !is_spec(w->random))
      argp_error(state, "--set gives a parameter of a spec its value: --random SPEC.tern --set NAME=VALUE");
    if (w->pack && w->random)
      argp_error(state, "--pack and --random exclude each other");
    break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

/* Says what is in the folder now, and what to do with it. */
static bool report(struct weights *w) {
  struct arena *a = &w->job.arena;
  struct summary s = {.kind = "checkpoint", .path = w->output};
  s.use = arena_printf(a, "use it: ternc build %s --weights %s",
                       is_spec(w->random) ? shell_word(a, w->random) : "SPEC", shell_word(a, w->output));
  if (w->json)
    return summary_json(&w->job, &s);
  if (!w->quiet)
    summary_print(&w->job, &s);
  return true;
}

static bool work(struct weights *w) {
  struct job *j = &w->job;
  if (is_spec(w->random)) {
    j->options.spec = w->random;
    return random_checkpoint(j, w->output, w->seed) && report(w);
  }
  if (w->random)
    return checkpoint_random(&j->diag, w->random, w->output, w->seed) && report(w);
  if (!job_checkpoint(j, w->input))
    return false;
  if (w->pack)
    return checkpoint_pack(j->checkpoint, w->output, (int)machine_processors("")) && report(w);
  struct output out;
  if (!output_open(&out, &j->diag, w->output ? w->output : "-"))
    return false;
  if (!checkpoint_print(j->checkpoint, out.file, w->json)) {
    output_abort(&out);
    return false;
  }
  const char *spec = w->json ? NULL : specs_known(j);
  if (spec)
    fprintf(out.file, "spec: %s\n", spec);
  return output_close(&out, false);
}

const struct argp weights_argp = {
    options, parse, "DIR|FILE\n--random SPEC|CONFIG -o DIR", "Shows, packs or makes up a checkpoint.", NULL,
    NULL,    NULL};

int weights_main(int argc, char **argv) {
  struct weights w = {.seed = 1};
  job_start(&w.job);
  argp_parse(&weights_argp, argc, argv, 0, NULL, &w);
  return job_end(&w.job, work(&w) ? 0 : 1);
}
