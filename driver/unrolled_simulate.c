/* unrolled_simulate.c: `ternc simulate --hw=unrolled`: the project in a folder of its own, its test bench
 * built and run, and what it says. The tokens that follow the prompt are the interpreter's best ones; the
 * hardware's results are held against the interpreter's one by one, so that both go the same way. */
#include "driver/bench.h"
#include "driver/tokens.h"
#include "driver/unrolled_machine.h"

#include "ir/interp/interp.h"
#include "support/file.h"
#include "support/scratch.h"
#include <stdlib.h>
#include <string.h>

struct ids {
  VEC(uint32_t) at;
};

/* ---- tokens ------------------------------------------------------------------------------------------ */

static bool given_ids(struct job *j, const struct simulation_request *r, const struct tokenizer *t,
                      uint32_t vocab, struct ids *ids) {
  size_t n;
  const uint32_t *given =
      r->prompt ? text_ids(j, t, r->prompt, strlen(r->prompt), &n) : file_ids(j, r->tokens, vocab, &n);
  for (size_t i = 0; given && i < n; i++)
    vec_push(&j->arena, ids->at, given[i]);
  return given != NULL;
}

/* Appends the best token `count` times. */
static bool go_on(struct job *j, const struct unrolled *u, int count, struct ids *ids) {
  struct interp *in = interp_new(u->module, u->source, false);
  bool ok = in != NULL;
  for (int i = 0, wanted = ids->at.n + count; ok && ids->at.n < wanted; i++) {
    const struct tensor *t;
    ok = interp_run(in, "step", &ids->at.at[i], 1, 1, &t);
    if (!ok || i + 1 < ids->at.n)
      continue;
    int64_t best = 0;
    for (int64_t k = 1; k < type_count(t->type, NULL); k++)
      best = interp_float(in, t, k) > interp_float(in, t, best) ? k : best;
    vec_push(&j->arena, ids->at, (uint32_t)best);
  }
  interp_free(in);
  return ok;
}

/* ---- the run ----------------------------------------------------------------------------------------- */

struct outcome {
  long long tokens, sequences, results, first, last; /* first, last: clocks */
};

static bool run_bench(struct job *j, const struct simulation_request *r, const char *dir) {
  struct arena *a = &j->arena;
  bool icarus = strcmp(r->simulator, "icarus") == 0;
  const char *rest[] = {"+tokens=sim/tokens.hex",
                        "+results=sim/results.hex",
                        r->stalls ? "+stall=30" : "+stall=0",
                        arena_printf(a, "+seed=%d", r->stalls),
                        "+write=results.hex",
                        r->trace ? "+dump=trace.vcd" : NULL,
                        NULL};
  const char *argv[16] = {"obj/verilator/sim"};
  int n = 1;
  if (icarus)
    for (n = 0; n < 3; n++)
      argv[n] = (const char *[]){"vvp", "-N", "obj/icarus"}[n];
  memcpy(argv + n, rest, sizeof rest);
  return bench_make(j, dir, icarus ? "obj/icarus" : "obj/verilator/sim", r->simulator) &&
         bench_run(j, dir, argv, "log");
}

static bool simulate(struct job *j, const struct simulation_request *r, const char *dir, struct outcome *o) {
  int errors = j->diag.errors;
  bool ok = run_bench(j, r, dir);
  size_t length;
  const char *text = j->diag.errors == errors ? bench_log(j, dir, "log", &length) : NULL;
  const char *pass = text ? strstr(text, "PASS: ") : NULL, *fail = text ? strstr(text, "FAIL: ") : NULL;
  if (ok && pass &&
      sscanf(pass,
             "PASS: %lld tokens of %lld sequences, %lld results each; first result in cycle %lld, last in "
             "cycle %lld",
             &o->tokens, &o->sequences, &o->results, &o->first, &o->last) == 5)
    return !r->trace || bench_take(j, dir, "trace.vcd", r->trace);
  if (fail)
    diag_error(&j->diag, "the hardware differs from the interpreter: %.*s", (int)strcspn(fail + 6, "\n"),
               fail + 6);
  else if (text)
    diag_error(&j->diag, "the test bench stopped before its end:\n%s", text);
  return false;
}

