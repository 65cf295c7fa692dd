/* test_machine.c: quotas of control groups, of both versions, nested and in containers, in files made up. */
#include "runtime/core/machine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/test-machine-XXXXXX";

static void shell(const char *format, const char *word) {
  char command[512];
  snprintf(command, sizeof command, format, root, word);
  assert_int_equal(system(command), 0);
}

/* A file under the root, and its folders. */
static void put(const char *path, const char *text) {
  char name[512];
  char *folder = strdup(path);
  *strrchr(folder, '/') = 0;
  shell("mkdir -p %s/%s", folder);
  free(folder);
  snprintf(name, sizeof name, "%s/%s", root, path);
  FILE *f = fopen(name, "w");
  assert_non_null(f);
  fputs(text, f);
  assert_int_equal(fclose(f), 0);
}

static int begin(void **state) {
  (void)state;
  strcpy(root + strlen(root) - 6, "XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  shell("rm -r %s%s", "");
  return 0;
}

static void expect(double quota, uint64_t memory) {
  double found = machine_quota(root);
  uint64_t left = machine_group_memory(root);
  assert_true(found == quota || fabs(found - quota) < 1e-9);
  assert_true(left == memory);
  uint32_t n = machine_processors(root), whole = quota < 1 ? 1 : quota > 1e6 ? 1000000 : (uint32_t)quota;
  assert_int_equal(n, machine_affinity() < whole ? machine_affinity() : whole);
}

static void test_no_groups(void **state) {
  (void)state;
  expect(INFINITY, UINT64_MAX);
  put("proc/self/cgroup", "0::/\n");
  expect(INFINITY, UINT64_MAX);
}

static void test_version_2(void **state) {
  (void)state;
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  expect(INFINITY, UINT64_MAX);
  put("sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
  expect(2.5, UINT64_MAX);
  put("sys/fs/cgroup/a/cpu.max", "50000 50000\n"); /* around it, and less */
  put("sys/fs/cgroup/a/memory.max", "1000000\n");
  put("sys/fs/cgroup/a/memory.current", "400000\n");
  put("sys/fs/cgroup/a/b/memory.max", "max\n");
  put("sys/fs/cgroup/a/b/memory.current", "300000\n");
  expect(1, 600000);
  put("sys/fs/cgroup/a/cpu.max", "10000 100000\n");
  expect(0.1, 600000);
}

/* The path is the host's, and its files are not there; the limit is at the root of what is mounted. */
static void test_inside_a_container(void **state) {
  (void)state;
  put("proc/self/cgroup", "0::/docker/0123\n");
  put("sys/fs/cgroup/cpu.max", "150000 100000\n");
  expect(1.5, UINT64_MAX);
  put("proc/self/cgroup", "0::/\n");
  expect(1.5, UINT64_MAX);
}

static void test_version_1(void **state) {
  (void)state;
  put("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/a/b\n3:memory:/a\n1:name=systemd:/a/b\n0::/a/b\n");
  put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/cpuset/x/cpu.cfs_quota_us", "1000\n"); /* of no meaning there */
  put("sys/fs/cgroup/cpuset/x/cpu.cfs_period_us", "1000\n");
  expect(INFINITY, UINT64_MAX);
  put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n");
  put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n");
  put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000\n");
  put("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "6000\n");
  expect(3, 0);
}

/* Where a controller is mounted by its name alone, and version 2 beside it. */
static void test_hybrid(void **state) {
  (void)state;
  put("proc/self/cgroup", "2:cpuacct:/\n1:cpu:/j\n0::/u\n");
  put("sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "800000\n");
  put("sys/fs/cgroup/cpu/j/cpu.cfs_period_us", "100000\n");
  expect(8, UINT64_MAX);
  put("sys/fs/cgroup/unified/u/cpu.max", "400000 100000\n");
  expect(4, UINT64_MAX);
}

static void test_nonsense(void **state) {
  (void)state;
  char line[6000];
  memset(line, '/', sizeof line);
  memcpy(line, "0::", 3);
  strcpy(line + sizeof line - 2, "\n");
  put("proc/self/cgroup", line);
  expect(INFINITY, UINT64_MAX);
  put("proc/self/cgroup", "\n:\n::\n0::\nno colon\n0::/../../x\n");
  put("sys/fs/cgroup/cpu.max", "100000 0\n");
  expect(INFINITY, UINT64_MAX);
  put("sys/fs/cgroup/cpu.max", "");
  expect(INFINITY, UINT64_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
      TEST(test_no_groups), TEST(test_version_2), TEST(test_inside_a_container),
      TEST(test_version_1), TEST(test_hybrid),    TEST(test_nonsense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
