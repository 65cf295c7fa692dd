/* backend.h: the table of back ends, which backends.def has the rows of, and what `ternc build` gives the one
 * that was asked for. The options' help, the messages about what does not go together, manual pages and
 * completions follow from the rows. */
#ifndef TERN_DRIVER_BACKEND_H
#define TERN_DRIVER_BACKEND_H

#include "driver/hardware.h"
#include "driver/recipe.h"
#include "driver/train.h"

/* Groups of options that not every back end has a use for. */
enum accepted {
  TAKES_TARGET = 1,       /* --target, --cpu, --features */
  TAKES_FORMS = 2,        /* --threads, --chunk, --batch */
  TAKES_HARDWARE = 4,     /* --hw and the others of hardware.c; ignored elsewhere, which is said */
  TAKES_WEIGHTS_FILE = 8, /* --weights-file */
  TAKES_CHUNK = 16,       /* of the forms --chunk alone */
  TAKES_STEP = 32         /* what is asked of a training step */
};
enum needed { NEEDS_SPEC = 1 /* config.json cannot tell of it */, NEEDS_WEIGHTS = 2 };

struct build {
  struct job job;
  const struct backend *backend;
  const char *output, *weights_file;
  const char *variant; /* the option that chose it among those of its name, or NULL */
  int optimize;
  bool no_debug, json, quiet;
  bool weights_apart; /* C for chips: the weights go to a file of their own */
  struct hardware hardware;
  const char *use; /* set by a back end: how to use what it wrote, for the last line; NULL: no line */
};

struct backend {
  const char *name, *help;
  const char *option; /* that chooses it in place of the row of the same name; NULL: none */
  const char *suffix; /* of the default output's name; NULL: none */
  bool text;          /* goes to standard output unless -o says otherwise */
  bool by_default;    /* what is made where --emit is not given */
  unsigned accepts, needs;
  /* Why it has no use for some options, or cannot do without weights: ends of messages; NULL: nothing is
   * said. */
  const char *no_target, *no_forms, *why_weights;
  struct recipe recipe;
  /* Writes j->module, or j->loops, to `path`. False after diagnostics. */
  bool (*emit)(struct build *b, const char *path);
};
extern const struct backend backends[];
extern const int backend_count;

/* Of --emit, and with the option `variant` (NULL: without one). NULL: there is none. */
const struct backend *backend_find(const char *name, const char *variant);
const struct backend *backend_by_default(void);
/* The name of the back end that an option chooses a variant of; that of the one that accepts a group of
 * options. */
const char *backend_of_variant(const char *option);
const char *backend_accepting(enum accepted what);
/* The names of --emit, with `between` between them; in the arena. */
const char *backend_names(struct arena *a, const char *between);
/* "ast|ir|...", a constant */
#define EMIT_WORDS (backend_words + 1)
extern const char backend_words[];
/* The name that is nearest to a misspelt one, or NULL. */
const char *backend_nearest(const char *name);

#define BACKEND(function, ...) bool emit_##function(struct build *b, const char *path);
#define VARIANT(function, ...) bool emit_##function(struct build *b, const char *path);
#include "driver/backends.def"

/* Targets of the recipes: emit_native.c, emit_c.c. */
bool native_target(struct job *j);
bool object_target(struct job *j);
bool linked_target(struct job *j);
bool any_compiler(struct job *j);

#endif
