/* completion.c: completions for bash and zsh; contracts in manual.h.
 *
 * What an option takes is read from its argument's name: "a|b|c" in small letters are the words themselves,
 * PASS is a pass, RULE one of --weight-scale, and what names a file or a folder completes as one. */
#include "driver/manual.h"

#include "passes/pass.h"
#include <ctype.h>
#include <string.h>

static bool is_path(const char *arg) {
  static const char *const paths[] = {"FILE", "DIR", "DIR|FILE", "PATH", "OUT", "CONFIG", "SPEC"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    if (strcmp(arg, paths[i]) == 0)
      return true;
  return false;
}

/* The words that an argument can be, parted by blanks; NULL: any text. */
static const char *words_of(struct arena *a, const struct argp_option *o) {
  const char *words = "";
  if (strncmp(o->arg, "PASS", 4) == 0)
    for (int i = 0; i < pass_count; i++)
      words = arena_printf(a, "%s%s%s", words, i ? " " : "", passes[i].name);
  else if (strcmp(o->arg, "RULE") == 0)
    words = "mean largest stored inverse";
  else if (islower((unsigned char)o->arg[0]) || isdigit((unsigned char)o->arg[0]))
    words = o->arg;
  else
    return NULL;
  char *list = arena_strdup(a, words);
  for (char *p = list; (p = strchr(p, '|'));)
    *p = ' ';
  return list;
}

/* ---- bash --------------------------------------------------------------------------------------------- */

static void bash_values(FILE *out, struct arena *a, const struct command *c, const option_list *list) {
  for (int i = 0; i < list->n; i++) {
    const struct argp_option *o = list->at[i];
    const char *words = o->arg ? words_of(a, o) : NULL;
    if (words)
      fprintf(out, "    %s/--%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", c->name, o->name,
              words);
    else if (o->arg && !is_path(o->arg))
      fprintf(out, "    %s/--%s) return ;;\n", c->name, o->name);
  }
}

void completion_bash(FILE *out) {
  struct arena a = {0};
  fputs("# bash completion of ternc; made by `ternc completion bash`\n"
        "_ternc() {\n"
        "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n"
        "  # --name=value comes in three words\n"
        "  [ \"$cur\" = = ] && cur=\n"
        "  [ \"$prev\" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
        "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
        "    COMPREPLY=($(compgen -W '",
        out);
  for (int i = 0; i < command_count; i++)
    fprintf(out, "%s ", commands[i].name);
  fputs("--help --version' -- \"$cur\"))\n    return\n  fi\n  case $command/$prev in\n", out);
  for (int i = 0; i < command_count; i++) {
    option_list list = command_options(&commands[i], &a);
    bash_values(out, &a, &commands[i], &list);
  }
  fputs("  esac\n  local options=\n  case $command in\n", out);
  for (int i = 0; i < command_count; i++) {
    option_list list = command_options(&commands[i], &a);
    fprintf(out, "    %s) options='", commands[i].name);
    for (int k = 0; k < list.n; k++)
      fprintf(out, "%s--%s", k ? " " : "", list.at[k]->name);
    fputs("' ;;\n", out);
  }
  fputs("  esac\n"
        "  case $cur in\n"
        "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
        "    *) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
        "  esac\n"
        "}\n"
        "complete -F _ternc ternc\n",
        out);
  arena_free(&a);
}

/* ---- zsh ---------------------------------------------------------------------------------------------- */

/* Inside single quotes and brackets of _arguments. */
static void zsh_text(FILE *out, const char *text) {
  for (; *text; text++)
    if (*text == '\'')
      fputs("'\\''", out);
    else if (strchr("[]:\\", *text))
      fprintf(out, "\\%c", *text);
    else
      fputc(*text, out);
}

static void zsh_option(FILE *out, struct arena *a, const struct argp_option *o) {
  fprintf(out, "        '*--%s%s[", o->name, !o->arg ? "" : o->flags & OPTION_ARG_OPTIONAL ? "=-" : "=");
  zsh_text(out, o->doc ? o->doc : "");
  fputc(']', out);
  if (o->arg) {
    const char *words = words_of(a, o);
    fputc(':', out);
    zsh_text(out, o->arg);
    if (words)
      fprintf(out, ":(%s)", words);
    else
      fputs(is_path(o->arg) ? ":_files" : ": ", out);
  }
  fputs("' \\\n", out);
}

void completion_zsh(FILE *out) {
  struct arena a = {0};
  fputs("#compdef ternc\n# zsh completion of ternc; made by `ternc completion zsh`\n"
        "_ternc() {\n"
        "  local -a commands\n"
        "  commands=(\n",
        out);
  for (int i = 0; i < command_count; i++) {
    fprintf(out, "    '%s:", commands[i].name);
    zsh_text(out, commands[i].help);
    fputs("'\n", out);
  }
  fputs("  )\n"
        "  if (( CURRENT == 2 )); then\n"
        "    _describe 'command' commands\n"
        "    return\n"
        "  fi\n"
        "  shift words; (( CURRENT-- ))\n"
        "  case $words[1] in\n",
        out);
  for (int i = 0; i < command_count; i++) {
    option_list list = command_options(&commands[i], &a);
    fprintf(out, "    %s)\n      _arguments \\\n", commands[i].name);
    for (int k = 0; k < list.n; k++)
      zsh_option(out, &a, list.at[k]);
    fputs("        '*:file:_files' ;;\n", out);
  }
  fputs("  esac\n}\n_ternc \"$@\"\n", out);
  arena_free(&a);
}
