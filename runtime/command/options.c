/* options.c: the table of options, and what follows from it.
 *
 * getopt_long does the splitting: unlike argp it is in every POSIX libc that Tern programs are built with,
 * and it leaves the wording of errors to the caller. */
#include "runtime/command/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/team.h"
#include "runtime/text/nearest.h"

enum option_kind { FLAG, TEXT, WHOLE, REAL }; /* bool, const char *, uint64_t, double */

enum {
  RUNS = MODE_GENERATE | MODE_PERPLEXITY | MODE_LOGITS | MODE_BENCH, /* modes that run the model */
  ANY = RUNS | MODE_TOKENIZE | MODE_INFO | MODE_VERIFY,
  DESCRIBED = MODE_GENERATE | MODE_PERPLEXITY | MODE_BENCH | MODE_INFO, /* with figures, for --json */
};

static const struct option_row {
  const char *name;
  const char *argument; /* as the help prints it; NULL for a flag */
  const char *help;
  size_t at; /* offset in struct options */
  double least, most;
  int modes;   /* in which it may be given */
  int chooses; /* the mode that it asks for; 0: none */
  enum option_kind kind;
  char letter; /* 0: only the long name */
} rows[] = {
#define AT(member) offsetof(struct options, member)
#define LARGE      9007199254740992.0 /* 2^53: exact as a double */
    {"prompt", "TEXT", "continue this text; - is standard input", AT(prompt), 0, 0, MODE_GENERATE, 0, TEXT,
     'p'},
    {"prompt-file", "FILE", "continue the text of a file; - is standard input", AT(prompt_file), 0, 0,
     MODE_GENERATE, 0, TEXT, 'f'},
    {"length", "N", "write at most N tokens (200)", AT(length), 0, LARGE, MODE_GENERATE, 0, WHOLE, 'n'},
    {"ignore-eos", NULL, "do not stop at tokens that end a text", AT(ignore_eos), 0, 0, MODE_GENERATE, 0,
     FLAG, 0},
    {"special", NULL,
     "special tokens in the text (<s>) are tokens (default: in chat text, one with <|im_start|>)",
     AT(special), 0, 0, MODE_GENERATE | MODE_PERPLEXITY | MODE_TOKENIZE, 0, FLAG, 0},
    {"no-special", NULL, "special tokens in the text are plain text", AT(no_special), 0, 0,
     MODE_GENERATE | MODE_PERPLEXITY | MODE_TOKENIZE, 0, FLAG, 0},
    {"bos", NULL, "put BOS in front of the text (default: as the checkpoint says)", AT(bos), 0, 0,
     MODE_GENERATE | MODE_PERPLEXITY, 0, FLAG, 0},
    {"no-bos", NULL, "put nothing in front of the text", AT(no_bos), 0, 0, MODE_GENERATE | MODE_PERPLEXITY, 0,
     FLAG, 0},
    {"no-echo", NULL, "write the continuation without the prompt", AT(no_echo), 0, 0, MODE_GENERATE, 0, FLAG,
     0},
    {"temperature", "T", "divide the logits by T (0.8); 0 picks the most probable", AT(sampling.temperature),
     0, 1e6, MODE_GENERATE, 0, REAL, 't'},
    {"top-k", "K", "draw from the K most probable tokens; 0: all (0)", AT(sampling.top_k), 0, UINT32_MAX,
     MODE_GENERATE, 0, WHOLE, 0},
    {"top-p", "P", "draw from the fewest tokens whose probabilities reach P (1)", AT(sampling.top_p), 1e-9, 1,
     MODE_GENERATE, 0, REAL, 0},
    {"min-p", "P", "draw from tokens at least P times as probable as the best (0)", AT(sampling.min_p), 0, 1,
     MODE_GENERATE, 0, REAL, 0},
    {"repetition-penalty", "X", "divide positive and multiply negative logits of past tokens by X (1)",
     AT(sampling.repetition_penalty), 1e-3, 1e3, MODE_GENERATE, 0, REAL, 0},
    {"repetition-window", "N", "tokens that the penalty looks back; 0: all (0)", AT(sampling.window), 0,
     1 << 30, MODE_GENERATE, 0, WHOLE, 0},
    {"seed", "N", "start of the random numbers (1)", AT(sampling.seed), 0, -1, MODE_GENERATE, 0, WHOLE, 's'},
    {"perplexity", "FILE", "print the perplexity of a text", AT(perplexity), 0, 0, MODE_PERPLEXITY,
     MODE_PERPLEXITY, TEXT, 0},
    {"tokens", "FILE", "run the token ids of a file; needs --logits or --logits-raw", AT(tokens), 0, 0,
     MODE_LOGITS, MODE_LOGITS, TEXT, 0},
    {"logits", "OUT", "write their logits, float32 [tokens, vocab] little-endian; - is standard output",
     AT(logits), 0, 0, MODE_LOGITS, MODE_LOGITS, TEXT, 0},
    {"logits-raw", "OUT", "write them as the integers of a fixed-point model, int32 [tokens, vocab]",
     AT(logits_raw), 0, 0, MODE_LOGITS, MODE_LOGITS, TEXT, 0},
    {"tokenize", "FILE", "print the token ids of each line of a text", AT(tokenize), 0, 0, MODE_TOKENIZE,
     MODE_TOKENIZE, TEXT, 0},
    {"bench", NULL, "measure tokens per second", AT(bench), 0, 0, MODE_BENCH, MODE_BENCH, FLAG, 0},
    {"bench-tokens", "N", "tokens that a round of --bench decodes (64)", AT(bench_tokens), 1, 1 << 20,
     MODE_BENCH, 0, WHOLE, 0},
    {"bench-prompt", "N", "tokens that a round of --bench reads as a prompt (256)", AT(bench_prompt), 1,
     1 << 20, MODE_BENCH, 0, WHOLE, 0},
    {"bench-context", "N", "tokens that a text has had when a round of --bench decodes (0)",
     AT(bench_context), 1, 1 << 20, MODE_BENCH, 0, WHOLE, 0},
    {"bench-batch", "N", "sequences that a round of --bench steps together (the model's most)",
     AT(bench_batch), 1, 1 << 16, MODE_BENCH, 0, WHOLE, 0},
    {"info", NULL, "describe the model and the program", AT(info), 0, 0, MODE_INFO, MODE_INFO, FLAG, 0},
    {"verify", NULL, "read all weights and compare their checksums", AT(verify), 0, 0, MODE_VERIFY,
     MODE_VERIFY, FLAG, 0},
    {"json", NULL, "print a text, --perplexity, --bench or --info as JSON", AT(json), 0, 0, DESCRIBED, 0,
     FLAG, 0},
    {"chunk", "N", "tokens a prefill call takes; 1: one token at a time (the model's)", AT(chunk), 1,
     UINT32_MAX, RUNS, 0, WHOLE, 0},
    {"context", "N", "the most tokens of a text, where the model keeps all of them (the model's)",
     AT(context), 1, UINT32_MAX, RUNS, 0, WHOLE, 0},
    {"threads", "N", "threads that run the model (the model's, or as many as its size pays for)", AT(threads),
     1, TEAM_MOST, ANY, 0, WHOLE, 'j'},
    {"weights-file", "FILE", "take the weights from an image file or another program", AT(weights_file), 0, 0,
     ANY, 0, TEXT, 'w'},
    {"cpu-level", "NAME", "run the code for this processor, of those it was built for (the best that runs)",
     AT(cpu_level), 0, 0, ANY, 0, TEXT, 0},
    {"profile", NULL, "tell where the time goes, by kernel and by line of the spec", AT(profile), 0, 0, RUNS,
     0, FLAG, 0},
    {"quiet", NULL, "print no statistics", AT(quiet), 0, 0, ANY, 0, FLAG, 'q'},
    {"help", NULL, "print this help", AT(help), 0, 0, ANY, MODE_HELP, FLAG, 'h'},
    {"version", NULL, "print which model this is, and what compiled it", AT(version), 0, 0, ANY, MODE_VERSION,
     FLAG, 'V'},
#undef AT
};

