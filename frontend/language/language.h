/* language.h: the model-description language: text to IR. docs/language.md is the reference. */
#ifndef TERN_FRONTEND_LANGUAGE_H
#define TERN_FRONTEND_LANGUAGE_H

#include "ir/ir.h"

/* A number of the checkpoint's config.json for `config("key", default)`; 1 found, 0 absent or null (the
 * spec's default holds), -1 after a diagnostic. */
struct config_source {
  void *self;
  int (*number)(void *self, const char *key, double *value);
};

struct spec_setting { /* --set name=value */
  const char *name;
  double value;
};

struct spec_options {
  const struct config_source *config; /* NULL: none */
  const struct spec_setting *settings;
  int n_settings;
};

/* Reads, checks and elaborates a spec and what it imports into a module with the function "step". NULL after
 * diagnostics; as many errors as can be found are reported in one run. Sources stay in the diag for later
 * messages. */
struct module *spec_compile(struct arena *a, struct diag *d, const char *path,
                            const struct spec_options *options);

/* Prints the parsed spec as a tree, without elaborating it (`--emit ast`). */
bool spec_print_ast(struct arena *a, struct diag *d, const char *path, FILE *out);

#endif
