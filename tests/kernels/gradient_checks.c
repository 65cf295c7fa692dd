/* gradient_checks.c: every level of the products of a backward pass that this processor runs, against loops
 * that follow the stated order step by step, bit for bit: odd shapes, one to five threads, groups, numbers
 * that are tiny, infinite or none. Each operand is allocated to the byte, so that the sanitizer sees a read
 * beyond. */
#include "tests/kernels/gradient_checks.h"
#include "tests/kernels/small_stack.h"

#include "runtime/kernels/gradient.h"
#include "runtime/kernels/pack.h"
#include "tests/kernels/gradient_pairs.h"

#ifdef __x86_64__
#include "runtime/core/cpu.h"
#endif

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- levels ---------------------------------------------------------------------------------- */

typedef TERN_OUTER(outer_i8_function, int8_t);
typedef TERN_OUTER(outer_i16_function, int16_t);
typedef TERN_OUTER(outer_f32_function, float);
typedef TERN_TERNARY_BACK(ternary_back_function);
typedef TERN_MATMUL_BACK(matmul_back_function);

/* Those that are not of float32 have codes alone. */
enum sum { FLOAT32, PAIRS, BF16 };

struct level {
  const char *name;
  bool runs;
  enum sum sum;
  outer_i8_function *outer_i8;
  outer_i16_function *outer_i16;
  outer_f32_function *outer_f32;
  ternary_back_function *back[2]; /* tile2, tile3 */
  matmul_back_function *matmul_back;
};
#define LEVEL(name, runs, suffix)                                                                            \
  {name,                                                                                                     \
   runs,                                                                                                     \
   FLOAT32,                                                                                                  \
   tern_outer_i8##suffix,                                                                                    \
   tern_outer_i16##suffix,                                                                                   \
   tern_outer_f32##suffix,                                                                                   \
   {tern_ternary_back_f32##suffix, tern_ternary_back3_f32##suffix},                                          \
   tern_matmul_back_f32##suffix}

#define CODES_LEVEL(name, runs, sum, suffix)                                                                 \
  {name,                                                                                                     \
   runs,                                                                                                     \
   sum,                                                                                                      \
   tern_outer_i8##suffix,                                                                                    \
   NULL,                                                                                                     \
   NULL,                                                                                                     \
   {tern_ternary_back_f32##suffix, tern_ternary_back3_f32##suffix},                                          \
   NULL}

TERN_GRADIENT_LEVEL(plain); /* gradient_plain.c */
TERN_GRADIENT_CODES(plain_pairs);

/* Those of other sums come last. */
static const struct level *levels(int *count) {
  static struct level all[] = {
      LEVEL("portable", true, ),
      LEVEL("plain", true, _plain),
#ifdef __x86_64__
      LEVEL("fma", false, _fma),
      LEVEL("avx512", false, _avx512),
      CODES_LEVEL("bf16 fma", false, BF16, _bf16_fma),
      CODES_LEVEL("bf16 avx512", false, BF16, _bf16_avx512),
      CODES_LEVEL("amx", false, BF16, _amx),
      CODES_LEVEL("pairs", false, PAIRS, _pairs),
#elif defined __aarch64__
      LEVEL("neon", true, _neon),
      CODES_LEVEL("bf16 neon", true, BF16, _bf16_neon),
#endif
      CODES_LEVEL("plain pairs", true, PAIRS, _plain_pairs),
      CODES_LEVEL("portable bf16", true, BF16, _bf16),
  };
#ifdef __x86_64__
  all[2].runs = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  all[3].runs = __builtin_cpu_supports("avx512f");
  all[4].runs = all[2].runs;
  all[5].runs = all[3].runs;
  all[6].runs = cpu_has("amx-bf16,avx512bf16,avx512bw", NULL, 0);
  all[7].runs = __builtin_cpu_supports("avx512bf16");
#endif
  *count = (int)(sizeof all / sizeof *all);
  return all;
}

void gradient_levels(void) {
  int n;
  const struct level *all = levels(&n);
  for (int k = 0; k < n; k++)
    if (all[k].runs)
      printf("%s\n", all[k].name);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;
static uint32_t random_number(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)(random_state >> 32);
}

/* What floats are like: ordinary; of any exponent, so that sums round in every way and leave the range at
 * both ends; with infinities and NaN among them. */
enum kind { ORDINARY, ANY_EXPONENT, NOT_FINITE, KINDS };

static float random_float(enum kind kind) {
  uint32_t bits = random_number();
  float x;
  if (kind == ORDINARY)
    return (float)((int32_t)bits * 1e-9);
  if (kind == NOT_FINITE && bits % 61 == 0)
    return bits & 1 << 20 ? (bits & 1 << 21 ? INFINITY : -INFINITY) : NAN;
  if (bits % 3 == 0) /* small, or smaller than any normal number */
    bits &= 0x80ffffffu;
  else if (bits % 3 == 1)
    bits = (bits & 0x9fffffffu) | 0x20000000u;
  memcpy(&x, &bits, sizeof x);
  return isfinite(x) ? x : 1;
}

static float *random_floats(int64_t n, enum kind kind) {
  float *x = malloc(sizeof *x * (size_t)n);
  for (int64_t k = 0; k < n; k++)
    x[k] = random_float(kind);
  return x;
}

/* Whether bits are equal; all NaN count as one. */
static bool same(const float *x, const float *y, int64_t n) {
  for (int64_t k = 0; k < n; k++)
    if (memcmp(&x[k], &y[k], sizeof *x) && !(isnan(x[k]) && isnan(y[k])))
      return false;
  return true;
}

/* ---- the stated order ------------------------------------------------------------------------ */

/* bfloat16, half to even, as a float. */
static float rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (isnan(x))
    return x;
  uint32_t below = bits & 0xffffu, even = bits & 0x10000u;
  bits &= 0xffff0000u;
  if (below > 0x8000u || (below == 0x8000u && even))
    bits += 0x10000u;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static float word(float even, float odd) {
  uint32_t low, high;
  memcpy(&low, &even, sizeof low);
  memcpy(&high, &odd, sizeof high);
  low = low >> 16 | (high & 0xffff0000u);
  memcpy(&even, &low, sizeof even);
  return even;
}

/* A block's chain: of `count` steps, a step a number of a and of b. */
static float chain(enum sum how, const float *a, const float *b, int64_t count) {
  float sum = 0;
  for (int64_t k = 0; how == FLOAT32 && k < count; k++)
    sum = fmaf(a[k], b[k], sum);
  for (int64_t k = 0; how == PAIRS && k < count; k += 2) {
    float odd_a = k + 1 < count ? rounded(a[k + 1]) : 0, odd_b = k + 1 < count ? b[k + 1] : 0;
    sum = add_pair(word(rounded(a[k]), odd_a), word(b[k], odd_b), sum);
  }
  return sum;
}

/* A group of the sum in tiles: steps beyond the last are zeros. */
static float add_group(float y, const float *a, const float *b, int64_t count) {
  float chains[2] = {0};
  for (int64_t k = 0; k < TERN_GRADIENT_TILE_STEPS; k++) {
    float x = k < count ? rounded(flushed(a[k])) : 0, w = k < count ? flushed(b[k]) : 0;
    chains[k % 2] = flushed(fmaf(x, w, chains[k % 2]));
  }
  return flushed(flushed(y) + flushed(chains[0] + chains[1]));
}

/* y and a block of steps, y being 0 where it is the first that replaces what is there. */
static float add_steps(enum sum how, bool replaced, float y, const float *a, const float *b, int64_t count) {
  if (how != BF16)
    return replaced ? chain(how, a, b, count) : y + chain(how, a, b, count);
  y = replaced ? 0 : y;
  for (int64_t k = 0; k < count; k += TERN_GRADIENT_TILE_STEPS)
    y = add_group(y, a + k, b + k, count - k);
  return y;
}

/* ---- outer ----------------------------------------------------------------------------------- */

enum number { I8, I16, F32, NUMBERS };

struct shape {
  int64_t m, n, group, rows;
};

static int64_t groups_of(const struct shape *s) {
  return s->group ? (s->n + s->group - 1) / s->group : 1;
}

static float element(enum number number, const void *b, int64_t at) {
  return number == I8    ? (float)((const int8_t *)b)[at]
         : number == I16 ? (float)((const int16_t *)b)[at]
                         : ((const float *)b)[at];
}

static void naive_outer(const struct shape *s, enum number number, enum sum how, const float *a,
                        const void *b, float *y) {
  int64_t groups = groups_of(s);
  float left[TERN_GRADIENT_BLOCK], right[TERN_GRADIENT_BLOCK];
  for (int64_t i = 0; i < s->m; i++)
    for (int64_t j = 0; j < s->n; j++)
      for (int64_t t = 0, k; t < s->rows; t += k) {
        for (k = 0; k < TERN_GRADIENT_BLOCK && t + k < s->rows; k++) {
          left[k] = a[((t + k) * s->m + i) * groups + (s->group ? j / s->group : 0)];
          right[k] = element(number, b, (t + k) * s->n + j);
        }
        y[i * s->n + j] = add_steps(how, false, y[i * s->n + j], left, right, k);
      }
}

static void call_outer(const struct level *l, const struct shape *s, enum number number, const float *a,
                       const void *b, float *y, uint32_t thread, uint32_t threads) {
  if (number == I8)
    l->outer_i8(a, b, y, s->m, s->n, s->group, s->rows, thread, threads);
  else if (number == I16)
    l->outer_i16(a, b, y, s->m, s->n, s->group, s->rows, thread, threads);
  else
    l->outer_f32(a, b, y, s->m, s->n, s->group, s->rows, thread, threads);
}

/* Codes of the whole range, or, where `extreme`, of its ends alone. */
static void *random_codes(enum number number, int64_t n, enum kind kind, bool extreme) {
  if (number == F32)
    return random_floats(n, kind);
  int8_t *x = malloc((size_t)(number == I8 ? n : 2 * n));
  for (int64_t k = 0; k < n; k++) {
    uint32_t r = random_number();
    int16_t wide = (int16_t)(extreme ? (r & 1 ? 32767 : -32768) : (int32_t)(r % 65536) - 32768);
    if (number == I8)
      x[k] = (int8_t)(wide >> 8);
    else
      memcpy(x + 2 * k, &wide, sizeof wide);
  }
  return x;
}

static void check_outer(const struct shape s, enum number number, enum kind kind, bool extreme) {
  int n;
  const struct level *all = levels(&n);
  int64_t outputs = s.m * s.n;
  float *a = random_floats(s.rows * s.m * groups_of(&s), kind), *before = random_floats(outputs, kind);
  void *b = random_codes(number, s.rows * s.n, kind, extreme);
  float *expected = malloc(sizeof *expected * (size_t)outputs), *y = malloc(sizeof *y * (size_t)outputs);
  for (int k = 0; k < n; k++) {
    if (!all[k].runs || (all[k].sum && number != I8))
      continue;
    if (k == 0 || all[k].sum) {
      memcpy(expected, before, sizeof *y * (size_t)outputs);
      naive_outer(&s, number, all[k].sum, a, b, expected);
    }
    for (uint32_t threads = 1; threads <= 5; threads++) {
      memcpy(y, before, sizeof *y * (size_t)outputs);
      for (uint32_t thread = 0; thread < threads; thread++)
        call_outer(&all[k], &s, number, a, b, y, thread, threads);
      if (!same(y, expected, outputs))
        differs("%s: outer of %s differs: m %ld n %ld group %ld rows %ld floats %d threads %u", all[k].name,
                (const char *[]){"int8", "int16", "floats"}[number], (long)s.m, (long)s.n, (long)s.group,
                (long)s.rows, kind, threads);
    }
  }
  free(a), free(b), free(before), free(expected), free(y);
}

/* ---- back ------------------------------------------------------------------------------------ */

enum stored { TILE2, TILE3, FLOATS, STORED };

static float weight(enum stored stored, const int8_t *codes, const float *w, int64_t at) {
  return stored == FLOATS ? w[at] : codes[at];
}

static void naive_back(const struct shape *s, enum stored stored, enum sum how, const int8_t *codes,
                       const float *w, const float *a, float *y) {
  int64_t groups = groups_of(s);
  float left[TERN_GRADIENT_BLOCK], right[TERN_GRADIENT_BLOCK];
  for (int64_t t = 0; t < s->rows; t++)
    for (int64_t j = 0; j < s->n; j++)
      for (int64_t i = 0, k; i < s->m; i += k) {
        float *to = &y[t * s->n + j];
        for (k = 0; k < TERN_GRADIENT_BLOCK && i + k < s->m; k++) {
          left[k] = a[(t * s->m + i + k) * groups + (s->group ? j / s->group : 0)];
          right[k] = weight(stored, codes, w, (i + k) * s->n + j);
        }
        *to = add_steps(how, i == 0, *to, left, right, k);
      }
}

static void call_back(const struct level *l, const struct shape *s, enum stored stored, const void *w,
                      const float *a, float *y, uint32_t thread, uint32_t threads) {
  if (stored == FLOATS)
    l->matmul_back(w, a, y, s->m, s->n, s->rows, thread, threads);
  else
    l->back[stored](w, a, y, s->m, s->n, s->group, s->rows, thread, threads);
}

static void check_back_of(const struct shape s, enum stored stored, enum kind kind) {
  int n;
  const struct level *all = levels(&n);
  int64_t outputs = s.rows * s.n;
  float *a = random_floats(s.rows * s.m * groups_of(&s), kind), *w = random_floats(s.m * s.n, kind);
  float *expected = malloc(sizeof *expected * (size_t)outputs), *y = malloc(sizeof *y * (size_t)outputs);
  int8_t *codes = malloc((size_t)(s.m * s.n));
  uint8_t *packed =
      malloc((size_t)(stored == TILE3 ? tern_tile3_bytes(s.m, s.n) : tern_tile2_bytes(s.m, s.n)));
  for (int64_t k = 0; k < s.m * s.n; k++)
    codes[k] = (int8_t)(random_number() % 3) - 1;
  (stored == TILE3 ? tern_pack_tile3 : tern_pack_tile2)(codes, s.m, s.n, packed);
  for (int k = 0; k < n; k++) {
    if (!all[k].runs || (all[k].sum && stored == FLOATS))
      continue;
    if (k == 0 || all[k].sum)
      naive_back(&s, stored, all[k].sum, codes, w, a, expected);
    for (uint32_t threads = 1; threads <= 5; threads++) {
      memset(y, 0x55, sizeof *y * (size_t)outputs);
      for (uint32_t thread = 0; thread < threads; thread++)
        call_back(&all[k], &s, stored, stored == FLOATS ? (const void *)w : packed, a, y, thread, threads);
      if (!same(y, expected, outputs))
        differs("%s: back of %s differs: m %ld n %ld group %ld rows %ld floats %d threads %u", all[k].name,
                (const char *[]){"tile2", "tile3", "floats"}[stored], (long)s.m, (long)s.n, (long)s.group,
                (long)s.rows, kind, threads);
    }
  }
  free(a), free(w), free(codes), free(packed), free(expected), free(y);
}

static void check_back(const struct shape s, enum kind kind) {
  for (enum stored stored = TILE2; stored < STORED; stored++)
    if (stored != FLOATS || !s.group)
      check_back_of(s, stored, kind);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static const int64_t sizes[] = {1, 2, 5, 15, 16, 17, 31, 33, 65, 100};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void odd_shapes(void) {
  static const int64_t rows[] = {1, 13, 30};
  for (int i = 0; i < SIZES; i++)
    for (int j = 0; j < SIZES; j++)
      for (int r = 0; r < 3; r++) {
        struct shape s = {sizes[i], sizes[j], 0, rows[r]};
        check_outer(s, (i + j + r) % NUMBERS, ORDINARY, false);
        check_back(s, ORDINARY);
      }
}

/* Several blocks of what is summed, and of columns; sets of rows that are full, and all that are left over.
 */
static void many_blocks(void) {
  static const struct shape shapes[] = {{7, 33, 0, 255},  {19, 18, 0, 256},  {5, 700, 0, 257},
                                        {33, 16, 0, 777}, {255, 21, 0, 40},  {256, 40, 0, 19},
                                        {257, 33, 0, 27}, {700, 333, 0, 35}, {520, 1000, 0, 3}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    for (enum number number = I8; number < NUMBERS; number++)
      check_outer(shapes[i], number, ORDINARY, false);
    check_back(shapes[i], ORDINARY);
  }
  for (int64_t rows = 1; rows <= 26; rows++) {
    check_outer((struct shape){rows, 35, 0, 7}, I8, ORDINARY, false);
    check_back((struct shape){9, 35, 0, rows}, ORDINARY);
  }
}

static void extremes(void) {
  static const struct shape s = {17, 40, 0, 300};
  for (enum kind kind = ANY_EXPONENT; kind < KINDS; kind++)
    for (int again = 0; again < 5; again++) {
      for (enum number number = I8; number < NUMBERS; number++)
        check_outer(s, number, kind, again % 2);
      check_back((struct shape){300, 40, 0, 17}, kind);
    }
  for (enum number number = I8; number < F32; number++)
    check_outer(s, number, ORDINARY, true);
}

static void groups(void) {
  static const int64_t group[] = {1, 5, 16, 20, 32, 48, 64, 100, 1000};
  for (size_t i = 0; i < sizeof group / sizeof *group; i++)
    for (enum number number = I8; number < NUMBERS; number++) {
      struct shape s = {37, 133, group[i], 11};
      check_outer(s, number, ORDINARY, false);
      check_back(s, ORDINARY);
    }
}

/* Rows that take no part leave what they have: outer adds nothing of its own to a y of zeros and signs. */
static void adds_to_what_is_there(void) {
  int n;
  const struct level *all = levels(&n);
  const float a[2] = {0, 0}, b[3] = {1, -1, 0};
  for (int k = 0; k < n; k++) {
    float y[6] = {1, -2, 3, -4, 5, -6};
    const float expected[6] = {1, -2, 3, -4, 5, -6};
    if (all[k].runs && !all[k].sum)
      all[k].outer_f32(a, b, y, 2, 3, 0, 1, 0, 1);
    if (!same(y, expected, 6))
      differs("%s: outer of zeros changes what is there", all[k].name);
  }
}

/* ---- what gradient_checks.h promises --------------------------------------------------------- */

static void (*const checks[])(void) = {odd_shapes, many_blocks, extremes, groups, adds_to_what_is_there};
const char *const gradient_checks[GRADIENT_CHECKS] = {"odd shapes", "many blocks", "extremes", "groups",
                                                      "adds to what is there"};

bool gradient_check(int number) {
  failures = 0;
  return on_small_stack(checks[number]) && failures == 0;
}
