/* language.h: the model-description language: text to IR. docs/language.md is the reference. */
#ifndef TERN_FRONTEND_LANGUAGE_H
#define TERN_FRONTEND_LANGUAGE_H

#include "frontend/config_value.h"
#include "ir/ir.h"

/* The checkpoint's config.json, for `config("key", default)`. Keys of objects in objects are joined by dots,
 * elements of lists follow in brackets: "rope.factors[2]"; a key that is there as it is written goes before
 * that. */
struct config_source {
  void *self;
  const char *folder; /* where it is looked for */
  bool there;
  /* 1 found, 0 absent or null (the spec's default holds), -1 after a diagnostic. */
  int (*find)(void *self, const char *key, struct config_value *value);
};

struct spec_setting { /* --set name=value */
  const char *name;
  double value;     /* NaN: it is no number */
  const char *text; /* as it was given; NULL: as the number */
};

struct spec_options {
  const char *library;                /* the folder of what is imported by name, std.norms; NULL: none */
  const struct config_source *config; /* NULL: none */
  const struct spec_setting *settings;
  int n_settings;
  bool no_require; /* what a spec requires and does not hold is a warning */
};

/* Reads, checks and elaborates a spec and what it imports into a module with the function "step". NULL after
 * diagnostics; as many errors as can be found are reported in one run. Sources stay in the diag for later
 * messages. */
struct module *spec_compile(struct arena *a, struct diag *d, const char *path,
                            const struct spec_options *options);

/* Adds what a spec's `for` says: none too when it cannot be read, which is not reported. In the arena. */
typedef VEC(const char *) spec_kinds;
void spec_kinds_of(struct arena *a, const char *path, const char *library, spec_kinds *kinds);

/* Prints the parsed spec as a tree, without elaborating it (`--emit ast`). */
bool spec_print_ast(struct arena *a, struct diag *d, const char *path, const char *library, FILE *out);

#endif
