/* test_runtime.c: threads, sessions and the library's calls, on a model written by hand. */
#include "runtime_fake.h"

#include <pthread.h>

#include "runtime/core/batch.h"
#include "runtime/core/entries.h"
#include "runtime/core/team.h"
#include "runtime/library/library.h"

const struct tern_model *const tern_program_model = &fake_model;

static const uint32_t text[] = {0, 17, 299, 4, 4, 4, 256, 31, 7, 90, 12, 1, 0, 55, 140, 255, 3, 2, 1, 88, 21};
enum { TEXT_TOKENS = sizeof text / sizeof *text };

/* ---- sessions ---- */

static struct image the_image;

static int open_image(void **state) {
  char error[256];
  return enter_folder(state) == 0 && image_open(&the_image, "fake.img", error, sizeof error) ? 0 : -1;
}

static int close_image(void **state) {
  image_close(&the_image);
  return leave_folder(state);
}

static void start(struct session *s, const struct tern_model *m, uint32_t threads, uint32_t chunk) {
  struct failure f;
  assert_true(session_open(s, m, &the_image, threads, chunk, &f));
}

struct rows {
  float at[TEXT_TOKENS][VOCAB];
};

static bool keep_rows(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep) {
  struct rows *all = context;
  assert_int_equal(n, keep);
  memcpy(all->at[first], rows, (size_t)keep * VOCAB * sizeof(float));
  return true;
}

static struct rows *score(uint32_t threads, uint32_t chunk) {
  struct session s;
  struct failure f;
  struct rows *all = calloc(1, sizeof *all);
  start(&s, &fake_model, threads, chunk);
  assert_true(session_run(&s, text, TEXT_TOKENS, true, keep_rows, all, &f));
  assert_int_equal(s.position, TEXT_TOKENS);
  session_close(&s);
  return all;
}

static void test_chunks_and_threads_change_nothing(void **state) {
  (void)state;
  struct rows *steps = score(1, 1);
  assert_true(memcmp(steps->at[3], steps->at[4], sizeof steps->at[3]) != 0); /* the state counts */
  for (uint32_t threads = 1; threads <= 5; threads++)
    for (uint32_t chunk = 0; chunk <= CHUNK; chunk++) {
      struct rows *other = score(threads, chunk);
      assert_memory_equal(steps, other, sizeof *steps);
      free(other);
    }
  free(steps);
}

static void test_last_row_of_a_prompt(void **state) {
  (void)state;
  struct rows *all = score(1, 1);
  for (size_t n = 1; n <= TEXT_TOKENS; n++) {
    struct session s;
    struct failure f;
    start(&s, &fake_model, 2, 0);
    assert_true(session_run(&s, text, n, false, NULL, NULL, &f));
    assert_memory_equal(s.logits, all->at[n - 1], sizeof all->at[0]);
    session_close(&s);
  }
  free(all);
}

static void test_reset_fills_and_forgets(void **state) {
  (void)state;
  struct session s;
  struct failure f;
  start(&s, &fake_model, 1, 0);
  float level, first[VOCAB];
  memcpy(&level, s.state + WORDS * 4, sizeof level);
  assert_true(level == 0.25f);
  assert_true(session_step(&s, 5, &f));
  memcpy(first, s.logits, sizeof first);
  assert_true(session_step(&s, 5, &f));
  assert_true(memcmp(first, s.logits, sizeof first) != 0);
  session_reset(&s);
  assert_int_equal(s.position, 0);
  assert_true(session_step(&s, 5, &f));
  assert_memory_equal(first, s.logits, sizeof first);
  session_close(&s);
}

static void test_bad_ids_change_nothing(void **state) {
  (void)state;
  struct session s;
  struct failure f;
  uint32_t bad[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, VOCAB};
  uint8_t before[WORDS * 4];
  start(&s, &fake_model, 1, 0);
  memcpy(before, s.state, sizeof before);
  assert_false(session_run(&s, bad, 10, false, NULL, NULL, &f));
  assert_non_null(strstr(f.text, "token 9 is 300"));
  assert_memory_equal(before, s.state, sizeof before);
  assert_int_equal(s.position, 0);
  session_close(&s);
}

