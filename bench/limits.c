/* limits.c: what this machine can do at most: bytes read from memory, int8 multiply-accumulates, cycles.
 *
 * A decoded token reads every weight once and multiplies it once; a prompt reads them rarely. So these two
 * rates bound decode and prefill, and bench/run gives its figures as fractions of them. The instructions are
 * chosen when it runs, among those that the processor has. Each number is a median over repetitions. */
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#define X86_64 1
#elif defined(__aarch64__)
#include <sys/auxv.h>
#define AARCH64 1
#endif

enum {
  THREADS_MOST = 256,
  REPETITIONS_LEAST = 5,
  REPETITIONS_MOST = 1000,
  LINE = 64,             /* bytes of a cache line: what threads write stays apart by as much */
  DISTANCES = 3,         /* how far ahead a read prefetches; see distances[] */
  INT8_ROUNDS = 1 << 21, /* of the loop over accumulators in one repetition: some 10 ms */
  CHAIN_ADDS = 1 << 24,  /* in a repetition of the clock: some 5 ms */
};
#define MIB ((size_t)1 << 20)

/* Keeps the compiler from knowing a value, so that no work on it is taken out of a loop. */
#define UNKNOWN(x, register) __asm__ volatile("" : "+" register(x))

/* ---- reading memory ------------------------------------------------------------------------------------ */

enum { BLOCK = 256 }; /* bytes of a round of the loops below */

