/* engine.h: a compiled module in this process: native code through the JIT, or generated C through cc and
 * dlopen. */
#ifndef TERN_DRIVER_ENGINE_H
#define TERN_DRIVER_ENGINE_H

#include "backends/lower/loops.h"
#include "driver/driver.h"
#include "runtime/core/image.h"
#include "runtime/model.h"

struct engine {
  const char *name;
  const struct tern_model *model;
  struct native_jit *jit; /* native */
  void *library;          /* C: dlopen's handle */
  char *dir;              /* C: its folder of intermediate files */
};

/* Tells the job, before its passes, what the engine is good at. kind: "native" or "c". False after
 * a diagnostic. */
bool engine_target(struct job *j, const char *kind);

/* False after a diagnostic. */
bool engine_open(struct engine *e, struct job *j, const struct loops *loops, const char *kind);
void engine_close(struct engine *e);

/* The module's image in memory, as a mapped file of no name. */
bool image_in_memory(struct job *j, struct image *im);

#endif
