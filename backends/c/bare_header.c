/* bare_header.c: NAME.h of a model for a chip. */
#include "backends/c/bare_parts.h"

#include "backends/lower/facts.h"

#include <string.h>

static const char head[] =
    "/* $n.h: the model $n of $s as C for chips, written by ternc " TERN_VERSION ".\n"
    " *\n"
    " * A model is given one token after another, each a number, and says after each how likely every token "
    "is\n"
    " * to be the next: a logit for each, the larger the likelier. What it knows of the text is its state.\n"
    " *\n"
    " *     static uint32_t state[$N_STATE_BYTES / 4], scratch[$N_SCRATCH_BYTES / 4];\n"
    " *     static $l logits[$N_VOCAB];\n"
    " *     $n_init(state);                            begins a text\n"
    " *     $n_step(state, scratch, token, logits);    for each token of it\n"
    " *     token = $n_best(logits);                   the likeliest next one\n"
    " *\n"
    " * Memory is the caller's, and begins at a multiple of 4 bytes. Each text has a state of its own, which "
    "may\n"
    " * be copied and kept. What is in scratch is of no value between steps, so that models can share it. "
    "Nothing\n"
    " * else is written and nothing is allocated: steps on different memory may run at the same time. Where "
    "the\n"
    " * macro $N_STATIC is defined, for $n.c and for who includes this, $n.c has the three arrays itself. "
    "*/\n"
    "#ifndef $N_H\n"
    "#define $N_H\n"
    "\n"
    "#include <stdint.h>\n"
    "\n";

static const char functions[] =
    "\n"
    "#ifdef __cplusplus\n"
    "extern \"C\" {\n"
    "#endif\n"
    "\n"
    "/* The state before a text's first token. */\n"
    "void $n_init(void *state);\n"
    "\n"
    "/* Takes the state on by `token`, which is less than $N_VOCAB, and writes $N_VOCAB logits. */\n"
    "void $n_step(void *state, void *scratch, uint32_t token, $l *logits);\n"
    "\n"
    "/* The number of the largest logit, of the first one where several are. */\n"
    "uint32_t $n_best(const $l *logits);\n"
    "\n";

static const char tail[] = "extern const uint32_t $n_weights[$N_WEIGHTS_BYTES / 4];\n"
                           "\n"
                           "#ifdef $N_STATIC\n"
                           "extern uint32_t $n_state[$N_STATE_BYTES / 4], $n_scratch[$N_SCRATCH_BYTES / 4];\n"
                           "extern $l $n_logits[$N_VOCAB];\n"
                           "#endif\n"
                           "\n"
                           "#ifdef __cplusplus\n"
                           "}\n"
                           "#endif\n"
                           "\n"
                           "#endif\n";

static const char inside[] =
    "/* In $n.c; in the section $N_SECTION (a string) where that macro is defined. */\n";
static const char outside[] = "/* Not in $n.c: the bytes of the file $n.weights, which the linker puts in a "
                              "place that is a multiple of\n"
                              " * 4. Or the macro $N_WEIGHTS is their address, when $n.c is compiled: "
                              "((const uint8_t *)0x90000000). */\n";

static void print_size(FILE *out, const struct bare *b, const char *what, int64_t n, const char *meaning) {
  char number[24];
  snprintf(number, sizeof number, "%lld", (long long)n);
  fprintf(out, "#define %s_%-13s %-9s /* %s */\n", b->upper, what, number, meaning);
}

void bare_header(FILE *out, const struct bare *b) {
  bare_text(out, b, head);
  print_size(out, b, "VOCAB", b->sizes.logits / 4, "how many tokens there are, and logits of a step");
  print_size(out, b, "STATE_BYTES", b->sizes.state, "RAM: the state of one text");
  print_size(out, b, "SCRATCH_BYTES", b->sizes.scratch, "RAM: what a step works in");
  print_size(out, b, "LOGITS_BYTES", b->sizes.logits, "RAM: what a step writes");
  print_size(out, b, "WEIGHTS_BYTES", b->sizes.weights, "flash: the weights; code and tables come on top");
  if (context_length(b->loops->module))
    print_size(out, b, "CONTEXT", context_length(b->loops->module),
               "tokens of a text; steps after them change nothing");
  if (strcmp(b->logit, "float") != 0)
    print_size(out, b, "LOGITS_FRAC", b->frac, "a logit is its integer times 2 to the power of minus this");
  bare_text(out, b, functions);
  bare_text(out, b, b->options->weights ? inside : outside);
  bare_text(out, b, tail);
}
