/* options.h: the command line of a built program.
 *
 * One table row an option (options.c): name, kind, bounds, and the modes in which it means something;
 * parsing, the checks and the help text all follow from it. */
#ifndef TERN_RUNTIME_OPTIONS_H
#define TERN_RUNTIME_OPTIONS_H

#include "runtime/core/base.h"
#include "runtime/model.h"
#include "runtime/text/sample.h"

enum mode {
  MODE_GENERATE = 1 << 0,
  MODE_PERPLEXITY = 1 << 1,
  MODE_LOGITS = 1 << 2,
  MODE_TOKENIZE = 1 << 3,
  MODE_BENCH = 1 << 4,
  MODE_INFO = 1 << 5,
  MODE_VERIFY = 1 << 6,
  MODE_HELP = 1 << 7,
  MODE_VERSION = 1 << 8,
};

struct options {
  enum mode mode;
  const char *prompt, *prompt_file, *perplexity, *tokens, *logits, *logits_raw, *tokenize, *weights_file,
      *cpu_level;
  uint64_t length, threads, chunk, context, bench_tokens, bench_prompt, bench_batch, bench_context;
  struct sampling sampling;
  bool ignore_eos, special, no_special, bos, no_bos, no_echo, quiet, json, profile, bench, info, verify, help,
      version;
};

bool options_parse(struct options *o, int argc, char **argv, struct failure *f);
void options_help(const struct tern_model *m, const char *name);

/* The options in the order of the table, from 0; false after the last. For `ternc run`, which passes them on,
 * and for completions. */
struct option_text {
  const char *name, *argument, *help; /* argument NULL: a flag */
  char letter;                        /* 0: none */
};
bool options_text(int i, struct option_text *text);

#endif
