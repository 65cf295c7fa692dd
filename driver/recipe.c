/* recipe.c: the one way from a job to a module or loops. */
#include "driver/recipe.h"

static bool run_pipeline(struct job *j, const struct recipe *r) {
  const struct compile_options *o = &j->options;
  if (r->stage == AS_READ)
    return !o->passes || job_passes(j, o->passes);
  if (r->unasked && !o->passes && !o->fixed)
    return job_passes(j, r->unasked);
  return job_pipeline(j, r->plain, r->fixed);
}

bool job_make(struct job *j, const struct recipe *r) {
  if (r->stage == NOTHING_READ)
    return true;
  j->policy = r->policy;
  j->options.fixed |= r->integers;
  if (r->alone)
    j->options.batch = 0;
  if ((r->target && !r->target(j)) || !(j->module || job_load(j)) || (r->fits && !r->fits(j)) ||
      !(r->plan ? r->plan(j, r) : run_pipeline(j, r)))
    return false;
  if (r->stage == AS_LOOPS)
    j->loops = loops_lower(&j->arena, j->module, r->policy);
  return r->stage != AS_LOOPS || j->loops;
}
