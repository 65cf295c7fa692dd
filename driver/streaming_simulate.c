/* streaming_simulate.c: `ternc simulate --hw=streaming`. The design's own ranking drives the text: the test
 * bench feeds each best token back. What every unit stores is held against the interpreter, which goes the
 * same way; the first difference ends the run. */
#include "driver/simulation.h"
#include "driver/streaming_machine.h"
#include "driver/tokens.h"

#include "backends/hardware/streaming/design.h"
#include "support/scratch.h"
#include <jansson.h>
#include <string.h>

/* ---- tokens ---------------------------------------------------------------------------------------- */

/* The prompt's ids, each for all sequences. */
static bool prompt_tokens(struct job *j, const char *prompt, const struct tokenizer *t, int sequences,
                          struct hw_vectors *v) {
  size_t n;
  const uint32_t *ids = text_ids(j, t, prompt, strlen(prompt), &n);
  if (!ids)
    return false;
  v->n = (int64_t)n * sequences;
  uint32_t *all = arena_array(&j->arena, uint32_t, v->n + 1);
  for (int64_t i = 0; i < v->n; i++)
    all[i] = ids[i / sequences];
  v->tokens = all;
  return true;
}

static bool file_tokens(struct job *j, const char *path, const struct hw_design *h, struct hw_vectors *v) {
  size_t n, sequences = (size_t)h->options.sequences;
  v->tokens = file_ids(j, path, (uint32_t)h->vocab, &n);
  if (!v->tokens)
    return false;
  v->n = (int64_t)n;
  if (n % sequences)
    diag_error(&j->diag, "%s: has %zu ids, and %zu sequences need a multiple of that", path, n, sequences);
  return n % sequences == 0;
}

/* ---- what is printed ------------------------------------------------------------------------------- */

static void print_text(struct arena *a, const struct tokenizer *t, const struct hw_design *h,
                       const struct hw_vectors *v, const struct simulation *r, int64_t written) {
  int sequences = h->options.sequences;
  int64_t given = v->n / sequences;
  uint32_t *ids = arena_array(a, uint32_t, given + written + 1);
  for (int q = 0; q < sequences; q++) {
    for (int64_t k = 0; k < given + written; k++)
      ids[k] = k < given ? v->tokens[k * sequences + q] : (uint32_t)r->best[(k - 1) * sequences + q];
    print_ids(t, ids, (size_t)(given + written));
  }
}

static const char *what_of(const struct hw_unit *u) {
  return u->kind == HW_UNIT_SUM ? u->weight->name : "";
}

static void print_result(const struct hw_design *h, const struct simulation *r) {
  double steps = (double)r->steps;
  printf("%lld step%s of %d %s on %s: every stored number equals the interpreter's\n", (long long)r->steps,
         r->steps == 1 ? "" : "s", h->options.sequences, h->options.sequences == 1 ? "sequence" : "sequences",
         r->simulator);
  printf("%.1f clocks a step (%lld from the schedule, %.1f awaiting words, %.1f awaiting the output); all "
         "lanes busy in %.1f %%\n",
         (double)r->cycles / steps, (long long)h->step_cycles, (double)r->awaits / steps,
         (double)r->output / steps, 100 * (double)r->lanes / (double)r->cycles);
  if (r->states)
    printf("%lld words of states saved, cleared and restored; %lld had not their initial value\n",
           (long long)r->states, (long long)r->changed);
  printf("  %-28s %12s %8s\n", "unit", "clocks/step", "share");
  for (int i = 0; i < h->units.n; i++)
    printf("  %-28s %12.1f %6.1f %%  %s\n", h->units.at[i]->name, (double)r->units[i] / steps,
           100 * (double)r->units[i] / (double)r->cycles, what_of(h->units.at[i]));
}

static void print_json(const struct hw_design *h, const struct hw_vectors *v, const struct simulation *r) {
  json_t *o = json_object(), *best = json_array(), *units = json_array();
  int64_t n = (v->n / h->options.sequences + v->generate) * h->options.sequences;
  for (int64_t i = 0; i < n; i++)
    json_array_append_new(best, json_integer(r->best[i]));
  for (int i = 0; i < h->units.n; i++)
    json_array_append_new(units, json_pack("{s:s, s:I, s:I}", "name", h->units.at[i]->name, "clocks",
                                           (json_int_t)r->units[i], "expected",
                                           (json_int_t)(h->units.at[i]->cycles)));
  json_object_set_new(o, "simulator", json_string(r->simulator));
  json_object_set_new(o, "equal", json_true());
  json_object_set_new(o, "steps", json_integer(r->steps));
  json_object_set_new(o, "clocks", json_integer(r->cycles));
  json_object_set_new(o, "clocks_awaiting_words", json_integer(r->awaits));
  json_object_set_new(o, "clocks_awaiting_output", json_integer(r->output));
  json_object_set_new(o, "clocks_all_lanes_busy", json_integer(r->lanes));
  json_object_set_new(o, "clocks_a_step_from_schedule", json_integer(h->step_cycles));
  json_object_set_new(o, "state_words_restored", json_integer(r->states));
  json_object_set_new(o, "state_words_changed", json_integer(r->changed));
  json_object_set_new(o, "best", best);
  json_object_set_new(o, "units", units);
  json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
  putchar('\n');
  json_decref(o);
}

/* ---- the run --------------------------------------------------------------------------------------- */

/* Both are about a step that another one follows. */
static bool steps_exist(struct job *j, const struct simulation_request *r, int64_t steps) {
  if (r->save_restore >= steps && r->save_restore)
    diag_error(&j->diag, "--save-restore %d: the last step is %lld, and one must follow", r->save_restore,
               (long long)steps);
  else if (r->end >= steps && r->end)
    diag_error(&j->diag, "--end-after %d: the last step is %lld, and one must follow", r->end,
               (long long)steps);
  else
    return true;
  return false;
}

static bool run(struct job *j, const struct simulation_request *r, const struct hw_design *h,
                const struct tokenizer *t, const char *dir) {
  int written = r->generate >= 0 ? r->generate : r->prompt ? 16 : 0;
  struct hw_vectors v = {.units = true, .generate = written, .ends = r->end};
  struct simulation result = {0};
  bool ok =
      r->prompt ? prompt_tokens(j, r->prompt, t, h->options.sequences, &v) : file_tokens(j, r->tokens, h, &v);
  if (r->prompt && v.generate > 0)
    v.generate--; /* the prompt's last step gives the first */
  ok = ok && steps_exist(j, r, v.n / h->options.sequences + v.generate) && streaming_project(j, h, dir, &v) &&
       simulation_run(j, h, dir, &v, r, &result);
  if (!ok)
    return false;
  if (r->json) {
    print_json(h, &v, &result);
    return true;
  }
  if (t)
    print_text(&j->arena, t, h, &v, &result, written);
  print_result(h, &result);
  return true;
}

bool simulate_streaming(struct job *j, const struct hw_options *o, const struct simulation_request *r) {
  struct accelerator h = {0};
  bool ok = plan_streaming(j, o, &h);
  struct tokenizer *t = ok && r->prompt ? job_tokenizer(j, NO_TOKENIZER) : NULL;
  ok = ok && (t || !r->prompt);
  char *scratch = ok && !r->output ? scratch_make(&j->diag, &j->arena) : NULL;
  const char *dir = r->output ? r->output : scratch;
  ok = ok && dir && run(j, r, h.planned, t, dir);
  if (t)
    tokenizer_close(t);
  scratch_remove(scratch);
  return ok;
}
