/* main.c: `ternc COMMAND`: finds the command in the table and runs it. */
#include "driver/command_line.h"

#include "support/stop.h"
#include <string.h>

static const char *const options[] = {"--help", "--version", "-h"};

static void usage(FILE *out) {
  fprintf(out, "Usage: ternc COMMAND [OPTION...]\n"
               "Compiles MatMul-free language models to native programs, libraries and C.\n\n");
  for (int i = 0; i < command_count; i++)
    fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].help);
  fprintf(out, "\n`ternc COMMAND --help` lists a command's options; `ternc --version` prints the version.\n");
}

/* A command, or an option where a command stands. */
static int unknown(const char *name) {
  struct arena a = {0};
  VEC(const char *) names = {0};
  bool option = *name == '-';
  for (int i = 0; i < command_count && !option; i++)
    vec_push(&a, names, commands[i].name);
  for (size_t i = 0; i < sizeof options / sizeof *options && option; i++)
    vec_push(&a, names, options[i]);
  const char *near = diag_nearest(name, names.at, names.n);
  fprintf(stderr, "ternc: error: %s '%s'%s%s%s\n`ternc --help` lists the commands%s\n",
          option ? "unknown option" : "unknown command", name, near ? "; did you mean '" : "",
          near ? near : "", near ? "'?" : "", option ? "; their options stand behind them" : "");
  arena_free(&a);
  return 1;
}

int main(int argc, char **argv) {
  argp_err_exit_status = 1;
  stop_prepare();
  if (argc < 2) {
    usage(stderr);
    return 1;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
    usage(stdout);
    return fflush(stdout) ? 1 : 0;
  }
  if (strcmp(argv[1], "--version") == 0) {
    printf("ternc " TERN_VERSION "\n");
    return fflush(stdout) ? 1 : 0;
  }
  const struct command *c = command_named(argv[1]);
  if (!c)
    return unknown(argv[1]);
  char name[32];
  snprintf(name, sizeof name, "ternc %s", c->name);
  argv[1] = name;
  return options_known(c, argc - 1, argv + 1) ? c->run(argc - 1, argv + 1) : 1;
}
