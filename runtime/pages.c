/* pages.c: see pages.h. Everything here may fail without harm: the file's pages stay. */
#include "base.h"

#include "pages.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "team.h"

#ifdef MREMAP_FIXED

enum { BLOCK = 2 << 20, LEAST_BYTES = 16 << 20, WAIT_MS = 100 };

struct pages {
  uint8_t *begin, *end, *skip, *skip_end;
  uint8_t *room; /* blocks that are not used yet */
  size_t left;   /* bytes of them */
  pthread_t thread;
  bool running;
  _Atomic bool stop;
};

/* ---- whether ----------------------------------------------------------------------------------- */

static bool first_line(const char *path, char *line, int size) {
  FILE *f = fopen(path, "r");
  bool ok = f && fgets(line, size, f);
  if (f)
    fclose(f);
  return ok;
}

static bool system_has_huge_pages(void) {
  char line[128];
  return first_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof line) &&
         !strstr(line, "[never]");
}

static uint64_t free_in_system(void) {
  char line[128];
  unsigned long long kilobytes = 0;
  FILE *f = fopen("/proc/meminfo", "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "MemAvailable: %llu", &kilobytes) == 1)
      break;
  if (f)
    fclose(f);
  return kilobytes * 1024;
}

/* Of the control group, where it has a limit. */
static uint64_t free_in_group(void) {
  char most[64], used[64];
  if (!first_line("/sys/fs/cgroup/memory.max", most, sizeof most) ||
      !first_line("/sys/fs/cgroup/memory.current", used, sizeof used) || most[0] < '0' || most[0] > '9')
    return UINT64_MAX;
  unsigned long long all = strtoull(most, NULL, 10), taken = strtoull(used, NULL, 10);
  return all > taken ? all - taken : 0;
}

static bool pays(uint64_t bytes) {
  const char *allowed = getenv("TERN_HUGE_PAGES");
  return bytes >= LEAST_BYTES && !(allowed && strcmp(allowed, "0") == 0) && system_has_huge_pages() &&
         free_in_system() / 2 >= bytes && free_in_group() / 2 >= bytes;
}

/* ---- moving ------------------------------------------------------------------------------------ */

static uint8_t *block_up(uint8_t *at) {
  return at + (BLOCK - (uintptr_t)at % BLOCK) % BLOCK;
}

static bool move_block(struct pages *p, uint8_t *at) {
  uint8_t *block = p->room;
  if (p->left < BLOCK)
    return false;
  memcpy(block, at, BLOCK);
  if (mprotect(block, BLOCK, PROT_READ) != 0 ||
      mremap(block, BLOCK, BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, at) != at)
    return false;
  p->room += BLOCK;
  p->left -= BLOCK;
  return true;
}

static void *move(void *pages) {
  struct pages *p = pages;
  bool ok = true;
  for (int ms = 0; ms < WAIT_MS && !atomic_load(&p->stop); ms++)
    usleep(1000);
  for (uint8_t *at = block_up(p->begin); ok && at + BLOCK <= p->end && !atomic_load(&p->stop);)
    if (at < p->skip_end && at + BLOCK > p->skip) {
      at = block_up(p->skip_end);
    } else {
      ok = move_block(p, at);
      at += BLOCK;
    }
  munmap(p->room, p->left);
  return NULL;
}

/* Address space for all blocks; memory comes to each when it is written. */
static bool make_room(struct pages *p) {
  size_t bytes = (size_t)(p->end - p->begin) / BLOCK * BLOCK, reserved = bytes + BLOCK;
  uint8_t *at =
      mmap(NULL, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED)
    return false;
  p->room = block_up(at);
  p->left = bytes;
  if (p->room > at)
    munmap(at, (size_t)(p->room - at));
  if (at + reserved > p->room + bytes)
    munmap(p->room + bytes, (size_t)(at + reserved - (p->room + bytes)));
  return madvise(p->room, p->left, MADV_HUGEPAGE) == 0;
}

struct pages *pages_move(uint8_t *begin, uint8_t *end, uint8_t *skip, uint8_t *skip_end) {
  uint64_t bytes = (uint64_t)(end - begin) - (uint64_t)(skip_end - skip);
  struct pages *p = pays(bytes) ? calloc(1, sizeof *p) : NULL;
  if (!p)
    return NULL;
  p->begin = begin;
  p->end = end;
  p->skip = skip;
  p->skip_end = skip_end;
  if (make_room(p)) {
    p->running = thread_start(&p->thread, NULL, move, p) == 0;
    if (p->running)
      return p;
  }
  if (p->room)
    munmap(p->room, p->left);
  free(p);
  return NULL;
}

void pages_wait(struct pages *p) {
  if (p && p->running)
    pthread_join(p->thread, NULL);
  if (p)
    p->running = false;
}

void pages_close(struct pages *p) {
  if (!p)
    return;
  atomic_store(&p->stop, true);
  pages_wait(p);
  free(p);
}

#else

struct pages *pages_move(uint8_t *begin, uint8_t *end, uint8_t *skip, uint8_t *skip_end) {
  (void)begin, (void)end, (void)skip, (void)skip_end;
  return NULL;
}

void pages_wait(struct pages *p) {
  (void)p;
}

void pages_close(struct pages *p) {
  (void)p;
}

#endif
