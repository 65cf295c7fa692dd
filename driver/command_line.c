/* command_line.c: walks argp's tables; contracts in command_line.h. */
#include "driver/command_line.h"

#include "runtime/command/options.h"
#include <string.h>

/* What argp adds to every command. */
static const struct argp_option common[] = {{"help", '?', 0, 0, "prints the list of options", 0},
                                            {"usage", 0, 0, 0, "prints a short usage line", 0},
                                            {0}};
static const struct argp common_argp = {.options = common};

/* A row of zeros ends a table; rows without a name are headings. */
static void gather(const struct argp *argp, struct arena *a, bool hidden, option_list *list) {
  for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc || o->group); o++)
    if (o->name && (hidden || !(o->flags & OPTION_HIDDEN)))
      vec_push(a, *list, o);
  for (const struct argp_child *c = argp->children; c && c->argp; c++)
    gather(c->argp, a, hidden, list);
}

/* The options of a program that ternc builds, as argp describes its own. */
static void gather_program(struct arena *a, option_list *list) {
  struct option_text t;
  for (int i = 0; options_text(i, &t); i++) {
    struct argp_option *o = arena_new(a, struct argp_option);
    *o = (struct argp_option){t.name, t.letter ? t.letter : 1000 + i, t.argument, 0, t.help, 0};
    vec_push(a, *list, o);
  }
}

static bool runs_programs(const struct command *c) {
  return c->argp == &run_argp;
}

static option_list all_options(const struct command *c, struct arena *a, bool hidden) {
  option_list list = {0};
  gather(c->argp, a, hidden, &list);
  gather(&common_argp, a, hidden, &list);
  if (runs_programs(c))
    gather_program(a, &list);
  return list;
}

option_list command_options(const struct command *c, struct arena *a) {
  return all_options(c, a, false);
}

/* getopt_long takes a name that is cut short, as long as only one option begins so; which of several was
 * meant is for its own message. */
static const struct argp_option *named(const option_list *list, const char *name, size_t n) {
  const struct argp_option *first = NULL;
  for (int i = 0; i < list->n; i++)
    if (strncmp(list->at[i]->name, name, n) == 0) {
      if (!list->at[i]->name[n])
        return list->at[i];
      first = first ? first : list->at[i];
    }
  return first;
}

static const struct argp_option *lettered(const option_list *list, char letter) {
  for (int i = 0; i < list->n; i++)
    if (list->at[i]->key == letter)
      return list->at[i];
  return NULL;
}

static bool takes_next(const struct argp_option *o, bool joined) {
  return o && o->arg && !joined && !(o->flags & OPTION_ARG_OPTIONAL);
}

static void report(const char *command, const option_list *list, struct arena *a, const char *name) {
  VEC(const char *) names = {0};
  for (int i = 0; i < list->n; i++)
    vec_push(a, names, list->at[i]->name);
  const char *near = diag_nearest(name, names.at, names.n);
  fprintf(stderr, "%s: error: unknown option '--%s'%s%s%s\n`%s --help` lists the options\n", command, name,
          near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "", command);
}

bool options_known(const struct command *c, int argc, char **argv) {
  struct arena a = {0};
  option_list list = all_options(c, &a, true);
  bool ok = true;
  for (int i = 1; ok && i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (argv[i][0] != '-' || !argv[i][1])
      continue;
    if (argv[i][1] != '-') { /* -o FILE or -oFILE */
      i += takes_next(lettered(&list, argv[i][1]), argv[i][2] != 0);
      continue;
    }
    const char *name = argv[i] + 2;
    size_t n = strcspn(name, "=");
    const struct argp_option *o = named(&list, name, n);
    ok = o != NULL;
    if (!ok)
      report(argv[0], &list, &a, arena_strndup(&a, name, n));
    i += takes_next(o, name[n] == '=');
  }
  arena_free(&a);
  return ok;
}
