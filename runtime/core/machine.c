/* machine.c: affinity from the kernel, limits from the files of control groups. */
#include "runtime/core/base.h"

#include "runtime/core/machine.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int machine_line(const char *path, char *line, int size) {
  FILE *f = fopen(path, "r");
  bool ok = f && fgets(line, size, f);
  if (f)
    fclose(f);
  return ok;
}

/* ---- control groups ---------------------------------------------------------------------------- */

enum { PATH_ROOM = 8192 };

/* One group: the folder with its files. The least of what a walk finds is kept in *least. */
typedef void group_look(const char *folder, double *least);

static bool number_in(const char *folder, const char *file, char *line, int size) {
  char name[PATH_ROOM + 64];
  snprintf(name, sizeof name, "%s/%s", folder, file);
  return machine_line(name, line, size);
}

/* False also for "max" and -1, which stand for no limit. */
static bool limit_in(const char *folder, const char *file, double *number) {
  char line[64];
  bool ok = number_in(folder, file, line, sizeof line) && line[0] >= '0' && line[0] <= '9';
  if (ok)
    *number = strtod(line, NULL);
  return ok;
}

/* The group of this path below `mount`, and those around it. */
static void look_upward(const char *root, const char *mount, const char *path, group_look *look,
                        double *least) {
  char folder[PATH_ROOM];
  int start = snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s", root, mount);
  int n = snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s%s", root, mount, path);
  for (; n > start && n < PATH_ROOM; n = (int)(strrchr(folder, '/') - folder)) {
    folder[n] = 0;
    look(folder, least);
    if (n <= start + 1)
      break;
  }
  folder[start < PATH_ROOM ? start : 0] = 0;
  look(folder, least);
}

/* Whether the list "cpu,cpuacct" has the controller. */
static bool has_controller(const char *list, const char *controller) {
  size_t n = strlen(controller);
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == n && memcmp(at, controller, n) == 0)
      return true;
  return false;
}

/* A line "number:controllers:path"; version 2 has no controllers in it. */
static void look_at_line(const char *root, char *line, const char *controller, group_look *v1, group_look *v2,
                         double *least) {
  char mount[256];
  line[strcspn(line, "\n")] = 0;
  char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
  if (!path)
    return;
  *path++ = 0;
  if (!*++list) {
    look_upward(root, "", path, v2, least);
    look_upward(root, "/unified", path, v2, least);
  } else if (has_controller(list, controller)) {
    snprintf(mount, sizeof mount, "/%s", list);
    look_upward(root, mount, path, v1, least);
    snprintf(mount, sizeof mount, "/%s", controller);
    look_upward(root, mount, path, v1, least);
  }
}

static double least_of_groups(const char *root, const char *controller, group_look *v1, group_look *v2) {
  char line[4096], name[PATH_ROOM];
  double least = INFINITY;
  snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
  FILE *f = fopen(name, "r");
  while (f && fgets(line, sizeof line, f))
    look_at_line(root, line, controller, v1, v2, &least);
  if (f)
    fclose(f);
  return least;
}

/* ---- processors -------------------------------------------------------------------------------- */

static void quota_v1(const char *folder, double *least) {
  double quota, period;
  if (limit_in(folder, "cpu.cfs_quota_us", &quota) && limit_in(folder, "cpu.cfs_period_us", &period) &&
      period > 0)
    *least = fmin(*least, quota / period);
}

/* "150000 100000", or "max 100000". */
static void quota_v2(const char *folder, double *least) {
  char line[64];
  double quota, period;
  if (number_in(folder, "cpu.max", line, sizeof line) && sscanf(line, "%lf %lf", &quota, &period) == 2 &&
      period > 0)
    *least = fmin(*least, quota / period);
}

double machine_quota(const char *root) {
  return least_of_groups(root, "cpu", quota_v1, quota_v2);
}

uint32_t machine_affinity(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    n = CPU_COUNT(&set);
#endif
  return n < 1 ? 1 : (uint32_t)n;
}

uint32_t machine_processors(const char *root) {
  uint32_t n = machine_affinity();
  double quota = machine_quota(root);
  return quota >= n ? n : quota < 1 ? 1 : (uint32_t)quota;
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void memory_left(const char *folder, const char *limit, const char *used, double *least) {
  double most, taken;
  if (limit_in(folder, limit, &most) && limit_in(folder, used, &taken))
    *least = fmin(*least, most > taken ? most - taken : 0);
}

static void memory_v1(const char *folder, double *least) {
  memory_left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", least);
}

static void memory_v2(const char *folder, double *least) {
  memory_left(folder, "memory.max", "memory.current", least);
}

uint64_t machine_group_memory(const char *root) {
  double least = least_of_groups(root, "memory", memory_v1, memory_v2);
  return least < 0x1p63 ? (uint64_t)least : UINT64_MAX;
}
