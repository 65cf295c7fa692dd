/* main.c: `ternc COMMAND`. Commands are one table, from which the help is printed. */
#include "driver/command_line.h"

#include "support/stop.h"
#include <string.h>

static const struct command commands[] = {
    {"build", "compile a model: spec and checkpoint to a program, a library, C, or any stage between",
     build_main, &build_argp},
    {"run", "compile in memory and run: write text, measure perplexity, compare engines", run_main,
     &run_argp},
    {"simulate", "run a model's hardware in Verilator or Icarus, against the interpreter", simulate_main,
     &simulate_argp},
    {"synth", "report on a model as hardware: resources, clock, tokens a second, energy", synth_main,
     &synth_argp},
    {"opt", "read IR text, run passes, write IR text", opt_main, &opt_argp},
    {"weights", "show, pack or make up a checkpoint", weights_main, &weights_argp},
    {"adder-graph", "turn a ternary matrix into additions with shared partial sums: figures, Verilog",
     adder_graph_main, &adder_graph_argp},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *out) {
  fprintf(out, "Usage: ternc COMMAND [OPTION...]\n"
               "Compiles MatMul-free language models to native programs, libraries and C.\n\n");
  for (int i = 0; i < COMMANDS; i++)
    fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].help);
  fprintf(out, "\n`ternc COMMAND --help` lists a command's options; `ternc --version` prints the version.\n");
}

int main(int argc, char **argv) {
  const char *names[COMMANDS];
  argp_err_exit_status = 1;
  stop_prepare();
  for (int i = 0; i < COMMANDS; i++)
    names[i] = commands[i].name;
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
  for (int i = 0; i < COMMANDS; i++)
    if (strcmp(argv[1], commands[i].name) == 0) {
      char name[32];
      snprintf(name, sizeof name, "ternc %s", commands[i].name);
      argv[1] = name;
      if (!options_known(&commands[i], argc - 1, argv + 1))
        return 1;
      return commands[i].run(argc - 1, argv + 1);
    }
  const char *near = diag_nearest(argv[1], names, COMMANDS);
  fprintf(stderr, "ternc: error: unknown command '%s'%s%s%s\n", argv[1], near ? "; did you mean '" : "",
          near ? near : "", near ? "'?" : "");
  fprintf(stderr, "`ternc --help` lists the commands\n");
  return 1;
}
