/* main.c: the entry of a built trainer. The object that ternc generates beside it says which model it is. */
#include "runtime/core/cpu.h"
#include "runtime/core/files.h"
#include "training/training_program.h"

extern const struct tern_model *const tern_program_model;

enum { KEY_PREFIX = 9000 };
/* What other commands call it, and so do messages. */
static const struct argp_option own[] = {{"prefix", KEY_PREFIX, "STR", OPTION_HIDDEN, "as --init-prefix", 0},
                                         {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  if (key == KEY_PREFIX) {
    ((struct training_options *)state->input)->prefix = arg;
    return 0;
  }
  if (key == ARGP_KEY_INIT)
    state->child_inputs[0] = state->input;
  if (key == ARGP_KEY_ARG)
    argp_error(state, "unexpected argument '%s'; what is learned from goes after --data", arg);
  return key == ARGP_KEY_INIT ? 0 : ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv) {
  struct argp_child children[] = {{&training_argp, 0, NULL, 0}, {0}};
  struct argp argp = {own,
                      parse,
                      NULL,
                      "Trains a language model that ternc has compiled.\v"
                      "The folder of a training is a checkpoint: ternc run and ternc build take it as "
                      "--weights. The exit status is 0, 1 after an error, or 130 when interrupted; "
                      "then, too, all is saved.",
                      children,
                      NULL,
                      NULL};
  struct arena arena = {0};
  struct diag diag = {0};
  struct training_options options;
  struct failure f = {0};
  argp_err_exit_status = 1;
  streams_fill();
  training_defaults(&options, &arena);
  argp_parse(&argp, argc, argv, 0, NULL, &options);
  const struct tern_model *model = cpu_choose(tern_program_model, NULL, &f);
  int status = 1;
  if (model)
    status = training_program(model, &options, &diag);
  else
    diag_error(&diag, "%s", f.text);
  diag_finish(&diag);
  diag_free(&diag);
  arena_free(&arena);
  return status;
}
