/* simulation.c: builds and runs the test bench in the project's folder and reads what it prints. */
#include "driver/simulation.h"

#include "driver/bench.h"
#include "support/file.h"
#include <errno.h>
#include <string.h>

/* argv of the built bench, which the caller completes with plus arguments. */
struct words {
  VEC(const char *) argv;
};

static bool build_bench(struct job *j, const struct hw_design *h, const char *dir,
                        const struct simulation_request *o, struct words *c) {
  struct arena *a = &j->arena;
  bool icarus = strcmp(o->simulator, "icarus") == 0;
  const char *binary = icarus ? arena_printf(a, "build/%s.vvp", h->name)
                              : arena_printf(a, "build/%s/V%s_tb", o->trace ? "trace" : "verilator", h->name);
  if (icarus) {
    vec_push(a, c->argv, "vvp");
    vec_push(a, c->argv, "-n");
  }
  vec_push(a, c->argv, binary);
  return bench_make(j, dir, binary, o->simulator);
}

/* Lines "best STEP SEQUENCE TOKEN SCORE", "steps ...", "states ...", "unit ID CLOCKS AWAITED", at last
 * "PASS". */
static bool read_result(struct job *j, const struct hw_design *h, const struct hw_vectors *v, char *text,
                        struct simulation *r) {
  int64_t most = (v->n / h->options.sequences + v->generate) * h->options.sequences;
  bool pass = false;
  r->units = arena_array(&j->arena, int64_t, h->units.n + 1);
  r->best = arena_array(&j->arena, int64_t, most + 1);
  for (int64_t i = 0; i < most; i++)
    r->best[i] = -1;
  for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
    long long a, b, c, d, e;
    if (sscanf(line, "best %lld %lld %lld", &a, &b, &c) == 3) {
      int64_t at = a * h->options.sequences + b;
      if (at >= 0 && at < most && r->best[at] == -1)
        r->best[at] = c;
    } else if (sscanf(line, "steps %lld cycles %lld lanes %lld awaits %lld output %lld", &a, &b, &c, &d,
                      &e) == 5) {
      r->steps = a;
      r->cycles = b;
      r->lanes = c;
      r->awaits = d;
      r->output = e;
    } else if (sscanf(line, "states %lld changed %lld", &a, &b) == 2) {
      r->states = a;
      r->changed = b;
    } else if (sscanf(line, "unit %lld %lld", &a, &b) == 2 && a >= 0 && a < h->units.n) {
      r->units[a] = b;
    }
    pass |= strcmp(line, "PASS") == 0;
  }
  return pass && r->steps * h->options.sequences == most;
}

/* The simulator's text of logits, one a line, as little-endian int32. */
static bool convert_logits(struct job *j, const char *dir, const char *path) {
  struct output out;
  FILE *in = fopen(arena_printf(&j->arena, "%s/logits.txt", dir), "r");
  long long x;
  if (!in) {
    diag_error(&j->diag, "%s/logits.txt: cannot read: %s", dir, strerror(errno));
    return false;
  }
  bool ok = output_open(&out, &j->diag, path);
  while (ok && fscanf(in, "%lld", &x) == 1) {
    uint32_t u = (uint32_t)x;
    uint8_t bytes[4] = {(uint8_t)u, (uint8_t)(u >> 8), (uint8_t)(u >> 16), (uint8_t)(u >> 24)};
    fwrite(bytes, 1, sizeof bytes, out.file);
  }
  if (ok && ferror(in))
    diag_error(&j->diag, "%s/logits.txt: cannot read: %s", dir, strerror(errno));
  bool whole = !ferror(in);
  fclose(in);
  if (ok && !whole)
    output_abort(&out);
  return ok && whole && output_close(&out, false);
}

static void plusarg(struct arena *a, struct words *c, const char *name, int64_t n) {
  if (n)
    vec_push(a, c->argv, arena_printf(a, "+%s=%lld", name, (long long)n));
}

static void add_arguments(struct arena *a, struct words *c, const struct hw_vectors *v,
                          const struct simulation_request *o) {
  vec_push(a, c->argv, "+tokens=vectors/tokens.txt");
  vec_push(a, c->argv, "+expected=vectors/expected.bin");
  vec_push(a, c->argv, "+weights=weights.bin");
  plusarg(a, c, "generate", v->generate);
  plusarg(a, c, "ends", v->ends);
  plusarg(a, c, "stalls", o->stalls);
  plusarg(a, c, "save_restore", o->save_restore);
  if (o->trace)
    vec_push(a, c->argv, "+trace=trace.vcd");
  if (o->logits)
    vec_push(a, c->argv, "+logits=logits.txt");
  vec_push(a, c->argv, NULL);
}

bool simulation_run(struct job *j, const struct hw_design *h, const char *dir, const struct hw_vectors *v,
                    const struct simulation_request *o, struct simulation *r) {
  struct arena *a = &j->arena;
  struct words c = {0};
  size_t length;
  r->simulator = o->simulator;
  if (!build_bench(j, h, dir, o, &c))
    return false;
  add_arguments(a, &c, v, o);
  bool ran = bench_run(j, dir, c.argv.at, "run.log");
  char *text = bench_log(j, dir, "run.log", &length);
  if (!text)
    return false;
  char *copy = arena_strdup(a, text);
  if (!ran || !read_result(j, h, v, copy, r)) {
    const char *fail = strstr(text, "FAIL");
    diag_error(&j->diag, "the simulated hardware differs from the interpreter:\n%s", fail ? fail : text);
    return false;
  }
  return (!o->trace || bench_take(j, dir, "trace.vcd", o->trace)) &&
         (!o->logits || convert_logits(j, dir, o->logits));
}
