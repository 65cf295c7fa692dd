/* driver.h: what the subcommands share. The driver is the only code that sees every part of the compiler. */
#ifndef TERN_DRIVER_H
#define TERN_DRIVER_H

#include "backends/image/write_image.h"
#include "frontend/checkpoint/checkpoint.h"
#include "frontend/language/language.h"
#include "ir/ir.h"
#include "passes/pass.h"
#include <argp.h>

/* One subcommand: `ternc NAME ...`; argv[0] is "ternc NAME". Returns the exit status. */
struct command {
  const char *name, *help;
  int (*run)(int argc, char **argv);
  const struct argp *argp;
};

/* What `build` and `run` ask of the compiler; filled by compile_argp. */
struct compile_options {
  const char *spec;    /* NULL: the shipped one that config.json tells of (job_load) */
  const char *weights; /* DIR or FILE; NULL: none */
  VEC(struct spec_setting) settings;
  const char *passes; /* NULL: the default pipeline */
  const char *print_after;
  VEC(const char *) disable;
  const char *prefix; /* of the checkpoint's names, to be stripped; NULL: none */
  bool verify, allow_extra, no_require;
  bool float64;                        /* of an engine that can: all floats */
  enum scale_rule weight_scale;        /* of weights whose spec names none */
  const char *triple, *cpu, *features; /* NULL: this machine's */
  enum storage packing;                /* STORE_NONE: by the rule of plan-memory */
  enum products products;              /* of a training step */
  int threads;                         /* the built program's default; 0: as many as the machine has */
  int chunk;                           /* most tokens a prefill; 0: the pass's default */
  enum storage moments;                /* how an optimiser's moments are kept; STORE_NONE: as float32 */
  enum storage masters;                /* and the numbers of ternary weights and embeddings */
  bool consume;                        /* gradients are used up layer by layer */
  struct recompute recompute;          /* what a backward pass computes again */
  int64_t memory;                      /* the most bytes that a training step may take; 0: as they come */
  const char *of_step;                 /* the last option that was given about a training step, or NULL */
  int batch;                           /* most sequences a batch; 0: no batch form */
  bool batch_given;                    /* by --batch */
  bool fixed;                          /* integers only */
  int fixed_bits;                      /* of a fixed-point value; 0: the pass's default */
  const char *calibrate;               /* a text to measure ranges on, or NULL */
  const char *calibrate_tokens;        /* a file of ids for the same, or NULL */
};
/* The input of all is a struct job. Commands that make hardware, or train, take no options about programs. */
extern const struct argp compile_argp, compile_training_argp, compile_hardware_argp;
/* Of a training step; for those that have one. */
extern const struct argp step_argp;
/* Of these, what a list of passes over IR text can be asked for. */
extern const struct argp request_argp;
/* For the help of a command that takes them. */
#define SPEC_LEFT_OUT "Without a SPEC, config.json of --weights tells which of the shipped ones is taken."

struct job;
/* --set NAME=VALUE. */
void add_setting(struct job *j, struct argp_state *state, char *arg);

/* One compilation: memory, messages, the checkpoint and the module. */
struct job {
  struct arena arena;
  struct diag diag;
  struct compile_options options;
  struct checkpoint *checkpoint;
  struct weight_source source;
  struct module *module;
  struct loops *loops;         /* backends/lower/loops.h; by job_make */
  const struct policy *policy; /* what the module is made for, as in struct pass_context */
  bool slow_trits;             /* of the target, likewise */
  uint8_t *tokenizer;          /* the checkpoint's, or NULL */
  size_t tokenizer_bytes;
};
void job_start(struct job *j);
/* Releases everything; `status` is returned for the caller's convenience (1 when errors were reported). */
int job_end(struct job *j, int status);

/* Opens the checkpoint (if any) and, where no spec is named, finds the shipped one. False after diagnostics.
 */
bool job_open(struct job *j);
/* Opens the checkpoint, with --prefix. False after diagnostics. */
bool job_checkpoint(struct job *j, const char *path);
/* Checkpoint (if any) and spec to a module with the function "step"; then the passes of `list`. False after
 * diagnostics. */
bool job_load(struct job *j);
bool job_passes(struct job *j, const char *list);
/* The pipeline `plain`, or `fixed` where --fixed is given; or the passes that --passes names, without those
 * that only other pipelines have. False after diagnostics. */
bool job_pipeline(struct job *j, enum pipeline_id plain, enum pipeline_id fixed);
/* Before fixed-point: ranges of the checkpoint's weights, and magnitudes of values on the text of
 * --calibrate or the ids of --calibrate-tokens, into the module. The first CALIBRATION_TOKENS of them. */
enum { CALIBRATION_TOKENS = 512 };
bool job_know(struct job *j);
/* Writes the module's image; needs a checkpoint. */
bool job_image(struct job *j, FILE *out, uint64_t at, uint64_t *bytes);

/* Where the product's own files are: bin/../lib/tern and bin/../share/tern, or $TERN_HOME. In the arena; NULL
 * after a diagnostic. */
const char *tern_file(struct job *j, const char *relative);
/* The folder of the specs that others import by name, std.norms; in the arena. It may not be there. */
const char *tern_library(struct job *j);

/* What the module needs of the checkpoint is there; how its floats are stored is noted, and what the spec
 * leaves open of its matrices is said. False after diagnostics. */
bool match_checkpoint(struct job *j);
/* Gives ternary weights without a rule that of --weight-scale, where it means something for what is stored.
 */
void set_rules(struct job *j);
/* How a ternary weight is scaled, in the checkpoint's words. */
struct scaling weight_scaling(const struct weight *w);

/* The shipped spec for what the job's checkpoint is by its config.json; which it is is said. False after a
 * diagnostic that lists what there is. */
bool specs_find(struct job *j, const char **spec);
/* The same without a word: NULL when there is none. */
const char *specs_known(struct job *j);

/* Runs a program (argv[0] found on the PATH) and waits; false after a diagnostic when it cannot be run or
 * fails. `quiet`: its standard output and error are shown only when it fails. */
bool run_program(struct diag *d, const char *const argv[]);

/* Argument errors of a subcommand: text to stderr as argp does, exit status 1. */
int build_main(int argc, char **argv);
int run_main(int argc, char **argv);
int simulate_main(int argc, char **argv);
int opt_main(int argc, char **argv);
int weights_main(int argc, char **argv);
int synth_main(int argc, char **argv);
int tokenizer_main(int argc, char **argv);
int train_main(int argc, char **argv);
int adder_graph_main(int argc, char **argv);
int man_main(int argc, char **argv);
int completion_main(int argc, char **argv);
extern const struct argp build_argp, run_argp, simulate_argp, opt_argp, weights_argp, synth_argp,
    tokenizer_argp, train_argp, adder_graph_argp, man_argp, completion_argp;

#endif
