/* pages.c: see pages.h. What is refused leaves the file's pages. Only where the kernel runs out of memory for
 * its own tables in the middle of a move could a block be gone, and its next reader with it. */
#include "runtime/core/base.h"

#include "runtime/core/pages.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/core/machine.h"
#include "runtime/core/team.h"

#if defined MREMAP_FIXED && defined MADV_HUGEPAGE

enum { BLOCK = 2 << 20, LEAST_BYTES = 16 << 20, WAIT_MS = 100 };

struct pages {
  uint8_t *begin, *end, *skip, *skip_end;
  uint8_t *room; /* blocks that are not used yet */
  size_t left;   /* bytes of them */
  pthread_t thread;
  pid_t owner; /* a forked child has no thread to wait for */
  _Atomic bool stop, done;
};

/* ---- whether ----------------------------------------------------------------------------------- */

static bool system_has_huge_pages(void) {
  char line[128];
  return machine_line("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", line, sizeof line) &&
         strtoull(line, NULL, 10) == BLOCK &&
         machine_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof line) &&
         !strstr(line, "[never]");
}

static bool has_room_for_addresses(void) {
  struct rlimit most;
  return sizeof(void *) >= 8 && getrlimit(RLIMIT_AS, &most) == 0 && most.rlim_cur == RLIM_INFINITY;
}

static bool pays(uint64_t bytes) {
  const char *allowed = getenv("TERN_HUGE_PAGES");
  return bytes >= LEAST_BYTES && !(allowed && strcmp(allowed, "0") == 0) && system_has_huge_pages() &&
         has_room_for_addresses() && proc_bytes("/proc/meminfo", "MemAvailable") / 2 >= bytes &&
         machine_group_memory("") / 2 >= bytes;
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
  atomic_store(&p->done, true);
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
  p->owner = getpid();
  if (make_room(p) && thread_start(&p->thread, NULL, move, p) == 0)
    return p;
  if (p->room)
    munmap(p->room, p->left);
  free(p);
  return NULL;
}

bool pages_are_moved(const struct pages *p) {
  return !p || atomic_load(&p->done);
}

void pages_close(struct pages *p) {
  if (!p)
    return;
  atomic_store(&p->stop, true);
  if (p->owner == getpid())
    pthread_join(p->thread, NULL);
  free(p);
}

#else

struct pages *pages_move(uint8_t *begin, uint8_t *end, uint8_t *skip, uint8_t *skip_end) {
  (void)begin, (void)end, (void)skip, (void)skip_end;
  return NULL;
}

bool pages_are_moved(const struct pages *p) {
  (void)p;
  return true;
}

void pages_close(struct pages *p) {
  (void)p;
}

#endif
