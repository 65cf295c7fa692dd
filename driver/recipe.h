/* recipe.h: how a back end, an engine or a machine wants the model. Each says it in its row of a table, and
 * job_make does it: nothing else reads a spec, runs a pipeline or lowers for one of them. */
#ifndef TERN_DRIVER_RECIPE_H
#define TERN_DRIVER_RECIPE_H

#include "backends/lower/loops.h"
#include "driver/driver.h"

enum stage {
  NOTHING_READ, /* it reads the spec itself, or chooses another row that does */
  AS_READ,      /* the module as the front end makes it; passes run only where --passes names them */
  AS_PASSED,    /* after a pipeline */
  AS_LOOPS      /* the same, lowered to loops */
};

struct recipe {
  enum stage stage;
  enum pipeline_id plain, fixed; /* the pipeline, and the one of --fixed */
  const char *unasked;           /* runs in place of `plain` where no passes are named; NULL: `plain` */
  const struct policy *policy;   /* what passes and lowering follow */
  bool integers;                 /* --fixed goes without saying */
  bool alone;                    /* one sequence: no form for several */
  /* Before anything is read: notes what the target is good at (job.slow_trits), or refuses what is asked of
   * it. NULL: there is nothing to note. False after a diagnostic. */
  bool (*target)(struct job *j);
  /* When the model is read: whether it is one for this row. NULL: any is. False after a diagnostic. */
  bool (*fits)(struct job *j);
  /* Runs the pipeline in place of job_make; NULL: it does. False after a diagnostic. */
  bool (*plan)(struct job *j, const struct recipe *r);
};

/* Reads the spec and the checkpoint, unless that is done, and makes j->module, and j->loops, what the recipe
 * says. False after diagnostics. */
bool job_make(struct job *j, const struct recipe *r);

#endif