/* The numbers that the hardware put out for sequence 0. */
static int32_t *read_results(struct job *j, const char *dir, int64_t count) {
  size_t length;
  char *text = file_read(&j->diag, &j->arena, arena_printf(&j->arena, "%s/results.hex", dir), (size_t)1 << 30,
                         &length);
  int32_t *result = arena_array(&j->arena, int32_t, count);
  for (int64_t i = 0; text && i < count; i++) {
    char *end;
    result[i] = (int32_t)(uint32_t)strtoul(text, &end, 16);
    if (end == text) {
      diag_error(&j->diag, "the simulation wrote %lld of %lld results", (long long)i, (long long)count);
      return NULL;
    }
    text = end;
  }
  return text ? result : NULL;
}

/* ---- what is written --------------------------------------------------------------------------------- */

static bool write_logits(struct job *j, const char *path, const int32_t *result, int64_t count) {
  struct output out;
  if (!output_open(&out, &j->diag, path))
    return false;
  fwrite(result, sizeof *result, (size_t)count, out.file);
  return output_close(&out, false);
}

static void print_outcome(const struct unrolled *u, const struct simulation_request *r,
                          const struct outcome *o) {
  double clocks = (double)(o->last - o->first + 1) / (double)o->tokens;
  if (r->json) {
    printf("{\n  \"simulator\": \"%s\",\n  \"equal\": true,\n  \"tokens\": %lld,\n  \"sequences\": %lld,\n"
           "  \"clocks\": %lld,\n  \"clocks_a_token\": %.3f,\n  \"latency\": %d,\n  \"interleave\": %d\n}\n",
           r->simulator, o->tokens, o->sequences, o->last, clocks, u->schedule.latency + 2,
           u->schedule.interleave);
    return;
  }
  printf("%lld token%s of %lld %s on %s: every result equals the interpreter's\n", o->tokens,
         o->tokens == 1 ? "" : "s", o->sequences, o->sequences == 1 ? "sequence" : "sequences", r->simulator);
  printf("%.2f clocks a token, latency %d clocks, %lld register bits\n", clocks, u->schedule.latency + 2,
         (long long)u->schedule.registers);
}

/* ---- together ---------------------------------------------------------------------------------------- */

static bool run(struct job *j, const struct unrolled *u, const struct simulation_request *r,
                const struct tokenizer *t, const char *dir) {
  int64_t vocab = type_count(func_find(u->module, "step")->body->last->in[0]->type, NULL);
  struct ids ids = {0};
  struct outcome o;
  int more = r->generate >= 0 ? r->generate : r->prompt ? 16 : 0;
  if (!given_ids(j, r, t, (uint32_t)vocab, &ids) || !go_on(j, u, more, &ids) ||
      !unrolled_project(j, u, dir, ids.at.at, ids.at.n) || !simulate(j, r, dir, &o))
    return false;
  int64_t count = (int64_t)ids.at.n * u->streams.results;
  const int32_t *result = r->logits ? read_results(j, dir, count) : NULL;
  if (r->logits && (!result || !write_logits(j, r->logits, result, count)))
    return false;
  if (t && !r->json)
    print_ids(t, ids.at.at, (size_t)ids.at.n);
  print_outcome(u, r, &o);
  return true;
}

static bool options_fit(struct job *j, const struct simulation_request *r) {
  if (!r->save_restore && !r->end)
    return true;
  diag_error(&j->diag, "%s is for the streaming machine; this one has its states in the pipeline",
             r->end ? "--end-after" : "--save-restore");
  return false;
}

bool simulate_unrolled(struct job *j, const struct hw_options *given, const struct simulation_request *r) {
  struct hw_options o = *given;
  struct accelerator h = {0};
  o.logits |= r->logits != NULL;
  bool ok = options_fit(j, r) && plan_unrolled(j, &o, &h);
  struct tokenizer *t = ok && r->prompt ? job_tokenizer(j, NO_TOKENIZER) : NULL;
  ok = ok && (t || !r->prompt);
  char *scratch = ok && !r->output ? scratch_make(&j->diag, &j->arena) : NULL;
  const char *dir = r->output ? r->output : scratch;
  ok = ok && dir && run(j, h.planned, r, t, dir);
  if (t)
    tokenizer_close(t);
  scratch_remove(scratch);
  return ok;
}