enum { ROWS = sizeof rows / sizeof *rows };

static const struct options defaults = {
    .mode = MODE_GENERATE,
    .length = 200,
    .bench_tokens = 64,
    .bench_prompt = 256,
    .sampling = {.temperature = 0.8, .top_p = 1, .repetition_penalty = 1, .seed = 1},
};

/* most < least stands for every number that 64 bits hold. */
static bool set_whole(uint64_t *to, const struct option_row *row, const char *text, struct failure *f) {
  uint64_t least = (uint64_t)row->least, most = row->most < row->least ? UINT64_MAX : (uint64_t)row->most;
  char *end = NULL;
  errno = 0;
  *to = strtoull(text, &end, 10);
  bool number = text[0] >= '0' && text[0] <= '9' && *end == 0 && errno == 0; /* no sign, no blanks */
  return (number && *to >= least && *to <= most) ||
         fail_with(f, "--%s %s: a whole number from %llu to %llu is expected", row->name, text,
                   (unsigned long long)least, (unsigned long long)most);
}

static bool set_real(double *to, const struct option_row *row, const char *text, struct failure *f) {
  char *end = NULL;
  double value = strtod(text, &end);
  if (end != text && *end == 0 && value >= row->least && value <= row->most)
    return *to = value, true;
  return fail_with(f, "--%s %s: a number from %g to %g is expected", row->name, text, row->least, row->most);
}

static bool set(struct options *o, const struct option_row *row, const char *text, struct failure *f) {
  void *to = (char *)o + row->at;
  switch (row->kind) {
  case FLAG: *(bool *)to = true; return true;
  case TEXT: *(const char **)to = text; return true;
  case WHOLE: return set_whole(to, row, text, f);
  case REAL: return set_real(to, row, text, f);
  }
  return false;
}

/* getopt's descriptions of the rows; a long option returns LONG + its row. */
enum { LONG = 1000 };