static void test_sessions_that_do_not_open(void **state) {
  (void)state;
  struct session s;
  struct failure f;
  struct tern_model other = fake_model;
  assert_false(session_open(&s, &fake_model, &the_image, TEAM_MOST + 1, 0, &f));
  assert_false(session_open(&s, &fake_model, &the_image, 1, CHUNK + 1, &f));
  assert_non_null(strstr(f.text, "at most 8"));
  assert_false(session_open(&s, &fake_model, NULL, 1, 0, &f));
  other.layout++;
  assert_false(session_open(&s, &other, &the_image, 1, 0, &f));
  assert_non_null(strstr(f.text, "do not belong to model fake"));
  other = fake_model;
  other.abi++;
  assert_false(session_open(&s, &other, &the_image, 1, 0, &f));
  other = fake_model;
  other.state_bytes = UINT64_MAX;
  assert_false(session_open(&s, &other, &the_image, 1, 0, &f));
  assert_non_null(strstr(f.text, "not enough memory"));
}

static void test_save_and_restore(void **state) {
  (void)state;
  struct session s, other;
  struct failure f;
  float expected[VOCAB];
  start(&s, &fake_model, 1, 0);
  assert_true(session_run(&s, text, 9, false, NULL, NULL, &f));
  size_t n = session_saved_bytes(&s);
  uint8_t *saved = malloc(n);
  session_save(&s, saved);
  assert_true(session_run(&s, text, 5, false, NULL, NULL, &f));
  memcpy(expected, s.logits, sizeof expected);
  start(&other, &fake_model, 2, 0);
  assert_true(session_restore(&other, saved, n, &f));
  assert_int_equal(other.position, 9);
  assert_true(session_run(&other, text, 5, false, NULL, NULL, &f));
  assert_memory_equal(expected, other.logits, sizeof expected);
  for (size_t cut = 0; cut < n; cut++) {
    uint8_t *part = malloc(cut + 1); /* its end is watched by the sanitizer */
    memcpy(part, saved, cut);
    assert_false(session_restore(&other, part, cut, &f));
    free(part);
  }
  saved[0] ^= 1;
  assert_false(session_restore(&other, saved, n, &f));
  assert_int_equal(other.position, 14);
  free(saved);
  session_close(&s);
  session_close(&other);
}

static void test_saves_of_other_models_are_refused(void **state) {
  (void)state;
  struct tern_model other[2] = {fake_model, fake_model};
  other[0].state_shape++;
  other[1].state_bytes += 4;
  for (int i = 0; i < 2; i++) {
    struct session s, t;
    struct failure f;
    start(&s, &fake_model, 1, 0);
    start(&t, &other[i], 1, 0);
    uint8_t *saved = malloc(session_saved_bytes(&s));
    session_save(&s, saved);
    assert_false(session_restore(&t, saved, session_saved_bytes(&s), &f));
    assert_non_null(strstr(f.text, "of another model"));
    free(saved);
    session_close(&s);
    session_close(&t);
  }
}

/* The same model with other weights, a state that changed, and the format of former builds. */
static void test_saves_that_changed_are_refused(void **state) {
  (void)state;
  static const struct {
    size_t from_end;
    const char *message;
  } flips[] = {{1, "checksum"}, {FAKE_STATE, "checksum"}};
  struct session s;
  struct failure f;
  start(&s, &fake_model, 1, 0);
  size_t n = session_saved_bytes(&s);
  uint8_t *saved = malloc(n);
  session_save(&s, saved);
  for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
    saved[n - flips[i].from_end] ^= 4;
    assert_false(session_restore(&s, saved, n, &f));
    assert_non_null(strstr(f.text, flips[i].message));
    saved[n - flips[i].from_end] ^= 4;
  }
  s.identity++;
  assert_false(session_restore(&s, saved, n, &f));
  assert_non_null(strstr(f.text, "with other weights"));
  s.identity--;
  assert_true(session_restore(&s, saved, n, &f));
  memcpy(saved, "TERNSTA1", 8);
  assert_false(session_restore(&s, saved, 32 + FAKE_STATE, &f));
  assert_non_null(strstr(f.text, "another version of ternc"));
  free(saved);
  session_close(&s);
}

/* ---- teams ---- */

