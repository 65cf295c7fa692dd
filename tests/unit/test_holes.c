/* Holes in the names of tensors: what is read, what is written, and that both agree. */
#include "support/holes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void holes_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t length; /* 0: no hole */
    int64_t offset, i, j;
  } rows[] = {
      {"{}.w", 2, 0, 1, 0},
      {"{i}", 3, 0, 1, 0},
      {"{4i+j+3}", 8, 3, 4, 1},
      {"{-i+7}", 6, 7, -1, 0},
      {"{j}", 3, 0, 0, 1},
      {"{-12j-3}", 8, -3, 0, -12},
      {"{5}", 3, 5, 0, 0},
      {"{j+i}", 0, 0, 0, 0},
      {"{3+i}", 0, 0, 0, 0},
      {"{i+i}", 0, 0, 0, 0},
      {"{+i}", 0, 0, 0, 0},
      {"{i", 0, 0, 0, 0},
      {"{", 0, 0, 0, 0},
      {"{-}", 0, 0, 0, 0},
      {"{i+}", 0, 0, 0, 0},
      {"{2}3}", 3, 2, 0, 0},
      {"{i j}", 0, 0, 0, 0},
      {"{m}", 0, 0, 0, 0},
      {"{9999999999i}", 0, 0, 0, 0},
      {"x", 0, 0, 0, 0},
      {"{999999999}", 11, 999999999, 0, 0},
      {"{1000000000}", 0, 0, 0, 0},
      {"{i1}", 0, 0, 0, 0},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    struct hole hole;
    size_t length = hole_read(rows[k].text, 0, &hole);
    if (length != rows[k].length)
      fail_msg("%s: length %zu", rows[k].text, length);
    if (length && (hole.offset != rows[k].offset || hole.scale[0] != rows[k].i || hole.scale[1] != rows[k].j))
      fail_msg("%s: %lld, %lld, %lld", rows[k].text, (long long)hole.offset, (long long)hole.scale[0],
               (long long)hole.scale[1]);
  }
}

static void what_is_written_reads_the_same(void **state) {
  (void)state;
  struct arena a = {0};
  uint32_t seed = 1;
  for (int n = 0; n < 20000; n++) {
    struct hole hole, again;
    for (int k = 0; k <= HOLE_INDICES; k++) {
      seed = seed * 1664525u + 1013904223u;
      int64_t number = (int64_t)(seed >> 8) % 5 - 2;
      *(k < HOLE_INDICES ? &hole.scale[k] : &hole.offset) = seed >> 31 ? number * 499999999 : number;
    }
    int nth = n % HOLE_INDICES;
    const char *text = hole_text(&a, &hole, nth);
    if (hole_read(text, nth, &again) != strlen(text) || memcmp(&hole, &again, sizeof hole) != 0)
      fail_msg("%s", text);
  }
  arena_free(&a);
}

static void names_are_filled(void **state) {
  (void)state;
  struct arena a = {0};
  const int64_t index[] = {5, 3};
  assert_string_equal(holes_filled(&a, "a.{}.b.{}.c", 2, index), "a.5.b.3.c");
  assert_string_equal(holes_filled(&a, "a.{4i+j}.b.{}", 2, index), "a.23.b.3");
  assert_string_equal(holes_filled(&a, "a.{}.b.{}.{oops}", 1, index), "a.5.b.{}.{oops}");
  assert_string_equal(holes_filled(&a, "{-i+5}", 1, index), "0");
  assert_string_equal(holes_filled(&a, "plain", 0, NULL), "plain");
  arena_free(&a);
}

static void wrong_names_are_told(void **state) {
  (void)state;
  struct arena a = {0};
  const int64_t counts[] = {6, 2};
  assert_null(holes_wrong(&a, "a.{4i+j}.b.{-i+5}", 2, counts));
  assert_non_null(strstr(holes_wrong(&a, "a.{x}", 2, counts), "is no sum of indices"));
  assert_non_null(strstr(holes_wrong(&a, "a.{}.{}", 1, counts), "has an index that is not there"));
  assert_non_null(strstr(holes_wrong(&a, "a.{-i+4}", 1, counts), "is -1 at the least"));
  arena_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(holes_are_read),
      cmocka_unit_test(what_is_written_reads_the_same),
      cmocka_unit_test(names_are_filled),
      cmocka_unit_test(wrong_names_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
