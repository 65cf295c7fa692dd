/* pass.h: transformations of a module, one file a pass, one row a pass in passes.def. */
#ifndef TERN_PASSES_PASS_H
#define TERN_PASSES_PASS_H

#include "ir/ir.h"

/* What a pass needs of a module. passes.def says which pass needs what; it is checked before the pass runs
 * (ready.c), so that a module that is not ready ends in a diagnostic, whoever wrote it. Of the functions,
 * `fold` is left out: the interpreter runs it as it is. */
enum pass_need {
  NO_PLAN = 1,      /* memory is not planned */
  NO_KERNELS = 2,   /* no kernels: operators stand by themselves */
  KERNEL_FORM = 4,  /* kernel form (docs/ir.md) */
  ONE_STEP = 8,     /* there is `step`, from a token, u32, to one value */
  STEP_ALONE = 16,  /* there is no other function */
  ONLY_SUMS = 32,   /* no quantised values, no products by ternary matrices */
  ONLY_FLOATS = 64, /* no integers but codes, sums and tokens */
  FROM_TOKENS = 128 /* functions take one argument, their tokens, and give one value */
};

/* What passes are asked for beside the module: it comes from the command line and from what is known of the
 * target. All zero asks for nothing. What became of a request that others must know of (the most tokens that
 * `prefill` takes, say) stands in the module afterwards. */
struct pass_context {
  int64_t chunk;        /* batch-time: the most tokens of one prefill; 0: what the module says, else 96 */
  int64_t batch;        /* batch-time: the most sequences of one batch; 0: what the module says, else none */
  enum storage packing; /* plan-memory: the form of all ternary weights; STORE_NONE: what the module says,
                           else what its rule chooses */
  bool slow_trits;      /* the target unpacks five weights a byte slower than it reads them at 2 bits each */
  bool chip; /* plan-memory: one thread, and memory is dear: the least scratch, in words of 4 bytes */
  int word;  /* fixed-point: most bits of a value; 0: 32 */
};

struct pass {
  const char *name, *help;
  unsigned needs; /* bits of enum pass_need */
  /* False after a diagnostic; the module is then of no further use. */
  bool (*run)(struct module *m, const struct pass_context *c);
};

#define PASS(function, name, needs, help)                                                                    \
  bool pass_##function(struct module *m, const struct pass_context *c);
#include "passes/passes.def"

extern const struct pass passes[];
extern const int pass_count;
const struct pass *pass_find(const char *name);

/* Whether the module is what the pass needs. False after a diagnostic that names the pass, what is in its way
 * and where, and what to do. */
bool pass_ready(struct module *m, const struct pass *p);

/* What a run of passes is asked for, and what it shows; nothing when zero. */
struct pass_options {
  struct pass_context context;
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
