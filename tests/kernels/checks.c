/* checks.c: every variant of the ternary sums that this processor runs against a naive loop, bit for bit: odd
 * shapes, extreme codes, groups, several rows, one to three threads. Packing in whole and in ranges.
 */
#include "tests/kernels/checks.h"
#include "tests/kernels/small_stack.h"

#include "runtime/kernels/pack.h"
#include "runtime/kernels/ternary.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined __x86_64__
#include "runtime/core/cpu.h"
#include <cpuid.h>
#elif defined __aarch64__
#include <sys/auxv.h>
#endif

static unsigned failures; /* of the check that runs */

__attribute__((format(printf, 1, 2))) static void differs(const char *format, ...) {
  va_list list;
  va_start(list, format);
  if (failures++ < 20) {
    vprintf(format, list);
    putchar('\n');
  }
  va_end(list);
}

typedef TERN_TERNARY_SUM(sum_i8_function, int8_t, int32_t);

enum packing { TILE2, TILE3, TILE4, TILE8, PACKINGS };

struct variant {
  const char *name;
  sum_i8_function *sum;
  bool runs;
  enum packing packing;
};
enum { VARIANTS = 24 };

static int all_of(struct variant *v, int n, const char *name, bool runs,
                  sum_i8_function *const sums[PACKINGS]) {
  for (enum packing k = TILE2; k < PACKINGS; k++)
    v[n++] = (struct variant){name, sums[k], runs, k};
  return n;
}
#define LEVEL(level, runs)                                                                                   \
  n = all_of(v, n, #level, runs,                                                                             \
             (sum_i8_function *[]){tern_ternary_sum_i8_##level, tern_ternary_sum3_i8_##level,                \
                                   tern_ternary_sum4_i8_##level, tern_ternary_sum8_i8_##level})

static int variants(struct variant v[VARIANTS]) {
  int n = all_of(v, 0, "portable", true,
                 (sum_i8_function *[]){tern_ternary_sum_i8, tern_ternary_sum3_i8, tern_ternary_sum4_i8,
                                       tern_ternary_sum8_i8});
#ifdef __x86_64__
  unsigned a = 0, b = 0, c = 0, d = 0;
  bool avx2 = __builtin_cpu_supports("avx2");
  bool vnni = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512vl");
  bool avxvnni = avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
  LEVEL(avx2, avx2);
  LEVEL(avxvnni, avxvnni);
  LEVEL(vnni, vnni);
  LEVEL(vbmi, vnni && __builtin_cpu_supports("avx512vbmi"));
  LEVEL(amx, cpu_has("amx-int8,avx512bw,avx512vl,avx512vnni,avx512vbmi", NULL, 0));
#elif defined __aarch64__
  LEVEL(neon, getauxval(AT_HWCAP) & HWCAP_ASIMDDP);
#endif
  return n;
}

static uint64_t random_state = 88172645463325252u;
static uint32_t random_number(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)(random_state >> 32);
}

/* A matrix, its packed form and room for rows of x and y, each allocated to the byte, so that the sanitizer
 * sees a read beyond. */
struct problem {
  int64_t m, n, group, rows, groups;
  int bits; /* of a code; 0: it is -1, 0 or 1 */
  int8_t *codes;
  uint8_t *packed[PACKINGS];
};

/* The layouts as ternary.h states them. */
static const struct layout {
  int name, bits; /* tileN; the most bits of its codes, 0: -1, 0 and 1 */
  int64_t chunk;
  int64_t (*bytes)(int64_t m, int64_t n);
  void (*pack)(const int8_t *codes, int64_t m, int64_t n, uint8_t *out);
  void (*pairs)(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin, int64_t end);
} layouts[PACKINGS] = {
    [TILE2] = {2, 0, 16, tern_tile2_bytes, tern_pack_tile2, tern_pack_tile2_pairs},
    [TILE3] = {3, 0, 20, tern_tile3_bytes, tern_pack_tile3, tern_pack_tile3_pairs},
    [TILE4] = {4, 4, 8, tern_tile4_bytes, tern_pack_tile4, tern_pack_tile4_pairs},
    [TILE8] = {8, 8, 4, tern_tile8_bytes, tern_pack_tile8, tern_pack_tile8_pairs},
};

/* Whether the layout holds the problem's codes. */
static bool holds(const struct problem *p, enum packing packing) {
  return p->bits <= layouts[packing].bits;
}

enum { ANY_CODE = 1000 };

static int8_t code_of(int bits, int code) {
  if (code != ANY_CODE)
    return (int8_t)code;
  return bits ? (int8_t)((int)(random_number() % (1u << bits)) - (1 << (bits - 1)))
              : (int8_t)((int)(random_number() % 3) - 1);
}

static struct problem problem(int64_t m, int64_t n, int64_t group, int64_t rows, int bits, int code) {
  struct problem p = {m, n, group, rows, group ? (n + group - 1) / group : 1, bits, NULL, {NULL}};
  p.codes = malloc((size_t)(m * n));
  for (int64_t i = 0; i < m * n; i++)
    p.codes[i] = code_of(bits, code);
  for (enum packing k = TILE2; k < PACKINGS; k++)
    if (holds(&p, k)) {
      p.packed[k] = malloc((size_t)layouts[k].bytes(m, n));
      layouts[k].pack(p.codes, m, n, p.packed[k]);
    }
  return p;
}

static void problem_free(struct problem *p) {
  free(p->codes);
  for (enum packing k = TILE2; k < PACKINGS; k++)
    free(p->packed[k]);
}

/* The naive loop: code at (row i, column k) by x, for each group. */
#define NAIVE(name, x_type)                                                                                  \
  static void name(const struct problem *p, const x_type *x, int32_t *y) {                                   \
    int64_t span = p->group ? p->group : p->n;                                                               \
    memset(y, 0, sizeof *y *(size_t)(p->rows * p->m * p->groups));                                           \
    for (int64_t t = 0; t < p->rows; t++)                                                                    \
      for (int64_t i = 0; i < p->m; i++)                                                                     \
        for (int64_t k = 0; k < p->n; k++)                                                                   \
          y[(t * p->m + i) * p->groups + k / span] += p->codes[i * p->n + k] * x[t * p->n + k];              \
  }
NAIVE(naive_i8, int8_t)
NAIVE(naive_i16, int16_t)

static float naive_f32_sum(const int8_t *w, const float *x, int64_t n) {
  float lane[16] = {0};
  for (int64_t k = 0; k < n; k++)
    lane[k % 16] = lane[k % 16] + (float)w[k] * x[k];
  for (int width = 8; width; width /= 2)
    for (int l = 0; l < width; l++)
      lane[l] = lane[l] + lane[l + width];
  return lane[0];
}

static void naive_f32(const struct problem *p, const float *x, float *y) {
  int64_t span = p->group ? p->group : p->n;
  for (int64_t t = 0; t < p->rows; t++)
    for (int64_t i = 0; i < p->m; i++)
      for (int64_t g = 0; g < p->groups; g++) {
        int64_t from = g * span, count = p->n - from < span ? p->n - from : span;
        y[(t * p->m + i) * p->groups + g] =
            naive_f32_sum(p->codes + i * p->n + from, x + t * p->n + from, count);
      }
}

static int8_t *codes_i8(int64_t n, int value) {
  int8_t *x = malloc((size_t)n);
  for (int64_t k = 0; k < n; k++)
    x[k] = value == 0 ? (int8_t)(random_number() % 256 - 128) : (int8_t)value;
  return x;
}

static void check_i8(const struct problem *p, int value) {
  struct variant v[VARIANTS];
  int64_t outputs = p->rows * p->m * p->groups;
  int8_t *x = codes_i8(p->rows * p->n, value);
  int32_t *expected = malloc(sizeof *expected * (size_t)outputs);
  int32_t *y = malloc(sizeof *y * (size_t)outputs);
  naive_i8(p, x, expected);
  for (int k = 0, n = variants(v); k < n; k++)
    for (uint32_t threads = 1; v[k].runs && holds(p, v[k].packing) && threads <= 3; threads++) {
      memset(y, 0x55, sizeof *y * (size_t)outputs);
      for (uint32_t thread = 0; thread < threads; thread++)
        v[k].sum(p->packed[v[k].packing], x, y, p->m, p->n, p->group, p->rows, thread, threads);
      if (memcmp(y, expected, sizeof *y * (size_t)outputs))
        differs("%s, tile%d, differs: m %ld n %ld group %ld rows %ld x %d threads %u", v[k].name,
                layouts[v[k].packing].name, (long)p->m, (long)p->n, (long)p->group, (long)p->rows, value,
                threads);
    }
  free(x);
  free(expected);
  free(y);
}

static const int64_t sizes[] = {1, 7, 15, 16, 17, 32, 33, 63, 65, 100, 333};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void check_shape(int64_t m, int64_t n, int64_t rows) {
  for (int bits = 0; bits <= 8; bits += 4) {
    struct problem p = problem(m, n, 0, rows, bits, ANY_CODE);
    check_i8(&p, 0);
    problem_free(&p);
  }
}

static void odd_shapes(void) {
  for (int i = 0; i < SIZES; i++)
    for (int j = 0; j < SIZES; j++)
      for (int64_t rows = 1; rows <= 17; rows += 8)
        check_shape(sizes[i], sizes[j], rows);
}

static void wide_and_tall(void) {
  static const int64_t shapes[][3] = {{33, 6912, 19}, {48, 70000, 3}, {31, 250, 205}, {50, 4096, 29}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    check_shape(shapes[i][0], shapes[i][1], shapes[i][2]);
  for (int64_t rows = 2; rows <= 30; rows++) /* sets that are full, filled up, and left over */
    check_shape(47, 333, rows);
  check_shape(20, 333, 97);
  check_shape(20, 40001, 25); /* sets, then a few rows left */
  for (int i = 0; i < SIZES; i++)
    for (int64_t rows = 1; rows <= 7; rows += 6) {
      check_shape(sizes[i], 6912, rows);
      check_shape(6912, sizes[i], rows);
    }
}

/* Codes at the ends of their range, where 16-bit sums are fullest; all weights +1, -1 and 0. */
static void extremes(void) {
  static const int values[] = {127, -128, -127};
  for (int code = -1; code <= 1; code++)
    for (int v = 0; v < 3; v++)
      for (int64_t rows = 1; rows <= 13; rows += rows < 5 ? 1 : 4) {
        struct problem p = problem(40, 6912 + 5, 0, rows, 0, code);
        check_i8(&p, values[v]);
        problem_free(&p);
      }
  /* More columns than one run of the in-place accumulators takes. */
  struct problem p = problem(3, 2 * 16 * 16384 + 21, 0, 1, 0, 1);
  check_i8(&p, -128);
  problem_free(&p);
}

/* Wider codes at the ends of theirs; sums modulo 2^32. */
static void wide_extremes(void) {
  static const int ends[][2] = {{4, -8}, {4, 7}, {8, -128}, {8, 127}};
  for (int k = 0; k < 4; k++)
    for (int v = 0; v < 2; v++)
      for (int64_t rows = 1; rows <= 13; rows += 4) {
        struct problem p = problem(40, 6912 + 5, 0, rows, ends[k][0], ends[k][1]);
        check_i8(&p, v ? 127 : -128);
        problem_free(&p);
      }
}

static void groups(void) {
  static const int64_t group[] = {1, 5, 16, 20, 32, 40, 48, 64, 100, 1000};
  for (size_t i = 0; i < sizeof group / sizeof *group; i++)
    for (int64_t rows = 1; rows <= 3; rows++) {
      for (int bits = 0; bits <= 8; bits += 4) {
        struct problem p = problem(37, 333, group[i], rows, bits, ANY_CODE);
        check_i8(&p, 0);
        problem_free(&p);
      }
    }
}

static void wide_codes(void) {
  static TERN_TERNARY_SUM((*const sums[PACKINGS]), int16_t, int32_t) = {
      tern_ternary_sum_i16, tern_ternary_sum3_i16, tern_ternary_sum4_i16, tern_ternary_sum8_i16};
  for (int j = 0; j < 3 * SIZES; j++) {
    struct problem p = problem(50, sizes[j / 3], j / 3 % 2 ? 24 : 0, 3, j % 3 * 4, ANY_CODE);
    int64_t inputs = p.rows * p.n, outputs = p.rows * p.m * p.groups;
    int16_t *x = malloc(sizeof *x * (size_t)inputs);
    int32_t *y = malloc(sizeof *y * (size_t)outputs), *expected = malloc(sizeof *y * (size_t)outputs);
    for (int64_t k = 0; k < inputs; k++)
      x[k] = (int16_t)(random_number() % 65536 - 32768);
    naive_i16(&p, x, expected);
    for (enum packing packing = TILE2; packing < PACKINGS; packing++) {
      if (!holds(&p, packing))
        continue;
      for (uint32_t thread = 0; thread < 2; thread++)
        sums[packing](p.packed[packing], x, y, p.m, p.n, p.group, p.rows, thread, 2);
      if (memcmp(y, expected, sizeof *y * (size_t)outputs))
        differs("int16, tile%d, differ: n %ld group %ld", layouts[packing].name, (long)p.n, (long)p.group);
      memset(y, 0x55, sizeof *y * (size_t)outputs);
    }
    free(x), free(y), free(expected);
    problem_free(&p);
  }
}

static void floats(void) {
  static TERN_TERNARY_SUM((*const sums[PACKINGS]), float, float) = {
      tern_ternary_sum_f32, tern_ternary_sum3_f32, tern_ternary_sum4_f32, tern_ternary_sum8_f32};
  for (int j = 0; j < 3 * SIZES; j++) {
    struct problem p = problem(50, sizes[j / 3], j / 3 % 2 ? 24 : 0, 3, j % 3 * 4, ANY_CODE);
    int64_t inputs = p.rows * p.n, outputs = p.rows * p.m * p.groups;
    float *x = malloc(sizeof *x * (size_t)inputs);
    float *y = malloc(sizeof *y * (size_t)outputs), *expected = malloc(sizeof *y * (size_t)outputs);
    for (int64_t k = 0; k < inputs; k++)
      x[k] = (float)((int32_t)random_number() * 1e-9);
    naive_f32(&p, x, expected);
    for (enum packing packing = TILE2; packing < PACKINGS; packing++) {
      if (!holds(&p, packing))
        continue;
      for (uint32_t thread = 0; thread < 3; thread++)
        sums[packing](p.packed[packing], x, y, p.m, p.n, p.group, p.rows, thread, 3);
      if (memcmp(y, expected, sizeof *y * (size_t)outputs))
        differs("floats, tile%d, differ: n %ld group %ld", layouts[packing].name, (long)p.n, (long)p.group);
      memset(y, 0x55, sizeof *y * (size_t)outputs);
    }
    free(x), free(y), free(expected);
    problem_free(&p);
  }
}

/* The layouts digit by digit; ranges of pairs give the same bytes as the whole. */
static int digit_of(enum packing packing, int byte, int64_t field) {
  static const int powers[] = {1, 3, 9, 27};
  if (packing == TILE8)
    return byte;
  if (packing == TILE4)
    return byte >> (4 * field) & 15;
  if (packing == TILE2)
    return byte >> (2 * field) & 3;
  return field == 4 ? byte / 85 : byte % 85 / powers[field] % 3;
}

static void check_digits(const struct problem *p, enum packing packing) {
  int64_t chunk = layouts[packing].chunk, chunks = (p->n + chunk - 1) / chunk;
  int zero = packing == TILE8 ? 128 : packing == TILE4 ? 8 : 1;
  for (int64_t row = 0; row < 16 * tern_tiles(p->m); row++)
    for (int64_t k = 0; k < chunk * chunks; k++) {
      int64_t step, c = k % chunk, digit = row < p->m && k < p->n ? p->codes[row * p->n + k] + zero : 0;
      const uint8_t *tiles = tern_panel(p->packed[packing], p->m, chunks, row / 16, &step);
      int byte = tiles[k / chunk * step + 4 * (row % 16) + c % 4];
      if (digit_of(packing, byte, c / 4) != digit) {
        differs("tile%d: m %ld n %ld: the digit of row %ld, column %ld", layouts[packing].name, (long)p->m,
                (long)p->n, (long)row, (long)k);
        return;
      }
    }
}

static void check_ranges(const struct problem *p, enum packing packing) {
  int64_t bytes = layouts[packing].bytes(p->m, p->n), pairs = (tern_tiles(p->m) + 1) / 2;
  uint8_t *parts = malloc((size_t)bytes);
  for (int64_t k = 0; k < pairs; k++)
    layouts[packing].pairs(p->codes, p->m, p->n, parts, k, k + 1);
  if (memcmp(parts, p->packed[packing], (size_t)bytes))
    differs("tile%d: m %ld n %ld: ranges of pairs", layouts[packing].name, (long)p->m, (long)p->n);
  free(parts);
}

static void packing(void) {
  for (int i = 0; i < SIZES; i++)
    for (int j = 0; j < SIZES; j++) {
      for (int bits = 0; bits <= 8; bits += 4) {
        struct problem p = problem(sizes[i], sizes[j], 0, 1, bits, ANY_CODE);
        for (enum packing k = TILE2; k < PACKINGS; k++)
          if (holds(&p, k)) {
            check_ranges(&p, k);
            check_digits(&p, k);
          }
        problem_free(&p);
      }
    }
}

/* ---- what checks.h promises ------------------------------------------------------------------ */

static void (*const checks[])(void) = {packing,       odd_shapes, wide_and_tall, extremes,
                                       wide_extremes, groups,     wide_codes,    floats};
const char *const kernel_checks[KERNEL_CHECKS] = {"packing",       "odd shapes", "wide and tall", "extremes",
                                                  "wide extremes", "groups",     "wide codes",    "floats"};

void kernel_variants(void) {
  struct variant v[VARIANTS];
  for (int k = 0, n = variants(v); k < n; k++)
    if (v[k].runs)
      printf("%s tile%d\n", v[k].name, layouts[v[k].packing].name);
}

bool kernel_check(int number) {
  failures = 0;
  return on_small_stack(checks[number]) && failures == 0;
}
