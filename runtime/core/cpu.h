/* cpu.h: whether this processor has what code was compiled for, and which of several levels runs.
 *
 * A program compiled for several processors has one struct tern_model for each, linked by `better`, the least
 * first; they share the weights and give the same bits. */
#ifndef TERN_RUNTIME_CPU_H
#define TERN_RUNTIME_CPU_H

#include "runtime/core/base.h"
#include "runtime/model.h"

/* Whether all `features` (names of cpu.def, with commas between; NULL: none) are there, and the system lets
 * them be used. If not, the names of those missing are in missing[size]: as many as it holds, and how many
 * more. */
bool cpu_has(const char *features, char *missing, size_t size);

/* The processor that a model was compiled for: the last word of its target. */
const char *cpu_name(const struct tern_model *m);

/* The best level that runs here, or the one that `level` names, else $TERN_CPU_LEVEL. NULL with a message
 * that says what is missing. */
const struct tern_model *cpu_choose(const struct tern_model *least, const char *level, struct failure *f);

#endif
