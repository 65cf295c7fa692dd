/* test_place.c: places in one arena: those alive together do not overlap, and little is wasted. */
#include "passes/place.h"
#include "tests/unit/passes_common.h"

enum { ALIGN = 64 };

static void test_place(void **state) {
  (void)state;
  uint64_t seed = 1;
  for (int round = 0; round < 2000; round++) {
    struct lifetime b[40];
    int n = 1 + (int)(mix(seed++) % 40);
    int64_t sum = 0, peak = 0;
    for (int i = 0; i < n; i++) {
      int first = (int)(mix(seed++) % 30);
      b[i] = (struct lifetime){.bytes = 1 + (int64_t)(mix(seed++) % 1000), .first = first, .offset = -1};
      b[i].last = first + (int)(mix(seed++) % 10);
      sum += place_align(b[i].bytes, ALIGN);
    }
    int64_t size = place(b, n, ALIGN);
    for (int t = 0; t < 40; t++) {
      int64_t live = 0;
      for (int i = 0; i < n; i++)
        live += b[i].first <= t && t <= b[i].last ? place_align(b[i].bytes, ALIGN) : 0;
      peak = live > peak ? live : peak;
    }
    assert_true(peak <= size && size <= sum && size <= 2 * peak);
    for (int i = 0; i < n; i++) {
      assert_true(b[i].offset >= 0 && b[i].offset % 64 == 0 && b[i].offset + b[i].bytes <= size);
      for (int k = 0; k < i; k++)
        if (b[i].first <= b[k].last && b[k].first <= b[i].last)
          assert_true(b[i].offset + b[i].bytes <= b[k].offset || b[k].offset + b[k].bytes <= b[i].offset);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