enum { MEETINGS = 200 };

struct counts {
  struct tern_args args; /* first: the form finds the rest behind it */
  uint32_t at[8][16];    /* [thread], a line each */
  uint32_t wrong;
};

/* After each barrier every thread must have counted as far as this one. */
static void count_together(const struct tern_args *args, uint32_t thread, uint32_t threads) {
  struct counts *c = (struct counts *)(uintptr_t)args;
  for (uint32_t i = 1; i <= MEETINGS; i++) {
    c->at[thread][0]++;
    meet(args);
    for (uint32_t t = 0; t < threads; t++)
      if (c->at[t][0] != c->at[thread][0])
        __atomic_fetch_add(&c->wrong, 1, __ATOMIC_RELAXED);
    meet(args);
  }
}

static void test_teams_meet(void **state) {
  (void)state;
  for (uint32_t threads = 1; threads <= 8; threads++) {
    struct counts c = {0};
    struct failure f;
    struct team *t = team_open(threads, &f);
    assert_non_null(t);
    assert_int_equal(team_threads(t), threads);
    for (int calls = 0; calls < 5; calls++) {
      team_run(t, count_together, &c.args);
      if (calls == 2)
        usleep(2000); /* the workers fall asleep */
    }
    team_close(t);
    assert_int_equal(c.wrong, 0);
    for (uint32_t i = 0; i < threads; i++)
      assert_int_equal(c.at[i][0], 5 * MEETINGS);
  }
}

static void test_team_bounds(void **state) {
  (void)state;
  struct failure f;
  assert_null(team_open(0, &f));
  assert_null(team_open(TEAM_MOST + 1, &f));
  assert_in_range(team_processors(), 1, TEAM_MOST_BY_DEFAULT);
}

/* ---- the library ---- */

struct listener {
  tern_model_handle *model;
  uint32_t threads;
  float last[VOCAB];
};

static void *listen_along(void *context) {
  struct listener *l = context;
  char error[256];
  tern_sequence *s = tern_sequence_open(l->model, l->threads, error, sizeof error);
  assert_non_null(s);
  for (int round = 0; round < 20; round++) {
    tern_reset(s);
    assert_true(tern_prefill(s, text, TEXT_TOKENS - 1, NULL));
    assert_true(tern_step(s, text[TEXT_TOKENS - 1], l->last));
  }
  assert_int_equal(tern_position(s), TEXT_TOKENS);
  tern_sequence_close(s);
  return NULL;
}

static void test_sequences_side_by_side(void **state) {
  (void)state;
  char error[256];
  tern_model_handle *model = tern_open("fake.img", error, sizeof error);
  assert_non_null(model);
  struct rows *all = score(1, 1);
  struct listener l[3];
  pthread_t threads[3];
  for (uint32_t i = 0; i < 3; i++) {
    l[i] = (struct listener){.model = model, .threads = i + 1};
    assert_int_equal(pthread_create(&threads[i], NULL, listen_along, &l[i]), 0);
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(threads[i], NULL);
    assert_memory_equal(l[i].last, all->at[TEXT_TOKENS - 1], sizeof l[i].last);
  }
  free(all);
  tern_close(model);
}

/* Any of `sequences` texts at a time, more of them than one call takes, against each by itself. */
static void follow_texts(tern_model_handle *model, uint32_t sequences, uint32_t threads) {
  enum { MOST = 9, ROUNDS = 12 };
  char error[256];
  float got[MOST][VOCAB], want[VOCAB];
  tern_sequence *alone[MOST];
  tern_batch *b = tern_batch_open(model, sequences, threads, error, sizeof error);
  assert_non_null(b);
  for (uint32_t i = 0; i < sequences; i++)
    alone[i] = tern_sequence_open(model, 1, error, sizeof error);
  for (uint32_t round = 0; round < ROUNDS; round++) {
    uint32_t which[MOST], tokens[MOST], n = 0;
    for (uint32_t i = 0; i < sequences; i++) {
      uint32_t number = (i * 2 + round) % sequences;
      bool twice = false;
      for (uint32_t k = 0; k < n; k++)
        twice |= which[k] == number;
      if (!twice && (round == 0 || stir(round, number) % 3))
        which[n++] = number;
    }
    for (uint32_t i = 0; i < n; i++)
      tokens[i] = stir(round, i) % VOCAB;
    assert_true(tern_batch_step(b, which, tokens, n, got[0]));
    for (uint32_t i = 0; i < n; i++) {
      assert_true(tern_step(alone[which[i]], tokens[i], want));
      assert_memory_equal(got[i], want, sizeof want);
    }
  }
  for (uint32_t i = 0; i < sequences; i++) {
    assert_int_equal(tern_batch_position(b, i), tern_position(alone[i]));
    tern_sequence_close(alone[i]);
  }
  tern_batch_close(b);
}

