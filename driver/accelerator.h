/* accelerator.h: a model planned as hardware, whichever machine it becomes: machines.def has the rows of the
 * machines. `build --emit verilog`, `simulate` and `synth` know them through this table alone. */
#ifndef TERN_DRIVER_ACCELERATOR_H
#define TERN_DRIVER_ACCELERATOR_H

#include "backends/hardware/inventory.h"
#include "driver/hardware.h"
#include "driver/recipe.h"

enum { DEFAULT_CLOCK = 200 }; /* MHz, where --hw-clock says nothing */

struct hw_report; /* backends/hardware/report/hw_report.h */

struct accelerator {
  const struct machine *machine;
  struct inventory *inventory;
  void *planned; /* the machine's own */
};

/* What `ternc simulate` asks for. */
struct simulation_request {
  const char *prompt, *tokens; /* one of them: text, or a file of ids */
  int generate;                /* tokens to go on with after them; -1: 16 after a prompt, none after a file */
  const char *simulator;       /* "verilator" or "icarus" */
  int stalls;                  /* seed of random stalls; 0: none */
  int save_restore;            /* after that step states are saved, cleared and written back; 0: never */
  int end;                     /* the step that a sequence ends with; 0: none ends */
  const char *logits, *trace, *output; /* files and a folder to keep, or NULL */
  bool json;
};

struct machine {
  const char *name;
  /* Whether a model, which is read, becomes this machine of its own accord. */
  bool (*suits)(const struct job *j);
  struct recipe recipe;
  /* The first option given that is of this machine alone, or NULL. */
  const char *(*given)(const struct hw_options *o);
  /* Makes the job by the recipe, and plans the machine with its inventory. False after diagnostics. */
  bool (*plan)(struct job *j, const struct hw_options *o, struct accelerator *out);
  /* The project in folder `dir`, which is made where it is missing, with vectors of a few tokens for its test
   * bench where there is a checkpoint. */
  bool (*write)(struct job *j, const struct accelerator *h, const char *dir);
  /* Plans, writes and runs it, and prints what came out. */
  bool (*simulate)(struct job *j, const struct hw_options *o, const struct simulation_request *r);
  /* For a report on one that does not fit its device: says which of its narrower ones does. NULL: there are
   * none. */
  void (*narrower)(struct diag *d, const struct accelerator *h, const struct hw_report *r);
};
extern const struct machine machines[];
extern const int machine_count;
const struct machine *machine_find(const char *name); /* NULL: there is none */

#define MACHINE(function, ...)                                                                               \
  const char *given_##function(const struct hw_options *o);                                                  \
  bool plan_##function(struct job *j, const struct hw_options *o, struct accelerator *out);                  \
  bool write_##function(struct job *j, const struct accelerator *h, const char *dir);                        \
  bool simulate_##function(struct job *j, const struct hw_options *o, const struct simulation_request *r);
#include "driver/machines.def"
bool any_model(const struct job *j);
bool small_model(const struct job *j);
bool unrolled_fits(struct job *j);
void streaming_narrower(struct diag *d, const struct accelerator *h, const struct hw_report *r);

/* The machine that the options name, else one by the model, which is read for that; says which given option
 * is of another one. NULL after a diagnostic. */
const struct machine *machine_for(struct job *j, const struct hardware *o);

#endif
