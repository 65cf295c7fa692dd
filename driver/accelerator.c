/* accelerator.c: from a job to a planned machine. */
#include "driver/accelerator.h"

#include "backends/hardware/unrolled/unrolled.h"
#include "driver/unrolled_job.h"

static bool plan_unrolled(struct job *j, const struct hw_options *o, struct design *out) {
  out->unrolled = unrolled_job(j, o);
  if (out->unrolled)
    out->inventory = unrolled_inventory(out->unrolled, o->clock_mhz ? o->clock_mhz : DEFAULT_CLOCK);
  return out->unrolled != NULL;
}

static bool plan_streaming(struct job *j, const struct hw_options *o, struct design *out) {
  out->streaming = hardware_plan(j, o);
  if (out->streaming)
    out->inventory = hw_inventory(out->streaming);
  return out->streaming != NULL;
}

bool design_plan(struct job *j, const struct hw_options *o, struct design *out) {
  enum hw_machine machine;
  *out = (struct design){0};
  if (!hardware_machine(j, o, &machine))
    return false;
  return machine == HW_UNROLLED ? plan_unrolled(j, o, out) : plan_streaming(j, o, out);
}

bool design_write(struct job *j, const struct design *design, const char *dir) {
  return design->streaming ? hardware_write(j, design->streaming, dir, NULL)
                           : unrolled_job_write(j, design->unrolled, dir, NULL, 0);
}
