/* machine.h: what the system leaves to this process: processors and memory.
 *
 * Control groups of both versions count, with the groups around them. Inside a container the group's path may
 * be the host's; its limits are then those at the root of the mount. `root` stands before the names of files
 * under /proc and /sys: "" but in tests. */
#ifndef TERN_RUNTIME_MACHINE_H
#define TERN_RUNTIME_MACHINE_H

#include <stdint.h>

/* Processors that this process may be put on (sched_setaffinity, cpusets); at least 1. */
uint32_t machine_affinity(void);
/* Processors whose time its control groups grant it, such as 1.5; INFINITY without a quota. */
double machine_quota(const char *root);
/* Threads that it can keep running all the time: the affinity, and no more than whole processors of the
 * quota, for a thread that the system stops makes all others wait at the next barrier. At least 1. */
uint32_t machine_processors(const char *root);
/* Bytes that the limits of its control groups leave; what the group's files have in the cache counts as
 * taken. UINT64_MAX without a limit. */
uint64_t machine_group_memory(const char *root);

/* The first line of a file, cut where `line` ends. */
int machine_line(const char *path, char *line, int size);

#endif