static void test_batches_equal_sequences(void **state) {
  (void)state;
  char error[256];
  tern_model_handle *model = tern_open("fake.img", error, sizeof error);
  for (uint32_t sequences = 1; sequences <= 9; sequences += 2)
    for (uint32_t threads = 1; threads <= 3; threads++)
      follow_texts(model, sequences, threads);
  tern_close(model);
}

/* A batch of three sequences on two threads beside one sequence of its own. */
struct pair {
  tern_model_handle *model;
  tern_batch *b;
  tern_sequence *s;
  uint8_t *saved;
  size_t bytes;
};

static struct pair open_pair(void) {
  char error[256];
  struct pair p = {.model = tern_open("fake.img", error, sizeof error)};
  p.b = tern_batch_open(p.model, 3, 2, error, sizeof error);
  p.s = tern_sequence_open(p.model, 1, error, sizeof error);
  p.bytes = tern_saved_bytes(p.s);
  p.saved = malloc(p.bytes);
  return p;
}

static void close_pair(struct pair *p) {
  free(p->saved);
  tern_sequence_close(p->s);
  tern_batch_close(p->b);
  tern_close(p->model);
}

/* A prompt that a sequence has read goes on in a batch, and back. */
static void test_sequences_move_between_batches(void **state) {
  (void)state;
  struct pair p = open_pair();
  struct tern_description d;
  float want[VOCAB], got[3][VOCAB];
  uint32_t tokens[] = {7, 7, 8};
  tern_describe(p.model, &d);
  assert_int_equal(d.batch, SEQUENCES);
  assert_int_equal(p.bytes, tern_batch_saved_bytes(p.b));
  assert_true(tern_prefill(p.s, text, 9, NULL));
  tern_save(p.s, p.saved);
  assert_true(tern_batch_restore(p.b, 1, p.saved, p.bytes));
  assert_int_equal(tern_batch_position(p.b, 1), 9);
  assert_true(tern_batch_step(p.b, NULL, tokens, 3, got[0]));
  assert_true(tern_step(p.s, 7, want));
  assert_memory_equal(got[1], want, sizeof want);
  assert_true(memcmp(got[0], want, sizeof want) != 0);
  assert_true(tern_batch_save(p.b, 0, p.saved));
  assert_true(tern_restore(p.s, p.saved, p.bytes));
  assert_int_equal(tern_position(p.s), 1);
  assert_true(tern_step(p.s, 8, want));
  assert_true(tern_batch_step(p.b, NULL, &tokens[2], 1, got[0]));
  assert_memory_equal(got[0], want, sizeof want);
  close_pair(&p);
}

/* One starts anew, the others stay. */
static void test_batch_reset(void **state) {
  (void)state;
  struct pair p = open_pair();
  float want[VOCAB], got[VOCAB];
  uint32_t tokens[] = {7, 7, 8};
  assert_true(tern_batch_step(p.b, NULL, tokens, 3, NULL));
  assert_true(tern_batch_reset(p.b, 2));
  assert_int_equal(tern_batch_position(p.b, 2), 0);
  assert_int_equal(tern_batch_position(p.b, 1), 1);
  tern_reset(p.s);
  assert_true(tern_batch_step(p.b, (uint32_t[]){2}, tokens, 1, got));
  assert_true(tern_step(p.s, 7, want));
  assert_memory_equal(got, want, sizeof want);
  assert_true(tern_batch_step(p.b, NULL, tokens, 0, NULL));
  assert_string_equal(tern_batch_error(p.b), "");
  close_pair(&p);
}