/* Everything read goes into the sum, so that nothing of it can be left out. */
static void read_any(const char *at, size_t bytes, size_t ahead) {
  typedef uint64_t vector __attribute__((vector_size(16)));
  vector sums[4] = {{0}};
  for (const char *end = at + bytes; at < end; at += 64) {
    const vector *v = (const vector *)at;
    if (ahead)
      __builtin_prefetch(at + ahead);
    sums[0] ^= v[0], sums[1] ^= v[1], sums[2] ^= v[2], sums[3] ^= v[3];
  }
  sums[0] ^= sums[1] ^ sums[2] ^ sums[3];
  uint64_t sum = sums[0][0] ^ sums[0][1];
  UNKNOWN(sum, "r");
}
#if X86_64
#define READ_LOOP(prefetches, loads)                                                                         \
  __asm__ volatile("1:\n\t" prefetches loads "add %3, %0\n\tcmp %1, %0\n\tjb 1b\n\tvzeroupper"               \
                   : "+r"(at)                                                                                \
                   : "r"(end), "r"(ahead), "i"(BLOCK)                                                        \
                   : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7")
#define LOAD_512(offset, vector) "vmovdqu64 " #offset "(%0), %%" vector "\n\t"
#define PREFETCHES                                                                                           \
  "prefetcht0 (%0,%2)\n\tprefetcht0 64(%0,%2)\n\tprefetcht0 128(%0,%2)\n\tprefetcht0 192(%0,%2)\n\t"
#define LOADS_512                LOAD_512(0, "zmm0") LOAD_512(64, "zmm1") LOAD_512(128, "zmm2") LOAD_512(192, "zmm3")
#define LOAD_256(offset, vector) "vmovdqu " #offset "(%0), %%" vector "\n\t"
#define LOW_256                  LOAD_256(0, "ymm0") LOAD_256(32, "ymm1") LOAD_256(64, "ymm2") LOAD_256(96, "ymm3")
#define HIGH_256                 LOAD_256(128, "ymm4") LOAD_256(160, "ymm5") LOAD_256(192, "ymm6") LOAD_256(224, "ymm7")

static void read_avx2(const char *at, size_t bytes, size_t ahead) {
  const char *end = at + bytes;
  if (ahead)
    READ_LOOP(PREFETCHES, LOW_256 HIGH_256);
  else
    READ_LOOP("", LOW_256 HIGH_256);
}

static void read_avx512(const char *at, size_t bytes, size_t ahead) {
  const char *end = at + bytes;
  if (ahead)
    READ_LOOP(PREFETCHES, LOADS_512);
  else
    READ_LOOP("", LOADS_512);
}
#endif

/* ---- int8 multiply-accumulates ------------------------------------------------------------------------- */

/* Twelve accumulators hide the latency and fit the registers of any of these processors. The loops are
 * written out because compilers move sums between registers and memory, which would be measured instead. */
#define ACCUMULATORS 12
#define EACH(X)      X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

#if X86_64
#define INT8_LOOP(vector, operation)                                                                         \
  __asm__ volatile("vmovd %1, %%xmm12\n\tvpbroadcastd %%xmm12, %%" vector "12\n\t"                           \
                   "vmovd %2, %%xmm13\n\tvpbroadcastd %%xmm13, %%" vector "13\n"                             \
                   "1:\n\t" EACH(operation) "dec %0\n\tjnz 1b\n\tvzeroupper"                                 \
                   : "+r"(rounds)                                                                            \
                   : "r"(0x01010101), "r"(0x02020202)                                                        \
                   : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",   \
                     "xmm10", "xmm11", "xmm12", "xmm13", "xmm14")

static void int8_avx512vnni(int rounds) {
#define OPERATION(i) "vpdpbusd %%zmm13, %%zmm12, %%zmm" #i "\n\t"
  INT8_LOOP("zmm", OPERATION);
#undef OPERATION
}

static void int8_avxvnni(int rounds) {
#define OPERATION(i) "%{vex%} vpdpbusd %%ymm13, %%ymm12, %%ymm" #i "\n\t"
  INT8_LOOP("ymm", OPERATION);
#undef OPERATION
}

static void int8_avx2(int rounds) {
#define OPERATION(i) "vpmaddubsw %%ymm13, %%ymm12, %%ymm14\n\tvpaddw %%ymm14, %%ymm" #i ", %%ymm" #i "\n\t"
  INT8_LOOP("ymm", OPERATION);
#undef OPERATION
}
#elif AARCH64
static void int8_sdot(int rounds) {
#define OPERATION(i) "sdot v" #i ".4s, v16.16b, v17.16b\n\t"
  __asm__ volatile(".arch_extension dotprod\n\tmovi v16.16b, #1\n\tmovi v17.16b, #2\n"
                   "1:\n\t" EACH(OPERATION) "subs %w0, %w0, #1\n\tb.ne 1b"
                   : "+r"(rounds)
                   :
                   : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v16",
                     "v17");
#undef OPERATION
}
#endif

/* Where none of them is: what the compiler makes of it. */
static void int8_plain(int rounds) {
  int8_t a[64], b[64];
  int32_t sums[64] = {0};
  memset(a, 1, sizeof a), memset(b, 2, sizeof b);
  for (int r = 0; r < rounds; r++) {
    __asm__ volatile("" : : "r"(a), "r"(b), "r"(sums) : "memory"); /* any of them may be other now */
    for (int i = 0; i < 64; i++)
      sums[i] += a[i] * b[i];
  }
}

static struct {
  void (*read)(const char *at, size_t bytes, size_t ahead);
  void (*int8)(int rounds);
  const char *instruction;
  int macs; /* a round of int8 */
} best = {read_any, int8_plain, "plain C", 64};

static void choose(void) {
#if X86_64
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2"))
    best.read = read_avx2, best.int8 = int8_avx2, best.instruction = "vpmaddubsw+vpaddw ymm",
    best.macs = ACCUMULATORS * 32;
  if (__builtin_cpu_supports("avxvnni"))
    best.int8 = int8_avxvnni, best.instruction = "vpdpbusd ymm", best.macs = ACCUMULATORS * 32;
  if (__builtin_cpu_supports("avx512f"))
    best.read = read_avx512;
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni"))
    best.int8 = int8_avx512vnni, best.instruction = "vpdpbusd zmm", best.macs = ACCUMULATORS * 64;
#elif AARCH64 && defined(HWCAP_ASIMDDP)
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP)
    best.int8 = int8_sdot, best.instruction = "sdot", best.macs = ACCUMULATORS * 16;
#endif
}

/* ---- the clock ----------------------------------------------------------------------------------------- */

/* Each addition waits for the one before and takes one cycle; of registers, for some processors fold
 * constants. */
static void chain(int adds) {
  uint64_t x = 0, y = 3;
  for (int i = 0; i < adds; i += 16) {
    UNKNOWN(y, "r");
#define X()                                                                                                  \
  x += y;                                                                                                    \
  UNKNOWN(x, "r");
    X() X() X() X() X() X() X() X() X() X() X() X() X() X() X() X()
#undef X
  }
}

/* ---- threads ------------------------------------------------------------------------------------------- */

enum work { READ, INT8, CLOCK };
static const size_t distances[DISTANCES] = {0, 1024, 4096};

static struct {
  pthread_barrier_t meet;
  char *buffer;
  size_t share; /* bytes of the buffer that a thread reads: the read test as a whole takes all of it */
  enum work work;
  size_t ahead;
  bool over;
  int processors[THREADS_MOST], count; /* that threads are pinned to; distinct cores come first */
  _Alignas(LINE) struct span {
    _Alignas(LINE) double from, to;
  } spans[THREADS_MOST]; /* of the last repetition, each thread's own: one that waits may wake late */
} test;

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void do_share(int thread) {
  switch (test.work) {
  case READ: best.read(test.buffer + (size_t)thread * test.share, test.share, test.ahead); break;
  case INT8: best.int8(INT8_ROUNDS); break;
  case CLOCK: chain(CHAIN_ADDS); break;
  }
}

static void *worker(void *number) {
  int thread = (int)(intptr_t)number;
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (thread < test.count)
    CPU_SET(test.processors[thread], &set);
  if (thread < test.count)
    pthread_setaffinity_np(pthread_self(), sizeof set, &set); /* not everywhere allowed, and not needed */
#endif
  /* the one who reads a page writes it first, which puts it into memory near this processor */
  memset(test.buffer + (size_t)thread * test.share, thread + 1, test.share);
  for (;;) {
    pthread_barrier_wait(&test.meet);
    if (test.over)
      return NULL;
    test.spans[thread].from = seconds();
    do_share(thread);
    test.spans[thread].to = seconds();
    pthread_barrier_wait(&test.meet);
  }
}

#if defined(__linux__)
static long topology(int processor, const char *what) {
  char path[96];
  long value = -1;
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", processor, what);
  FILE *f = fopen(path, "r");
  if (f) {
    if (fscanf(f, "%ld", &value) != 1)
      value = -1;
    fclose(f);
  }
  return value < 0 ? -1 - processor : value; /* unknown: a core of its own */
}
#endif

static void list_processors(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return;
  long cores[THREADS_MOST][2];
  int siblings[THREADS_MOST], firsts = 0, others = 0;
  for (int p = 0; p < CPU_SETSIZE && firsts + others < THREADS_MOST; p++) {
    if (!CPU_ISSET(p, &set))
      continue;
    long core = topology(p, "core_id"), package = topology(p, "physical_package_id");
    bool first = true;
    for (int i = 0; i < firsts; i++)
      first = first && (cores[i][0] != core || cores[i][1] != package);
    if (!first) {
      siblings[others++] = p;
      continue;
    }
    cores[firsts][0] = core, cores[firsts][1] = package;
    test.processors[firsts++] = p;
  }
  memcpy(test.processors + firsts, siblings, (size_t)others * sizeof *siblings);
  test.count = firsts + others;
#endif
}

/* ---- measuring ----------------------------------------------------------------------------------------- */

struct rate {
  double median, least, most;
};

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* From the first start to the last end. */
static double span_of_all(int threads) {
  struct span all = test.spans[0];
  for (int i = 1; i < threads; i++) {
    all.from = test.spans[i].from < all.from ? test.spans[i].from : all.from;
    all.to = test.spans[i].to > all.to ? test.spans[i].to : all.to;
  }
  return all.to - all.from;
}

/* Repeats for the given time; `amount` is what all threads together do in one repetition, in 1e9. */
static struct rate measure(enum work work, size_t ahead, int threads, double amount, double time) {
  static double rates[REPETITIONS_MOST];
  int done = -1; /* the first repetition warms up */
  double start = seconds();
  test.work = work, test.ahead = ahead;
  while (done < REPETITIONS_LEAST || (done < REPETITIONS_MOST && seconds() - start < time)) {
    pthread_barrier_wait(&test.meet);
    pthread_barrier_wait(&test.meet);
    if (done >= 0)
      rates[done] = amount / span_of_all(threads);
    done++;
  }
  qsort(rates, (size_t)done, sizeof *rates, by_value);
  return (struct rate){(rates[(done - 1) / 2] + rates[done / 2]) / 2, rates[0], rates[done - 1]};
}

static void print_rate(const char *name, struct rate r, const char *unit, bool json, bool last) {
  if (json)
    printf("\"%s\": {\"median\": %.3f, \"min\": %.3f, \"max\": %.3f}%s", name, r.median, r.least, r.most,
           last ? "" : ", ");
  else
    printf("  %-22s %8.2f [%.2f..%.2f] %s\n", name, r.median, r.least, r.most, unit);
}

static bool measure_threads(int threads, size_t bytes, double time, bool json) {
  pthread_t ids[THREADS_MOST];
  test.share = bytes / (size_t)threads / 4096 * 4096;
  test.over = false;
  if (pthread_barrier_init(&test.meet, NULL, (unsigned)threads + 1) != 0)
    return false;
  for (int i = 0; i < threads; i++)
    if (pthread_create(&ids[i], NULL, worker, (void *)(intptr_t)i) != 0) {
      fprintf(stderr, "limits: cannot start %d threads\n", threads);
      exit(1); /* ends those that wait, too */
    }
  if (json)
    printf("{\"threads\": %d, \"read_gb_per_s\": {", threads);
  else
    printf("%d thread%s\n", threads, threads > 1 ? "s" : "");
  double gigabytes = (double)(test.share * (size_t)threads) * 1e-9;
  for (int i = 0; i < DISTANCES; i++) {
    char name[32] = "plain";
    if (distances[i])
      snprintf(name, sizeof name, "prefetch %zu", distances[i]);
    print_rate(name, measure(READ, distances[i], threads, gigabytes, time), "GB/s", json, i == DISTANCES - 1);
  }
  if (json)
    printf("}, ");
  double macs = (double)best.macs * INT8_ROUNDS * threads * 1e-9, adds = CHAIN_ADDS * 1e-9;
  print_rate(json ? "int8_gmac_per_s" : best.instruction, measure(INT8, 0, threads, macs, time), "GMAC/s",
             json, false);
  print_rate(json ? "clock_ghz" : "dependent additions", measure(CLOCK, 0, threads, adds, time / 4), "GHz",
             json, true);
  if (json)
    printf("}");
  test.over = true;
  pthread_barrier_wait(&test.meet);
  for (int i = 0; i < threads; i++)
    pthread_join(ids[i], NULL);
  pthread_barrier_destroy(&test.meet);
  return true;
}

/* ---- the command line ---------------------------------------------------------------------------------- */

/* Four times the largest cache, a GiB at least, and at most a quarter of what is installed. */
static size_t buffer_bytes(void) {
  size_t bytes = 1024 * MIB;
#if defined(_SC_LEVEL3_CACHE_SIZE)
  long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (cache > 0 && (size_t)cache * 4 > bytes)
    bytes = (size_t)cache * 4;
#endif
  size_t quarter = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / 4;
  return bytes < quarter ? bytes : quarter;
}

static int fail(const char *what, const char *value) {
  fprintf(stderr, "limits: %s '%s'; --help lists the options\n", what, value);
  return 2;
}

static int help(void) {
  printf("Usage: limits [OPTION...]\n"
         "Measures what this machine can do: reading memory, int8 multiply-accumulates, clock.\n\n"
         "  --threads LIST   numbers of threads, as 1,2 (1 and one for each processor)\n"
         "  --seconds S      time that each measurement takes at least (0.3)\n"
         "  --buffer MIB     memory that is read (1024, or four times the last cache)\n"
         "  --json           print JSON\n");
  return 0;
}

struct request {
  int threads[16], n;
  size_t bytes;
  double time;
  bool json;
};

/* "1,2"; false: it is no such list. */
static bool read_threads(const char *list, struct request *r) {
  char *end = (char *)(uintptr_t)list;
  for (r->n = 0; r->n < 16 && (r->n == 0 || *end == ','); r->n++) {
    r->threads[r->n] = (int)strtol(end + (r->n > 0), &end, 10);
    if (r->threads[r->n] < 1 || r->threads[r->n] > THREADS_MOST)
      return false;
  }
  return !*end;
}

/* The command line; a status other than 0: it is wrong, and what is wrong has been said. */
static int read_options(int argc, char **argv, struct request *r) {
  static const struct option longs[] = {
      {"threads", required_argument, NULL, 't'}, {"seconds", required_argument, NULL, 's'},
      {"buffer", required_argument, NULL, 'b'},  {"json", no_argument, NULL, 'j'},
      {"help", no_argument, NULL, 'h'},          {0}};
  for (int code; (code = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
    char *end = optarg;
    switch (code) {
    case 't':
      if (!read_threads(optarg, r))
        return fail("--threads takes numbers from 1 to 256, as 1,2, not", optarg);
      break;
    case 's':
      r->time = strtod(optarg, &end);
      if (end == optarg || *end || !(r->time >= 0 && r->time <= 600))
        return fail("--seconds takes a number up to 600, not", optarg);
      break;
    case 'b':
      r->bytes = (size_t)strtoul(optarg, &end, 10) * MIB;
      if (end == optarg || *end || r->bytes < MIB || r->bytes / MIB > (size_t)1 << 20)
        return fail("--buffer takes a number of MiB, not", optarg);
      break;
    case 'j': r->json = true; break;
    case 'h': exit(help());
    default: return 2; /* getopt_long has said what is wrong */
    }
  }
  if (optind < argc)
    return fail("unexpected argument", argv[optind]);
  return 0;
}

/* Memory that is read, on huge pages where there are any; false after a message. */
static bool make_buffer(size_t bytes) {
  test.buffer = mmap(NULL, bytes + 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (test.buffer == MAP_FAILED) {
    fprintf(stderr, "limits: no %zu MiB of memory\n", bytes / MIB);
    return false;
  }
  test.buffer += -(uintptr_t)test.buffer % (2 * MIB); /* where a huge page may begin */
#if defined(MADV_HUGEPAGE)
  madvise(test.buffer, bytes, MADV_HUGEPAGE);
#endif
  return true;
}

int main(int argc, char **argv) {
  struct request r = {.bytes = buffer_bytes(), .time = 0.3};
  int status = read_options(argc, argv, &r);
  if (status)
    return status;
  choose();
  list_processors();
  if (r.n == 0) {
    r.threads[r.n++] = 1;
    if (test.count > 1)
      r.threads[r.n++] = test.count;
  }
  if (!make_buffer(r.bytes))
    return 1;
  if (r.json)
    printf("{\"instruction\": \"%s\", \"buffer_bytes\": %zu, \"limits\": [", best.instruction, r.bytes);
  else
    printf("%zu MiB read; int8 by %s\n", r.bytes / MIB, best.instruction);
  for (int i = 0; i < r.n; i++) {
    if (r.json && i > 0)
      printf(", ");
    if (!measure_threads(r.threads[i], r.bytes, r.time, r.json))
      return 1;
  }
  if (r.json)
    printf("]}\n");
  return fflush(stdout) == 0 ? 0 : 1;
}
