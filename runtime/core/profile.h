/* profile.h: where the time of a model's calls goes: by kernel, by line of the spec, and between kernels.
 *
 * The entries of a model tell args->trace which kernel a thread enters and leaves. Each thread adds up times
 * on cache lines of its own, two looks at the clock a kernel. Times are those of thread 0, so that they and
 * what lies between its kernels (waiting at barriers and for the last thread) add up to the time of the
 * calls; rates are by the thread that took longest. */
#ifndef TERN_RUNTIME_PROFILE_H
#define TERN_RUNTIME_PROFILE_H

#include "runtime/core/base.h"
#include "runtime/model.h"

#include <stdio.h>

struct team;

/* The calls of one entry. */
struct profile_entry {
  uint64_t calls, tokens;
  double seconds;
};

struct profile {
  const struct tern_model *model;
  uint32_t threads;
  struct profile_entry *entries; /* [model->n_entries] */
  size_t lane_bytes;
  uint8_t *lanes; /* [threads] of struct lane */
};

/* False for a model that names no kernels (the interpreter's). */
bool profile_open(struct profile *p, const struct tern_model *m, uint32_t threads, struct failure *f);
void profile_close(struct profile *p);

/* Runs an entry of the model, for so many tokens, on a team of at most p->threads; watches it unless p is
 * NULL. */
void profile_run(struct profile *p, struct team *team, const struct tern_entry *e, struct tern_args *args,
                 uint32_t tokens);

struct profile_spent {
  uint64_t calls;
  double seconds, slowest; /* of thread 0; of the thread that took longest */
};

struct profile_spent profile_of(const struct profile *p, uint32_t kernel);

/* profile_report.c: a table each of kernels and lines, and a line for what lies between kernels; or one JSON
 * object with the keys threads, kernels, lines, forms (entries that ran). False when there is no memory for
 * them. */
bool profile_print(const struct profile *p, FILE *out, bool json, struct failure *f);

#endif
