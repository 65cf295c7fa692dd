/* tokenizer.c: `ternc tokenizer`: trains a tokenizer; turns texts into flat ids for training, and back. */
#include "driver/driver.h"
#include "driver/summary.h"
#include "driver/tokens.h"

#include "frontend/tokenizer/flat_ids.h"
#include "frontend/tokenizer/tokenizer_train.h"
#include "support/file.h"
#include <stdlib.h>
#include <string.h>

#define DEFAULT_END "<|endoftext|>"

enum {
  KEY_TRAIN = 5000,
  KEY_VOCAB,
  KEY_SPECIAL,
  KEY_END,
  KEY_ENCODE,
  KEY_DECODE,
  KEY_TOKENIZER,
  KEY_PLAIN,
  KEY_JSON
};

struct tokenizer_command {
  struct job job;
  int action;              /* KEY_TRAIN, KEY_ENCODE, KEY_DECODE; 0: none yet */
  VEC(const char *) files; /* of the action */
  VEC(const char *) special;
  const char *end, *folder, *output;
  int vocab;
  bool plain, json, quiet;
};

static const struct argp_option options[] = {
    {0, 0, 0, 0, "Training:", 1},
    {"train", KEY_TRAIN, "FILE", 0,
     "trains a byte-level BPE on the text and further FILEs ('-': standard input)", 1},
    {"vocab", KEY_VOCAB, "N", 0, "tokens of the vocabulary: the special ones, 256 bytes, and merges", 1},
    {"special", KEY_SPECIAL, "TOKEN", 0, "a further special token; may be given several times", 1},
    {"end", KEY_END, "TOKEN", 0, "the special token that begins and ends texts (default " DEFAULT_END ")", 1},
    {0, 0, 0, 0, "Ids:", 2},
    {"encode", KEY_ENCODE, "FILE", 0,
     "writes the ids of the text, and of further FILEs, as numbers of 16 bits (.u16) or 32 (.u32) and "
     "nothing else",
     2},
    {"decode", KEY_DECODE, "FILE", 0, "writes the text of such ids", 2},
    {"tokenizer", KEY_TOKENIZER, "DIR", 0, "the folder with the tokenizer", 2},
    {"plain", KEY_PLAIN, 0, 0, "--encode takes special tokens in a text as text", 2},
    {0, 0, 0, 0, "What is written:", 3},
    {"output", 'o', "PATH", 0, "folder (of a tokenizer) or file to write", 3},
    {"json", KEY_JSON, 0, 0, "prints what was written as JSON", 3},
    {"quiet", 'q', 0, 0, "does not say what was written", 3},
    {0}};

/* What one action is given and others must not be; argp ends the command where it is. */
static void check(const struct tokenizer_command *c, struct argp_state *state) {
  bool trains = c->action == KEY_TRAIN;
  if (!c->action)
    argp_error(state, "--train FILE, --encode FILE or --decode FILE is expected");
  if (!c->output)
    argp_error(state, "-o is expected: %s", trains ? "the folder for the tokenizer" : "the file to write");
  if (trains && !c->vocab)
    argp_error(state, "--train needs --vocab N, the number of tokens");
  if (trains && (c->folder || c->plain))
    argp_error(state, "--%s is not for --train", c->folder ? "tokenizer" : "plain");
  if (!trains && (c->vocab || c->special.n || c->end))
    argp_error(state, "--vocab, --special and --end are for --train");
  if (!trains && !c->folder)
    argp_error(state, "--tokenizer DIR is expected: the folder with the tokenizer");
  if (c->action == KEY_DECODE && (c->plain || c->files.n > 1))
    argp_error(state, c->plain ? "--plain is for --encode" : "--decode takes one FILE");
}

