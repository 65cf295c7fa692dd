/* test_pages.c: a file's mapping that is put into huge pages keeps its addresses and its bytes, also for a
 * thread that reads meanwhile. */
#include "runtime/core/pages.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { BYTES = 40 << 20, WORDS = BYTES / 8, BLOCK = 2 << 20 };

static uint64_t word(uint64_t i) {
  return (i + 1) * 0x9e3779b97f4a7c15u;
}

/* A file of words, mapped. */
static uint8_t *mapping(void) {
  FILE *f = tmpfile();
  assert_non_null(f);
  uint64_t *words = malloc(BYTES);
  for (uint64_t i = 0; i < WORDS; i++)
    words[i] = word(i);
  assert_int_equal(fwrite(words, 8, WORDS, f), WORDS);
  assert_int_equal(fflush(f), 0);
  free(words);
  uint8_t *at = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE, fileno(f), 0);
  assert_true(at != MAP_FAILED);
  fclose(f);
  return at;
}

static uint64_t wrong_words(const uint8_t *at) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < WORDS; i++) {
    uint64_t w;
    memcpy(&w, at + 8 * i, sizeof w);
    wrong += w != word(i);
  }
  return wrong;
}

/* Bytes of [at, at + BYTES) that are no file's any more. */
static uint64_t moved(const uint8_t *at) {
  char line[512];
  uint64_t sum = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long long from, to, inode, begin = (uintptr_t)at, end = begin + BYTES;
    if (sscanf(line, "%llx-%llx %*s %*s %*s %llu", &from, &to, &inode) != 3 || inode != 0)
      continue;
    from = from > begin ? from : begin;
    to = to < end ? to : end;
    sum += to > from ? to - from : 0;
  }
  if (maps)
    fclose(maps);
  return sum;
}

struct reader {
  const uint8_t *at;
  _Atomic bool stop;
  uint64_t wrong, rounds;
};

static void *read_on(void *reader) {
  struct reader *r = reader;
  do {
    r->wrong += wrong_words(r->at);
    r->rounds++;
  } while (!atomic_load(&r->stop));
  return NULL;
}

static void wait_for(const struct pages *p) {
  while (!pages_are_moved(p))
    usleep(1000);
}

static void test_reader_sees_the_same_bytes(void **state) {
  (void)state;
  uint8_t *at = mapping();
  struct reader r = {.at = at};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
  struct pages *p = pages_move(at, at + BYTES, at, at);
  wait_for(p);
  atomic_store(&r.stop, true);
  pthread_join(thread, NULL);
  assert_int_equal(r.wrong, 0);
  assert_true(r.rounds > 0);
  assert_int_equal(wrong_words(at), 0);
  if (p) /* all whole blocks */
    assert_true(moved(at) >= BYTES - 2 * BLOCK && moved(at) % BLOCK == 0);
  else
    print_message("no huge pages here\n");
  pages_close(p);
  munmap(at, BYTES);
}

static void test_skips(void **state) {
  (void)state;
  uint8_t *at = mapping(), *skip = at + (5 << 20) + 4096, *skip_end = skip + (7 << 20);
  struct pages *p = pages_move(at, at + BYTES, skip, skip_end);
  wait_for(p);
  if (p) {
    assert_true(moved(at) >= (uint64_t)BYTES - (7 << 20) - 4 * (uint64_t)BLOCK);
    assert_true(moved(at) <= (uint64_t)BYTES - (7 << 20));
  }
  assert_int_equal(wrong_words(at), 0);
  pages_close(p);
  munmap(at, BYTES);
}

static void test_stops_at_once(void **state) {
  (void)state;
  uint8_t *at = mapping();
  pages_close(pages_move(at, at + BYTES, at, at));
  assert_true(moved(at) <= BLOCK);
  assert_int_equal(wrong_words(at), 0);
  munmap(at, BYTES);
}

static void test_not_done(void **state) {
  (void)state;
  uint8_t *at = mapping();
  assert_null(pages_move(at, at + (8 << 20), at, at)); /* little */
  setenv("TERN_HUGE_PAGES", "0", 1);
  assert_null(pages_move(at, at + BYTES, at, at));
  unsetenv("TERN_HUGE_PAGES");
  munmap(at, BYTES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reader_sees_the_same_bytes),
      cmocka_unit_test(test_skips),
      cmocka_unit_test(test_stops_at_once),
      cmocka_unit_test(test_not_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
