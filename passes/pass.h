/* pass.h: transformations of a module, one file a pass, one row a pass in passes.def. */
#ifndef TERN_PASSES_PASS_H
#define TERN_PASSES_PASS_H

#include "ir/ir.h"

struct pass {
  const char *name, *help;
  bool (*run)(struct module *m); /* false after a diagnostic; the module is then of no further use */
};

#define PASS(function, name, help) bool pass_##function(struct module *m);
#include "passes/passes.def"

extern const struct pass passes[];
extern const int pass_count;
const struct pass *pass_find(const char *name);

/* What a run of passes shows; all off when zero. */
struct pass_options {
  bool verify;                /* check the module after every pass; on in tests and debug builds */
  const char *print_after;    /* a pass's name, or "all": prints the module after it if it changed */
  const char *const *disable; /* NULL-terminated names of passes to leave out; NULL: none */
  FILE *out;                  /* where print_after goes; NULL: stderr */
};

/* Runs a comma-separated list of passes. False after a diagnostic (an unknown name with "did you mean", a
 * pass that failed, a verifier's complaint that names the pass). */
bool passes_run(struct module *m, const char *list, const struct pass_options *options);

/* The pipeline of `ternc build` and `ternc run`. */
extern const char pipeline_default[];
/* The same to integers only (`--fixed`). */
extern const char pipeline_fixed[];

#endif
