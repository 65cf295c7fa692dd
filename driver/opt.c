/* opt.c: `ternc opt FILE.tir --passes=a,b,c`: IR text in, IR text out. */
#include "driver/driver.h"

#include "backends/lower/loops.h"
#include "passes/training/memory.h"
#include "support/file.h"
#include <stdlib.h>

enum { KEY_PASSES = 2000, KEY_PRINT_AFTER, KEY_LOOPS, KEY_PRINT_MEMORY, LARGEST_TEXT = 64 << 20 };

struct opt {
  struct job job;
  const char *input, *output, *passes;
  bool loops, print_memory;
  uint16_t source;
};

static const struct argp_option options[] = {
    {"passes", KEY_PASSES, "LIST", 0,
     "passes and pipelines to run, separated by commas (default: none, only check and print)", 0},
    {"print-after", KEY_PRINT_AFTER, "PASS|all", 0, "prints the IR after a pass to standard error", 0},
    {"print-loops", KEY_LOOPS, 0, 0, "prints the loops that the back ends get, instead of the IR", 0},
    {"print-memory", KEY_PRINT_MEMORY, 0, 0, "prints what a training step's memory is for, instead of the IR",
     0},
    {"output", 'o', "FILE", 0, "where the IR goes (default: standard output)", 0},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct opt *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = &o->job; break;
  case KEY_PASSES: o->passes = arg; break;
  case KEY_PRINT_AFTER: o->job.options.print_after = arg; break;
  case KEY_LOOPS: o->loops = true; break;
  case KEY_PRINT_MEMORY: o->print_memory = true; break;
  case 'o': o->output = arg; break;
  case ARGP_KEY_ARG:
    if (o->input)
      argp_error(state, "one FILE is expected; '%s' is a second one", arg);
    o->input = arg;
    break;
  case ARGP_KEY_NO_ARGS: argp_error(state, "a FILE with IR text is expected ('-' for standard input)"); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

/* The passes as --help lists them. */
static char *help(int key, const char *text, void *input) {
  (void)input;
  if (key != ARGP_KEY_HELP_POST_DOC)
    return (char *)text;
  struct arena a = {0};
  const char *list = "Passes, in the order in which pipelines run them:\n";
  for (int i = 0; i < pass_count; i++)
    list = arena_printf(&a, "%s  %-14s %s\n", list, passes[i].name, passes[i].help);
  list = arena_printf(&a, "%s\nPipelines, which --passes takes as well:\n", list);
  for (int i = 0; i < pipeline_count; i++)
    list = arena_printf(&a, "%s  %-14s %s\n", list, pipelines[i].name, pipelines[i].help);
  char *copy = xstrdup(list);
  arena_free(&a);
  return copy;
}

/* The text's module, with that choice of what is computed again and of a call's tokens, after the passes. */
static struct module *make(void *self, struct recompute choice, int64_t chunk) {
  struct opt *o = self;
  struct job *j = &o->job;
  j->options.recompute = choice;
  j->options.chunk = (int)chunk;
  j->module = ir_parse(&j->arena, &j->diag, o->source);
  return j->module && (!o->passes || job_passes(j, o->passes)) ? j->module : NULL;
}

static bool is_planned_training(struct opt *o) {
  const struct module *m = o->job.module;
  bool fits = m->state_bytes >= 0 && m->weights_bytes >= 0 && func_find(m, "update");
  if (!fits)
    diag_error(&o->job.diag, "%s wants a planned training step: --passes=training",
               o->job.options.memory ? "--memory" : "--print-memory");
  return fits;
}

/* Whether there is a module; where --memory asks for it, one that fits. */
static bool make_module(struct opt *o) {
  struct job *j = &o->job;
  int64_t chunk = j->options.chunk;
  if (!make(o, j->options.recompute, chunk))
    return false;
  if (!o->job.options.memory && !o->print_memory)
    return true;
  return is_planned_training(o) &&
         (!o->job.options.memory || training_fit(&j->diag, o->job.options.memory, chunk, make, o));
}

static void print(struct opt *o, const struct loops *loops, FILE *out) {
  const struct module *m = o->job.module;
  struct training_memory n = o->print_memory ? training_memory(m) : (struct training_memory){0};
  if (o->print_memory)
    training_memory_print(&n, out);
  else if (loops)
    loops_print(loops, out);
  else
    ir_print(m, out);
}

static bool transform(struct opt *o) {
  struct job *j = &o->job;
  size_t length;
  char *text = text_read(&j->diag, &j->arena, o->input, LARGEST_TEXT, &length);
  if (!text)
    return false;
  j->options.verify = true;
  o->source = diag_add_source(&j->diag, o->input, text, length);
  if (!make_module(o))
    return false;
  struct loops *loops = o->loops ? loops_lower(&j->arena, j->module, &policy_team) : NULL;
  struct output out;
  if ((o->loops && !loops) || !output_open(&out, &j->diag, o->output ? o->output : "-"))
    return false;
  print(o, loops, out.file);
  return output_close(&out, false);
}

static const struct argp_child children[] = {{&request_argp, 0, NULL, 0}, {&step_argp, 0, NULL, 0}, {0}};
const struct argp opt_argp = {options,  parse, "FILE.tir", "Runs passes over IR text.\v",
                              children, help,  NULL};

int opt_main(int argc, char **argv) {
  struct opt o = {0};
  job_start(&o.job);
  o.job.options.batch = 0; /* unless --batch or the text asks for it */
  argp_parse(&opt_argp, argc, argv, 0, NULL, &o);
  return job_end(&o.job, transform(&o) ? 0 : 1);
}
