/* profile.c: the counters of a profile. */
#include "runtime/core/profile.h"

#include <stdlib.h>

#include "runtime/core/team.h"

struct spent {
  uint64_t calls;
  double seconds;
};

/* One thread's. */
struct lane {
  double since;    /* when it entered the kernel */
  uint32_t kernel; /* that it is in; UINT32_MAX: none */
  struct spent spent[];
};

static struct lane *lane_of(const struct profile *p, uint32_t thread) {
  return (struct lane *)(void *)(p->lanes + thread * p->lane_bytes);
}

bool profile_open(struct profile *p, const struct tern_model *m, uint32_t threads, struct failure *f) {
  *p = (struct profile){.model = m, .threads = threads};
  if (m->n_kernels == 0)
    return fail_with(f, "--profile: model %s has no kernels to tell of; run it compiled", m->name);
  size_t bytes = sizeof(struct lane) + m->n_kernels * sizeof(struct spent);
  p->lane_bytes = (bytes + TERN_ALIGN - 1) / TERN_ALIGN * TERN_ALIGN;
  p->lanes = aligned_zeros(threads * p->lane_bytes);
  p->entries = calloc(m->n_entries, sizeof *p->entries);
  for (uint32_t i = 0; p->lanes && i < threads; i++)
    lane_of(p, i)->kernel = UINT32_MAX;
  return (p->lanes && p->entries) || fail_memory(f, threads * p->lane_bytes, "the profile");
}

void profile_close(struct profile *p) {
  free(p->lanes);
  free(p->entries);
  *p = (struct profile){0};
}

static void trace(void *tracer, uint32_t thread, uint32_t kernel) {
  const struct profile *p = tracer;
  struct lane *l = lane_of(p, thread);
  double now = seconds_now();
  if (l->kernel < p->model->n_kernels) {
    l->spent[l->kernel].calls++;
    l->spent[l->kernel].seconds += now - l->since;
  }
  l->kernel = kernel;
  l->since = now;
}

void profile_run(struct profile *p, struct team *team, const struct tern_entry *e, struct tern_args *args,
                 uint32_t tokens) {
  if (!p) {
    team_run(team, e->run, args);
    return;
  }
  struct profile_entry *spent = &p->entries[e - p->model->entries];
  args->trace = trace;
  args->tracer = p;
  double start = seconds_now();
  team_run(team, e->run, args);
  spent->seconds += seconds_now() - start;
  spent->calls++;
  spent->tokens += tokens;
}

struct profile_spent profile_of(const struct profile *p, uint32_t kernel) {
  const struct spent *first = &lane_of(p, 0)->spent[kernel];
  struct profile_spent all = {.calls = first->calls, .seconds = first->seconds, .slowest = first->seconds};
  for (uint32_t i = 1; i < p->threads; i++) {
    double seconds = lane_of(p, i)->spent[kernel].seconds;
    all.slowest = seconds > all.slowest ? seconds : all.slowest;
  }
  return all;
}
