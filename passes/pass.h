/* pass.h: transformations of a module, one file a pass, one row a pass in passes.def. */
#ifndef TERN_PASSES_PASS_H
#define TERN_PASSES_PASS_H

#include "ir/policy.h"
#include "passes/recompute.h"

/* What a pass needs of a module. passes.def says which pass needs what; it is checked before the pass runs
 * (ready.c), so that a module that is not ready ends in a diagnostic, whoever wrote it. Of the functions,
 * `fold` is left out: the interpreter runs it as it is. */
enum pass_need {
  NO_PLAN = 1,       /* memory is not planned */
  NO_KERNELS = 2,    /* no kernels: operators stand by themselves */
  KERNEL_FORM = 4,   /* kernel form (docs/ir.md) */
  ONE_STEP = 8,      /* there is `step`, from a token, u32, to one value */
  STEP_ALONE = 16,   /* there is no other function */
  ONLY_SUMS = 32,    /* no quantised values, no products by ternary matrices */
  ONLY_FLOATS = 64,  /* no integers but codes, sums and tokens */
  KNOWN_RANGES = 128 /* ranges of weights and values are in the module, where there is a checkpoint: the
                        context's know_ranges() is called before the pass */
};

/* What holds where neither the command line nor the module says it. Macros, for help texts to quote; what the
 * documents quote is held against them by tests/constants. */
#define CHUNK_DEFAULT 96 /* tokens that one reading of the weights serves */
#define TRAINING_CHUNK                                                                                       \
  512 /* tokens that go forward and back together: enough that products, not overheads, count */
#define BATCH_DEFAULT  8   /* sequences: more gain little where sums are computed, not read */
#define LOGITS_DEFAULT 256 /* tokens: a block of a gradient's sum (docs/numerics.md) */
#define WORD_LEAST     8   /* bits of a fixed-point number */
#define WORD_MOST      32  /* those of an i32; the default */
#define QUOTE_VALUE(x) #x
#define QUOTE(macro)   QUOTE_VALUE(macro)

/* What passes are asked for beside the module: it comes from the command line and from what is known of the
 * target. All zero asks for nothing. What became of a request that others must know of (the most tokens that
 * `prefill` takes, say) stands in the module afterwards. */
struct pass_context {
  int64_t chunk; /* batch-time: most tokens of one prefill; 0: what the module says, else CHUNK_DEFAULT */
  int64_t batch; /* batch-time: the most sequences of one batch; 0: what the module says, else none */
  enum storage packing; /* plan-memory: how all ternary weights are packed; STORE_NONE: what the module says,
                           else what its rule chooses */
  bool slow_trits;      /* the target unpacks five weights a byte slower than it reads them at 2 bits each */
  const struct policy
      *policy;    /* spread, plan-memory: what the model is laid out for; NULL: what it was, else a team */
  int word;       /* fixed-point: most bits of a value; 0: WORD_MOST */
  int64_t logits; /* differentiate: most tokens whose logits there are at a time; 0: LOGITS_DEFAULT */
  enum storage moments; /* optimise: how AdamW's moments are kept, STORE_NONE (as float32), STORE_BF16, or
                           STORE_I8 (codes in blocks) */
  enum storage
      masters;  /* optimise: and the numbers of ternary weights and tables, STORE_NONE or STORE_BF16 */
  bool consume; /* optimise: ternary matrices of layers are updated in `train`, by gradients of one layer */
  struct recompute recompute; /* differentiate: what a backward pass computes again */
  enum products products;     /* ternarize: how products of a backward pass are summed */
  /* Writes into the module what a checkpoint says of the ranges of its weights and values. False after a
   * diagnostic. NULL: there is no checkpoint. */
  bool (*know_ranges)(void *self);
  void *self;
};

/* Named lists of passes: passes.def says which there are, and which pass is in which. */
enum pipeline_id {
#define PIPELINE(identifier, name, help) PIPELINE_##identifier,
#include "passes/passes.def"
};
#define IN(identifier) (1u << PIPELINE_##identifier)

struct pipeline {
  const char *name, *help;
};
extern const struct pipeline pipelines[];
extern const int pipeline_count;

struct pass {
  const char *name, *help;
  unsigned pipelines; /* bits of those that run it: IN(default) ...; 0: it runs only where it is named */
  unsigned needs;     /* bits of enum pass_need */
  /* False after a diagnostic; the module is then of no further use. */
  bool (*run)(struct module *m, const struct pass_context *c);
};

#define PASS(function, name, pipelines, needs, help)                                                         \
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
  unsigned within;            /* bits of pipelines: passes that only others have are left out; 0: none are */
  FILE *out;                  /* where print_after goes; NULL: stderr */
};

/* Runs a comma-separated list of passes and pipelines. False after a diagnostic (an unknown name with "did
 * you mean", a pass that failed, a verifier's complaint that names the pass). */
bool passes_run(struct module *m, const char *list, const struct pass_options *options);

#endif