static void describe(struct option longs[ROWS + 1], char letters[2 * ROWS + 3]) {
  *letters++ = ':'; /* a missing argument is told apart from an unknown option */
  for (int i = 0; i < ROWS; i++) {
    bool takes = rows[i].argument != NULL;
    longs[i] = (struct option){rows[i].name, takes ? required_argument : no_argument, NULL, LONG + i};
    if (rows[i].letter)
      *letters++ = rows[i].letter;
    if (rows[i].letter && takes)
      *letters++ = ':';
  }
  longs[ROWS] = (struct option){0};
  *letters = 0;
}

static int row_of(int code) {
  for (int i = 0; i < ROWS; i++)
    if (code == LONG + i || (rows[i].letter && code == rows[i].letter))
      return i;
  return -1;
}

/* getopt does not say which word it was at: for a letter it is in optopt, for a long name just before optind.
 */
static bool fail_unknown(int code, char **argv, struct failure *f) {
  int row = optopt ? row_of(optopt) : -1;
  if (code == ':' && row >= 0)
    return fail_with(f, "--%s needs an argument: --%s %s", rows[row].name, rows[row].name,
                     rows[row].argument);
  if (row >= 0)
    return fail_with(f, "--%s takes no argument", rows[row].name);
  if (optopt)
    return fail_with(f, "unknown option -%c; --help lists them all", optopt);
  const char *names[ROWS], *word = argv[optind - 1], *name = word + strspn(word, "-");
  for (int i = 0; i < ROWS; i++)
    names[i] = rows[i].name;
  const char *near = nearest_word(name, names, ROWS);
  if (near)
    return fail_with(f, "unknown option %s; did you mean --%s?", word, near);
  return fail_with(f, "unknown or ambiguous option %s; --help lists them all", word);
}

/* The first option that asks for a mode decides; -1 stands for a contradiction. */
static bool choose_mode(struct options *o, const bool given[ROWS], struct failure *f) {
  int first = -1;
  for (int i = 0; i < ROWS; i++) {
    if (!given[i] || !rows[i].chooses)
      continue;
    if (rows[i].chooses >= MODE_HELP) {
      o->mode = (enum mode)rows[i].chooses;
      return true;
    }
    if (first >= 0 && rows[first].chooses != rows[i].chooses)
      return fail_with(f, "--%s and --%s are two different things to do; give one of them", rows[first].name,
                       rows[i].name);
    first = i;
  }
  if (first >= 0)
    o->mode = (enum mode)rows[first].chooses;
  return true;
}

static bool check_together(const struct options *o, const bool given[ROWS], struct failure *f) {
  for (int i = 0; i < ROWS && o->mode < MODE_HELP; i++)
    if (given[i] && !(rows[i].modes & (int)o->mode))
      return fail_with(f, "--%s has no meaning here; leave it out", rows[i].name);
  if (o->prompt && o->prompt_file)
    return fail_with(f, "--prompt and --prompt-file both give the prompt; give one of them");
  if ((o->special && o->no_special) || (o->bos && o->no_bos))
    return fail_with(f, "--%s and --no-%s exclude each other; give one of them", o->bos ? "bos" : "special",
                     o->bos ? "bos" : "special");
  if (o->logits && o->logits_raw)
    return fail_with(f, "--logits and --logits-raw write the same; give one of them");
  if (o->mode == MODE_LOGITS && !o->logits && !o->logits_raw)
    return fail_with(f, "--tokens needs --logits OUT, the file to write");
  if (o->mode == MODE_LOGITS && !o->tokens)
    return fail_with(f, "--%s needs --tokens FILE, the ids to run", o->logits ? "logits" : "logits-raw");
  return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct failure *f) {
  struct option longs[ROWS + 1];
  char letters[2 * ROWS + 3];
  bool given[ROWS] = {false};
  *o = defaults;
  describe(longs, letters);
  opterr = 0;
  optind = 0; /* starts afresh, whoever used getopt before */
  for (int code; optopt = 0, (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
    int row = code == '?' || code == ':' ? -1 : row_of(code);
    if (row < 0)
      return fail_unknown(code, argv, f);
    given[row] = true;
    if (!set(o, &rows[row], optarg, f))
      return false;
  }
  if (optind < argc)
    return fail_with(f, "unexpected argument '%s'; a prompt goes after --prompt, options are in --help",
                     argv[optind]);
  return choose_mode(o, given, f) && check_together(o, given, f);
}

bool options_text(int i, struct option_text *text) {
  if (i >= ROWS)
    return false;
  *text = (struct option_text){rows[i].name, rows[i].argument, rows[i].help, rows[i].letter};
  return true;
}

void options_help(const struct tern_model *m, const char *name) {
  printf(
      "Usage: %s [OPTION...]\nRuns the language model %s. Without options it writes a text of its own.\n\n",
      name, m->name);
  for (int i = 0; i < ROWS; i++) {
    char left[64], letter[8] = "    ";
    if (rows[i].letter)
      snprintf(letter, sizeof letter, "-%c, ", rows[i].letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, rows[i].name, rows[i].argument ? " " : "",
             rows[i].argument ? rows[i].argument : "");
    printf("%-32s %s\n", left, rows[i].help);
  }
  printf("\nThe exit status is 0, 1 after an error, or 130 when interrupted.\n");
}
