/* manual.c: one page a command. Options stand under the headings and in the order of their tables. */
#include "driver/manual.h"

#include <stdlib.h>
#include <string.h>

/* Text with what roff reads as a request or an escape made plain. */
static void roff(FILE *out, const char *text) {
  bool start = true;
  for (; *text; text++) {
    if (start && (*text == '.' || *text == '\''))
      fputs("\\&", out);
    if (*text == '\\')
      fputs("\\e", out);
    else if (*text == '-')
      fputs("\\-", out);
    else
      fputc(*text, out);
    start = *text == '\n';
  }
}

static void print_option(FILE *out, const struct argp_option *o) {
  bool optional = o->flags & OPTION_ARG_OPTIONAL;
  fputs(".TP\n", out);
  if (o->key > ' ' && o->key < 127)
    fprintf(out, "\\fB\\-%c\\fR, ", o->key);
  fputs("\\fB\\-\\-", out);
  roff(out, o->name);
  fputs("\\fR", out);
  if (o->arg) {
    fputs(optional ? "[=\\fI" : "=\\fI", out);
    roff(out, o->arg);
    fputs(optional ? "\\fR]" : "\\fR", out);
  }
  fputc('\n', out);
  roff(out, o->doc ? o->doc : "");
  fputc('\n', out);
}

static void print_options(FILE *out, const struct argp *argp) {
  for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc || o->group); o++) {
    if (!o->name && o->doc) {
      fputs(".SS \"", out);
      roff(out, o->doc);
      fputs("\"\n", out);
    } else if (o->name && !(o->flags & OPTION_HIDDEN)) {
      print_option(out, o);
    }
  }
  for (const struct argp_child *c = argp->children; c && c->argp; c++)
    print_options(out, c->argp);
}

static void print_head(FILE *out, const char *page, const char *help) {
  fprintf(out, ".TH \"%s\" 1 \"\" \"ternc %s\" \"Tern\"\n.SH NAME\n", page, TERN_VERSION);
  roff(out, page);
  fputs(" \\- ", out);
  roff(out, help);
  fputs("\n.SH SYNOPSIS\n", out);
}

/* The lists of passes and stages stand in argp's text behind the options, where its filter puts them. */
static void print_after(FILE *out, const struct argp *argp) {
  const char *after = argp->doc ? strchr(argp->doc, '\v') : NULL;
  char *text =
      argp->help_filter ? argp->help_filter(ARGP_KEY_HELP_POST_DOC, after ? after + 1 : "", NULL) : NULL;
  const char *shown = text ? text : after ? after + 1 : "";
  if (*shown) {
    fputs(".SH NOTES\n.nf\n", out);
    roff(out, shown);
    fputs("\n.fi\n", out);
  }
  if (text && (!after || text != after + 1))
    free(text);
}

static void print_command(FILE *out, const struct command *c) {
  struct arena a = {0};
  const struct argp *argp = c->argp;
  print_head(out, arena_printf(&a, "ternc-%s", c->name), c->help);
  char *forms = arena_strdup(&a, argp->args_doc ? argp->args_doc : "");
  for (char *form = strtok(forms, "\n"); form; form = strtok(NULL, "\n")) {
    fprintf(out, ".B ternc %s\n[\\fIOPTION\\fR...] ", c->name);
    roff(out, form);
    fputs("\n.br\n", out);
  }
  fputs(".SH DESCRIPTION\n", out);
  roff(out, arena_strndup(&a, argp->doc, strcspn(argp->doc, "\v")));
  fputs("\n.SH OPTIONS\n", out);
  print_options(out, argp);
  print_after(out, argp);
  fputs(".SH SEE ALSO\n.BR ternc (1)\n", out);
  arena_free(&a);
}

static void print_all(FILE *out) {
  print_head(out, "ternc", "compile MatMul-free language models");
  fputs(".B ternc\n\\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n"
        "Compiles a language model with ternary weights, described in a small language, and its checkpoint "
        "to a native program, a library, C, or Verilog.\n.SH COMMANDS\n",
        out);
  for (int i = 0; i < command_count; i++) {
    fprintf(out, ".TP\n.BR ternc\\-%s (1)\n", commands[i].name);
    roff(out, commands[i].help);
    fputc('\n', out);
  }
  fputs(
      ".SH ENVIRONMENT\n.TP\n.B TERN_HOME\nthe folder that has bin/, lib/tern/ and share/tern/, where ternc "
      "is not in its bin/\n.TP\n.B TMPDIR\nwhere intermediate files go\n.SH EXIT STATUS\n0, or 1 after an "
      "error.\n",
      out);
}

void manual_print(FILE *out, const struct command *c) {
  if (c)
    print_command(out, c);
  else
    print_all(out);
}

/* ---- the commands ------------------------------------------------------------------------------------ */

static error_t parse_man(int key, char *arg, struct argp_state *state) {
  const struct command **c = state->input;
  if (key != ARGP_KEY_ARG)
    return ARGP_ERR_UNKNOWN;
  *c = command_named(arg);
  if (!*c)
    argp_error(state, "there is no command '%s'; `ternc --help` lists them", arg);
  return 0;
}

const struct argp man_argp = {
    NULL, parse_man, "[COMMAND]", "Prints a manual page, to be read with `ternc man build | man -l -`.",
    NULL, NULL,      NULL};

int man_main(int argc, char **argv) {
  const struct command *c = NULL;
  argp_parse(&man_argp, argc, argv, 0, NULL, &c);
  manual_print(stdout, c);
  return fflush(stdout) ? 1 : 0;
}

static error_t parse_completion(int key, char *arg, struct argp_state *state) {
  void (**print)(FILE *) = state->input;
  if (key == ARGP_KEY_NO_ARGS)
    argp_error(state, "the name of a shell is expected: bash or zsh");
  if (key != ARGP_KEY_ARG)
    return ARGP_ERR_UNKNOWN;
  *print = strcmp(arg, "bash") == 0 ? completion_bash : strcmp(arg, "zsh") == 0 ? completion_zsh : NULL;
  if (!*print)
    argp_error(state, "there are completions for bash and zsh, not for '%s'", arg);
  return 0;
}

const struct argp completion_argp = {
    NULL,
    parse_completion,
    "bash|zsh",
    "Prints the completions of a shell: source <(ternc completion bash), or a file _ternc on zsh's fpath.",
    NULL,
    NULL,
    NULL};

int completion_main(int argc, char **argv) {
  void (*print)(FILE *) = NULL;
  argp_parse(&completion_argp, argc, argv, 0, NULL, &print);
  print(stdout);
  return fflush(stdout) ? 1 : 0;
}
