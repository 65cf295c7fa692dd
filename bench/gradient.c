/* gradient.c: how fast the products of a backward pass are, beside what the processor multiplies and adds at
 * most.
 *
 * Each round measures both, one right after the other, because a shared machine is not equally fast for long.
 * A row has the median of the rounds' ratios, and the best rate of a round beside the best limit of one. */
#include "runtime/kernels/gradient.h"
#include "bench/peak.h"
#include "runtime/core/cpu.h"
#include "runtime/kernels/pack.h"
#include "runtime/kernels/ternarize.h"

#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MOST = 64, ROUNDS_MOST = 1000, PEAK_ROUNDS = 60000 };

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- levels ---------------------------------------------------------------------------------- */

typedef TERN_OUTER(outer_i8_function, int8_t);
typedef TERN_OUTER(outer_f32_function, float);
typedef TERN_TERNARY_BACK(back_function);
typedef TERN_MATMUL_BACK(matmul_back_function);

static struct level {
  const char *name;
  bool runs;
  void (*peak)(long rounds);
  double flops; /* of a round of it */
  outer_i8_function *outer_i8;
  outer_f32_function *outer_f32;
  back_function *back2, *back3;
  matmul_back_function *matmul_back;
} levels[] = {
#define LEVEL(name, lanes)                                                                                   \
  {#name,                                                                                                    \
   false,                                                                                                    \
   peak_##name,                                                                                              \
   12 * 2 * lanes,                                                                                           \
   tern_outer_i8_##name,                                                                                     \
   tern_outer_f32_##name,                                                                                    \
   tern_ternary_back_f32_##name,                                                                             \
   tern_ternary_back3_f32_##name,                                                                            \
   tern_matmul_back_f32_##name}
/* Those of bfloat16, beside the limit of float32. */
#define CODES_LEVEL(name)                                                                                    \
  {#name,                                                                                                    \
   false,                                                                                                    \
   peak_avx512,                                                                                              \
   12 * 2 * 16,                                                                                              \
   tern_outer_i8_##name,                                                                                     \
   NULL,                                                                                                     \
   tern_ternary_back_f32_##name,                                                                             \
   tern_ternary_back3_f32_##name,                                                                            \
   NULL}
#if defined __x86_64__
    LEVEL(avx512, 16),        LEVEL(fma, 8),        CODES_LEVEL(amx), CODES_LEVEL(pairs),
    CODES_LEVEL(bf16_avx512), CODES_LEVEL(bf16_fma)
#elif defined __aarch64__
    LEVEL(neon, 4)
#endif
};
enum { LEVELS = sizeof levels / sizeof *levels };

static void find_levels(void) {
#if defined __x86_64__
  levels[0].runs = __builtin_cpu_supports("avx512f");
  levels[1].runs = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  levels[2].runs = cpu_has("amx-bf16,avx512bf16,avx512bw", NULL, 0);
  levels[3].runs = __builtin_cpu_supports("avx512bf16");
  levels[4].runs = levels[0].runs;
  levels[5].runs = levels[1].runs;
#else
  levels[0].runs = true;
#endif
}

/* ---- products -------------------------------------------------------------------------------- */

enum product { PEAK, OUTER_I8, OUTER_F32, BACK2, BACK3, MATMUL_BACK, PRODUCTS };
static const char *const product_names[PRODUCTS] = {"limit",      "outer int8", "outer f32",
                                                    "back tile2", "back tile3", "back f32"};

static struct {
  pthread_barrier_t meet;
  const struct level *level;
  enum product product;
  uint32_t threads;
  int64_t m, n, rows;
  float *a, *y, *w, *b;
  int8_t *codes;
  uint8_t *packed2, *packed3;
  bool over;
  double spent[THREADS_MOST];
} job;

static void call(uint32_t thread) {
  const struct level *l = job.level;
  switch (job.product) {
  case PEAK: l->peak(PEAK_ROUNDS); break;
  case OUTER_I8: l->outer_i8(job.a, job.codes, job.y, job.m, job.n, 0, job.rows, thread, job.threads); break;
  case OUTER_F32: l->outer_f32(job.a, job.b, job.y, job.m, job.n, 0, job.rows, thread, job.threads); break;
  case BACK2: l->back2(job.packed2, job.a, job.y, job.m, job.n, 0, job.rows, thread, job.threads); break;
  case BACK3: l->back3(job.packed3, job.a, job.y, job.m, job.n, 0, job.rows, thread, job.threads); break;
  case MATMUL_BACK: l->matmul_back(job.w, job.a, job.y, job.m, job.n, job.rows, thread, job.threads); break;
  default: break;
  }
}

static void work(uint32_t thread) {
  double from = seconds(CLOCK_THREAD_CPUTIME_ID);
  call(thread);
  job.spent[thread] = seconds(CLOCK_THREAD_CPUTIME_ID) - from;
}

static void *worker(void *number) {
  for (;;) {
    pthread_barrier_wait(&job.meet);
    if (job.over)
      return NULL;
    work((uint32_t)(intptr_t)number);
    pthread_barrier_wait(&job.meet);
  }
}

/* GFLOP/s of one call by all threads. */
static double rate(enum product product) {
  double flops = product == PEAK ? job.level->flops * PEAK_ROUNDS * job.threads
                                 : 2.0 * (double)job.m * (double)job.n * (double)job.rows;
  job.product = product;
  double longest = 0;
  pthread_barrier_wait(&job.meet);
  work(0);
  pthread_barrier_wait(&job.meet);
  for (uint32_t i = 0; i < job.threads; i++)
    longest = job.spent[i] > longest ? job.spent[i] : longest;
  return flops * 1e-9 / longest;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_row(enum product product, double time) {
  static double ratios[ROUNDS_MOST];
  double best = 0, limit = 0, start = seconds(CLOCK_MONOTONIC);
  int n = -1; /* the first round warms up */
  while (n < 5 || (n < ROUNDS_MOST && seconds(CLOCK_MONOTONIC) - start < time)) {
    double peak = rate(PEAK), own = rate(product);
    if (n >= 0) {
      ratios[n] = own / peak;
      best = own > best ? own : best;
      limit = peak > limit ? peak : limit;
    }
    n++;
  }
  qsort(ratios, (size_t)n, sizeof *ratios, by_value);
  printf("%-8s %u  %-11s %5ld %5ld %5ld  %8.1f  %3.0f %%  %3.0f %%\n", job.level->name, job.threads,
         product_names[product], (long)job.m, (long)job.n, (long)job.rows, best, 100 * best / limit,
         100 * ratios[n / 2]);
  fflush(stdout);
}

/* ---- the command line ------------------------------------------------------------------------ */

static void *room(int64_t bytes) {
  void *p = aligned_alloc(4096, (size_t)(bytes + 4095) / 4096 * 4096);
  if (!p) {
    fprintf(stderr, "gradient: no %ld bytes of memory\n", (long)bytes);
    exit(1);
  }
  return p;
}

static void open_operands(void) {
  int64_t outputs = job.m * job.n > job.rows * job.n ? job.m * job.n : job.rows * job.n;
  uint32_t state = 1;
  job.a = room(4 * job.rows * job.m), job.b = room(4 * job.rows * job.n);
  job.codes = room(job.rows * job.n > job.m * job.n ? job.rows * job.n : job.m * job.n);
  job.y = room(4 * outputs), job.w = room(4 * job.m * job.n);
  job.packed2 = room(tern_tile2_bytes(job.m, job.n)), job.packed3 = room(tern_tile3_bytes(job.m, job.n));
  for (int64_t i = 0; i < job.m * job.n; i++) {
    state = state * 1664525u + 1013904223u;
    job.codes[i] = (int8_t)(state >> 24) % 2;
    job.w[i] = (float)(int32_t)state * 0x1p-31f;
  }
  tern_pack_tile2(job.codes, job.m, job.n, job.packed2);
  tern_pack_tile3(job.codes, job.m, job.n, job.packed3);
  for (int64_t i = 0; i < job.rows * job.n; i++)
    job.codes[i] = (int8_t)((state = state * 1664525u + 1013904223u) >> 24), job.b[i] = job.codes[i];
  for (int64_t i = 0; i < job.rows * job.m; i++)
    job.a[i] = (float)(int32_t)(state = state * 1664525u + 1013904223u) * 0x1p-31f;
  memset(job.y, 0, (size_t)(4 * outputs));
}

static void close_operands(void) {
  free(job.a), free(job.b), free(job.codes), free(job.y), free(job.w), free(job.packed2), free(job.packed3);
}

static void bench_shape(int64_t m, int64_t n, int64_t rows, const char *only, double time) {
  job.m = m, job.n = n, job.rows = rows;
  open_operands();
  for (int l = 0; l < LEVELS; l++) {
    job.level = &levels[l];
    for (enum product p = OUTER_I8; levels[l].runs && p < PRODUCTS; p++) {
      bool absent = (p == OUTER_F32 && !levels[l].outer_f32) || (p == MATMUL_BACK && !levels[l].matmul_back);
      if (!absent && (!only || strcmp(only, levels[l].name) == 0))
        print_row(p, time);
    }
  }
  close_operands();
}

static const int64_t sizes[] = {256, 688, 1024, 2048, 5632}, tokens[] = {128, 256, 512};

static void bench_shapes(bool all, const char *only, double time) {
  static const int64_t few[][3] = {{256, 256, 256},   {688, 256, 256},   {256, 688, 512},  {1024, 1024, 128},
                                   {1024, 1024, 512}, {5632, 2048, 256}, {2048, 5632, 512}};
  for (size_t i = 0; !all && i < sizeof few / sizeof *few; i++)
    bench_shape(few[i][0], few[i][1], few[i][2], only, time);
  for (int i = 0; all && i < 5; i++)
    for (int j = 0; j < 5; j++)
      for (int t = 0; t < 3; t++)
        bench_shape(sizes[i], sizes[j], tokens[t], only, time);
}

static void bench_threads(uint32_t threads, bool all, const char *only, double time) {
  pthread_t ids[THREADS_MOST];
  job.threads = threads, job.over = false;
  pthread_barrier_init(&job.meet, NULL, threads);
  for (uint32_t i = 1; i < threads; i++)
    if (pthread_create(&ids[i], NULL, worker, (void *)(intptr_t)i) != 0) {
      fprintf(stderr, "gradient: cannot start %u threads\n", threads);
      exit(1);
    }
  bench_shapes(all, only, time);
  job.over = true;
  pthread_barrier_wait(&job.meet);
  for (uint32_t i = 1; i < threads; i++)
    pthread_join(ids[i], NULL);
  pthread_barrier_destroy(&job.meet);
}

static int help(void) {
  printf("Usage: gradient [OPTION...]\n"
         "Measures the products of a backward pass beside the processor's fused multiply-adds.\n\n"
         "  --threads N      1\n"
         "  --seconds S      time for each row at least (0.3)\n"
         "  --level NAME     only this level of the kernels\n"
         "  --all            75 shapes instead of some\n");
  return 0;
}

int main(int argc, char **argv) {
  static const struct option longs[] = {
      {"threads", required_argument, NULL, 't'}, {"seconds", required_argument, NULL, 's'},
      {"level", required_argument, NULL, 'l'},   {"all", no_argument, NULL, 'a'},
      {"help", no_argument, NULL, 'h'},          {0}};
  uint32_t threads = 1;
  double time = 0.3;
  const char *only = NULL;
  bool all = false;
  for (int code; (code = getopt_long(argc, argv, "", longs, NULL)) != -1;)
    switch (code) {
    case 't': threads = (uint32_t)atoi(optarg); break;
    case 's': time = atof(optarg); break;
    case 'l': only = optarg; break;
    case 'a': all = true; break;
    case 'h': return help();
    default: return 2;
    }
  if (threads < 1 || threads > THREADS_MOST || !(time >= 0)) {
    fprintf(stderr, "gradient: --threads takes 1 to %d, --seconds a time\n", THREADS_MOST);
    return 2;
  }
  find_levels();
  printf("level  threads product        m     n     T   GFLOP/s  of limit: best, median\n");
  bench_threads(threads, all, only, time);
  return fflush(stdout) == 0 ? 0 : 1;
}