static void test_batch_calls_that_fail_change_nothing(void **state) {
  (void)state;
  char error[256];
  struct pair p = open_pair();
  uint32_t tokens[] = {7, 7, 8}, same[] = {1, 2, 1}, beyond[] = {0, 3};
  assert_true(tern_batch_step(p.b, NULL, tokens, 1, NULL));
  assert_true(tern_batch_step(p.b, NULL, tokens, 1, NULL));
  assert_false(tern_batch_step(p.b, same, tokens, 3, NULL));
  assert_non_null(strstr(tern_batch_error(p.b), "sequence 1 is to step twice"));
  assert_false(tern_batch_step(p.b, beyond, tokens, 2, NULL));
  assert_non_null(strstr(tern_batch_error(p.b), "no sequence 3"));
  assert_false(tern_batch_step(p.b, NULL, (uint32_t[]){1, 2, 3, 4}, 4, NULL));
  assert_false(tern_batch_step(p.b, NULL, (uint32_t[]){1, VOCAB}, 2, NULL));
  assert_non_null(strstr(tern_batch_error(p.b), "token 1 is 300"));
  assert_false(tern_batch_reset(p.b, 3));
  assert_false(tern_batch_save(p.b, 3, p.saved));
  assert_false(tern_batch_restore(p.b, 3, p.saved, p.bytes));
  assert_false(tern_batch_restore(p.b, 1, p.saved, p.bytes - 1));
  assert_int_equal(tern_batch_position(p.b, 3), 0);
  assert_int_equal(tern_batch_position(p.b, 0), 2);
  assert_true(tern_batch_step(p.b, same, tokens, 2, NULL)); /* nothing of the failures is left */
  assert_null(tern_batch_open(p.model, 0, 1, error, sizeof error));
  assert_non_null(strstr(error, "at least one"));
  assert_null(tern_batch_open(p.model, 1, 100000, error, sizeof error));
  close_pair(&p);
  tern_batch_close(NULL);
}

/* A model without the form steps one after another; integer logits become floats. */
static void test_batches_of_other_models(void **state) {
  (void)state;
  struct tern_model fixed = fixed_model();
  struct failure f;
  struct batch b;
  struct session s;
  float got[2][VOCAB];
  uint32_t tokens[] = {5, 6};
  assert_true(batch_open(&b, &fixed, &the_image, 2, 2, &f));
  assert_int_equal(b.most, 1);
  assert_true(batch_step(&b, NULL, tokens, 2, got[0], &f));
  start(&s, &fixed, 1, 0);
  assert_true(session_step(&s, 6, &f));
  assert_memory_equal(got[1], s.logits, sizeof got[1]);
  session_close(&s);
  batch_close(&b);
  struct tern_model other = fake_model;
  other.state_bytes = UINT64_MAX / 2;
  assert_false(batch_open(&b, &other, &the_image, 3, 1, &f));
  assert_non_null(strstr(f.text, "not enough memory"));
  assert_false(batch_open(&b, &fake_model, NULL, 3, 1, &f));
}

/* Entries by other ports than a language model's are none of its forms. */
static void test_entries_of_other_models(void **state) {
  (void)state;
  struct tern_port wide[] = {fake_step_ports[0], fake_step_ports[1]},
                   many[] = {fake_prefill_ports[0], wide[1]};
  const struct tern_entry none[] = {FAKE_ENTRY("train", fake_step, fake_step_ports)},
                          odd[] = {FAKE_ENTRY("step", fake_step, many)},
                          mixed[] = {FAKE_ENTRY("step", fake_step, wide),
                                     FAKE_ENTRY("prefill", fake_prefill, fake_prefill_ports)};
  const struct tern_entry *const wrong[] = {none, odd};
  struct failure f;
  struct session s;
  for (int i = 0; i < 2; i++) {
    struct tern_model m = step_model(wrong[i]);
    assert_false(session_open(&s, &m, &the_image, 1, 0, &f));
    assert_non_null(strstr(f.text, "model fake is no language model: it has no entry 'step'"));
    assert_int_equal(model_vocab(&m), 0);
    assert_int_equal(session_threads(&m, 0), 1);
  }
  struct tern_model m = step_model(mixed);
  m.n_entries = 2;
  assert_true(language_fits(&m, &f));
  wide[1].elements--; /* logits that differ from prefill's */
  assert_false(session_open(&s, &m, &the_image, 1, 0, &f));
  assert_non_null(strstr(f.text, "its entries 'prefill' and 'batch' are not the many-token forms"));
  assert_ptr_equal(entry_find(&m, "prefill"), &mixed[1]);
  assert_null(entry_find(&m, "batch"));
  assert_int_equal(entry_scratch(NULL, 3), 0);
}

