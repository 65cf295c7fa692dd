/* test_fork.c: a child goes on with what its parent opened, and closes it, though it has none of its threads.
 */
#include "runtime_fake.h"

#include <sys/wait.h>

#include "runtime/library/library.h"

const struct tern_model *const tern_program_model = &fake_model;

static const uint32_t text[] = {0, 17, 299, 4, 256};

/* Runs `run` in a child, which must come back within some seconds and find everything right. */
static void in_child(void (*run)(void *), void *with) {
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    run(with);
    _exit(0);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

struct forked {
  struct tern_model_handle *model;
  struct tern_sequence *s;
  struct tern_batch *b;
  float expected[VOCAB];
};

static void ensure(bool right) {
  if (!right)
    _exit(3);
}

static void close_all(struct forked *k) {
  tern_sequence_close(k->s);
  tern_batch_close(k->b);
  tern_close(k->model);
}

/* What the child gets is what the parent gets, from the sequence, the batch and a new sequence. */
static void go_on(void *with) {
  struct forked *k = with;
  float logits[VOCAB];
  char error[256];
  ensure(tern_step(k->s, 7, logits) && memcmp(logits, k->expected, sizeof logits) == 0);
  ensure(tern_batch_step(k->b, NULL, (uint32_t[]){7}, 1, logits) &&
         memcmp(logits, k->expected, sizeof logits) == 0);
  struct tern_sequence *fresh = tern_sequence_open(k->model, 2, error, sizeof error);
  ensure(fresh && tern_prefill(fresh, text, 5, NULL) && tern_step(fresh, 7, logits));
  ensure(memcmp(logits, k->expected, sizeof logits) == 0);
  tern_sequence_close(fresh);
}

static void go_on_and_close(void *with) {
  go_on(with);
  close_all(with);
}

static void close_only(void *with) {
  close_all(with);
}

/* A child of a child, whose parent has not used what it got. */
static void fork_again(void *with) {
  pid_t child = fork();
  if (child == 0) {
    go_on_and_close(with);
    _exit(0);
  }
  int status = -1;
  ensure(waitpid(child, &status, 0) == child && status == 0);
  go_on_and_close(with);
}

static void test_forks(void **state) {
  (void)state;
  for (uint32_t threads = 1; threads <= 3; threads++) {
    struct forked k = {0};
    char error[256] = "";
    k.model = tern_open("fake.img", error, sizeof error);
    assert_non_null(k.model);
    k.s = tern_sequence_open(k.model, threads, error, sizeof error);
    k.b = tern_batch_open(k.model, 3, threads, error, sizeof error);
    assert_true(k.s && k.b && tern_prefill(k.s, text, 5, NULL));
    uint8_t *saved = malloc(tern_saved_bytes(k.s));
    tern_save(k.s, saved);
    assert_true(tern_batch_restore(k.b, 0, saved, tern_saved_bytes(k.s)));
    assert_true(tern_step(k.s, 7, k.expected));
    assert_true(tern_restore(k.s, saved, tern_saved_bytes(k.s)));
    usleep(5000); /* the workers sleep now */
    in_child(go_on_and_close, &k);
    in_child(close_only, &k);
    in_child(fork_again, &k);
    go_on(&k); /* the parent too, from where it was */
    close_all(&k);
    free(saved);
  }
}

/* A form that forks in the middle: the child's copy of the state is not whole, and says so. */
static struct session *forking;

static void fork_inside(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  (void)a, (void)threads;
  if (thread != 0)
    return;
  pid_t child = fork();
  if (child == 0) {
    struct failure f = {0};
    alarm(20);
    bool ok = session_step(forking, 1, &f);
    session_close(forking);
    _exit(!ok && strstr(f.text, "in the middle of this state") ? 0 : 3);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void test_fork_during_a_call(void **state) {
  (void)state;
  static const struct tern_entry entries[] = FAKE_STEP(fork_inside);
  struct tern_model m = step_model(entries);
  struct failure f;
  struct session s;
  struct image image;
  char error[256];
  assert_true(image_open(&image, "fake.img", error, sizeof error));
  for (uint32_t threads = 1; threads <= 2; threads++) {
    assert_true(session_open(&s, &m, &image, threads, 1, &f));
    forking = &s;
    assert_true(session_step(&s, 1, &f));
    session_close(&s);
  }
  image_close(&image);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_forks), cmocka_unit_test(test_fork_during_a_call)};
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
