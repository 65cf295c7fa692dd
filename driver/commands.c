/* commands.c: the table of commands, from which the help, the manual pages and the completions are printed.
 */
#include "driver/command_line.h"

#include <string.h>

const struct command commands[] = {
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
    {"tokenizer", "train a tokenizer; turn texts into ids for training, and back", tokenizer_main,
     &tokenizer_argp},
    {"train", "train a model: from a text to a checkpoint that the other commands take", train_main,
     &train_argp},
    {"adder-graph", "turn a ternary matrix into additions with shared partial sums: figures, Verilog",
     adder_graph_main, &adder_graph_argp},
    {"completion", "print the completions of a shell: bash or zsh", completion_main, &completion_argp},
    {"man", "print the manual page of ternc or of a command", man_main, &man_argp},
};
const int command_count = sizeof commands / sizeof *commands;

const struct command *command_named(const char *name) {
  for (int i = 0; i < command_count; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}