static void add_file(struct tokenizer_command *c, int action, const char *file, struct argp_state *state) {
  if (action && c->action && action != c->action)
    argp_error(state, "--train, --encode and --decode exclude each other");
  c->action = action ? action : c->action;
  vec_push(&c->job.arena, c->files, file);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct tokenizer_command *c = state->input;
  char *end;
  switch (key) {
  case KEY_TRAIN:
  case KEY_ENCODE:
  case KEY_DECODE: add_file(c, key, arg, state); break;
  case ARGP_KEY_ARG: add_file(c, 0, arg, state); break;
  case KEY_VOCAB: {
    long n = strtol(arg, &end, 10);
    if (!*arg || *end || n < 1 || n > TOKENIZER_MAX_TOKENS)
      argp_error(state, "--vocab takes a whole number from 257 to %d, got '%s'", (int)TOKENIZER_MAX_TOKENS,
                 arg);
    c->vocab = (int)n;
    break;
  }
  case KEY_SPECIAL: vec_push(&c->job.arena, c->special, arg); break;
  case KEY_END: c->end = arg; break;
  case KEY_TOKENIZER: c->folder = arg; break;
  case KEY_PLAIN: c->plain = true; break;
  case KEY_JSON: c->json = true; break;
  case 'o': c->output = arg; break;
  case 'q': c->quiet = true; break;
  case ARGP_KEY_END: check(c, state); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static bool report(struct tokenizer_command *c, const char *kind, const char *use) {
  struct summary s = {.kind = kind, .path = c->output, .use = use};
  if (strcmp(c->output, "-") == 0)
    return true;
  if (c->json)
    return summary_json(&c->job, &s);
  if (!c->quiet)
    summary_print(&c->job, &s);
  return true;
}

static bool train(struct tokenizer_command *c) {
  struct job *j = &c->job;
  struct arena *a = &j->arena;
  struct trained t = {0};
  VEC(const char *) special = {0};
  vec_push(a, special, c->end ? c->end : DEFAULT_END);
  for (int i = 0; i < c->special.n; i++)
    vec_push(a, special, c->special.at[i]);
  struct training how = {c->files.at, c->files.n, special.at, special.n, c->vocab};
  outputs_begin(); /* a folder that cannot be made is told before the text is read */
  bool ok = output_folder(&j->diag, c->output) && tokenizer_train(&j->diag, a, &how, &t) &&
            tokenizer_write(&j->diag, a, &t, c->output);
  if (!outputs_end(&j->diag, ok))
    return false;
  return report(
      c, "tokenizer",
      arena_printf(a,
                   "%d tokens, of %llu bytes of text with %llu words, %llu of them different; use it: "
                   "ternc tokenizer --tokenizer %s --encode FILE -o ids.u%d",
                   t.tokens.n, (unsigned long long)t.bytes, (unsigned long long)t.word_count,
                   (unsigned long long)t.words, shell_word(a, c->output), t.tokens.n > 1 << 16 ? 32 : 16));
}

static bool convert(struct tokenizer_command *c, const struct tokenizer *t) {
  struct job *j = &c->job;
  bool decodes = c->action == KEY_DECODE;
  int width = flat_ids_width(&j->diag, decodes ? c->files.at[0] : c->output, t);
  struct flat_ids how = {c->files.at, c->files.n,
                         c->plain ? TOKENIZER_SPECIAL_NEVER : TOKENIZER_SPECIAL_ALWAYS, width};
  struct output out;
  uint64_t n = 0;
  if (!width || !output_open(&out, &j->diag, c->output))
    return false;
  if (!(decodes ? flat_ids_decode(&j->diag, t, c->files.at[0], width, out.file)
                : flat_ids_encode(&j->diag, t, &how, out.file, &n))) {
    output_abort(&out);
    return false;
  }
  if (!output_close(&out, false))
    return false;
  return report(c, decodes ? "text" : "ids",
                decodes ? NULL
                        : arena_printf(&j->arena, "%llu ids of %d bits", (unsigned long long)n, 8 * width));
}

static bool with_tokenizer(struct tokenizer_command *c) {
  struct job *j = &c->job;
  checkpoint_tokenizer(&j->diag, &j->arena, c->folder, &j->tokenizer, &j->tokenizer_bytes);
  struct tokenizer *t = job_tokenizer(j, arena_printf(&j->arena, "%s: there is no tokenizer that can be used",
                                                      shell_word(&j->arena, c->folder)));
  bool ok = t && convert(c, t);
  if (t)
    tokenizer_close(t);
  return ok;
}

const struct argp tokenizer_argp = {
    options,
    parse,
    "--train FILE... --vocab N -o DIR\n"
    "--encode FILE... --tokenizer DIR -o IDS\n"
    "--decode IDS --tokenizer DIR -o FILE",
    "Trains a tokenizer, and turns texts into ids for training and back.\v"
    "A trained tokenizer is a byte-level BPE with GPT-2's pattern for words: tokenizer.json and "
    "tokenizer_config.json, as others read them. Ids are little-endian numbers, one after another; between "
    "two FILEs stands the id that ends a text.",
    NULL,
    NULL,
    NULL};

int tokenizer_main(int argc, char **argv) {
  struct tokenizer_command c = {0};
  job_start(&c.job);
  argp_parse(&tokenizer_argp, argc, argv, 0, NULL, &c);
  return job_end(&c.job, (c.action == KEY_TRAIN ? train(&c) : with_tokenizer(&c)) ? 0 : 1);
}
