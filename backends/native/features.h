/* features.h: what code for a target may need of a processor. */
#ifndef TERN_NATIVE_FEATURES_H
#define TERN_NATIVE_FEATURES_H

/* The features that code for this CPU (NULL: none of its own) with LLVM's changes ("+a,-b", in order) may
 * use, of those that runtime/core/cpu.def checks, in its order, with commas between. malloc'ed. */
char *features_needed(const char *family, const char *cpu, const char *changes);

/* All features of a CPU as clang has them; NULL for one that cpus.def does not name. */
const char *features_of_cpu(const char *family, const char *cpu);

#endif