static void test_library_calls(void **state) {
  (void)state;
  char error[256], out[8];
  tern_model_handle *model = tern_open("fake.img", error, sizeof error);
  struct tern_description d;
  tern_describe(model, &d);
  assert_string_equal(d.name, "fake");
  assert_int_equal(d.vocab, VOCAB);
  assert_true(d.has_tokenizer);
  uint32_t ids[2], word[] = {BOS, THE, 3 + 'a' - 1, VOCAB - 1};
  assert_int_equal(tern_encode(model, "abc", 3, ids, 2), 3);
  assert_int_equal(ids[1], BYTE + 'b');
  assert_int_equal(tern_decode(model, word, 4, 1, out, sizeof out), 4);
  assert_memory_equal(out, "thea", 4);
  assert_int_equal(tern_decode(model, word, 4, 0, out, 2), 5);
  assert_int_equal(tern_bos(model), BOS);
  assert_int_equal(tern_eos(model), EOS);
  assert_true(tern_is_end(model, EOS) && tern_is_end(model, FULL) && !tern_is_end(model, BOS));
  assert_int_equal(tern_encode_prompt(model, "", 0, -1, ids, 2), 1);
  assert_int_equal(ids[0], BOS);
  assert_int_equal(tern_encode_prompt(model, "<full>", 6, 1, ids, 2), 2);
  assert_int_equal(ids[1], FULL);
  assert_int_equal(tern_encode_prompt(model, "<full>", 6, 0, ids, 2), 7);

  tern_sequence *s = tern_sequence_open(model, 1, error, sizeof error);
  struct rows *all = score(1, 1), *mine = calloc(1, sizeof *mine);
  assert_true(tern_score(s, text, TEXT_TOKENS, mine->at[0]));
  assert_memory_equal(mine, all, sizeof *mine);
  assert_string_equal(tern_error(s), "");
  assert_false(tern_step(s, VOCAB, NULL));
  assert_non_null(strstr(tern_error(s), "ids from 0 to 299"));
  uint8_t *saved = malloc(tern_saved_bytes(s));
  tern_save(s, saved);
  assert_true(tern_restore(s, saved, tern_saved_bytes(s)));
  assert_false(tern_restore(s, saved, 3));
  assert_null(tern_sequence_open(model, 100000, error, sizeof error));
  free(saved);
  free(all);
  free(mine);
  tern_sequence_close(s);
  tern_close(model);
  assert_null(tern_open("absent.img", error, sizeof error));
  assert_null(tern_open(NULL, error, sizeof error));
  assert_non_null(strstr(error, "needs its weights"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chunks_and_threads_change_nothing),
      cmocka_unit_test(test_last_row_of_a_prompt),
      cmocka_unit_test(test_reset_fills_and_forgets),
      cmocka_unit_test(test_bad_ids_change_nothing),
      cmocka_unit_test(test_sessions_that_do_not_open),
      cmocka_unit_test(test_save_and_restore),
      cmocka_unit_test(test_saves_that_changed_are_refused),
      cmocka_unit_test(test_saves_of_other_models_are_refused),
      cmocka_unit_test(test_teams_meet),
      cmocka_unit_test(test_team_bounds),
      cmocka_unit_test(test_sequences_side_by_side),
      cmocka_unit_test(test_batches_equal_sequences),
      cmocka_unit_test(test_sequences_move_between_batches),
      cmocka_unit_test(test_batch_reset),
      cmocka_unit_test(test_batch_calls_that_fail_change_nothing),
      cmocka_unit_test(test_batches_of_other_models),
      cmocka_unit_test(test_entries_of_other_models),
      cmocka_unit_test(test_library_calls),
  };
  return cmocka_run_group_tests(tests, open_image, close_image);
}
