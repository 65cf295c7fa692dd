/* test_runtime_signals.c: a built program that cannot go on: a full disk, a reader that leaves, a signal. */
#include "program_run.h"

/* ---- where standard output goes ---- */

static void test_full_disk(void **state) {
  (void)state;
  put_file("text", "text", 4);
  put_file("ids", "1 2", 3);
  EXPECT_ERROR(run_into(&fake_model, "/dev/full", ARGS("-n", "3", "-p", "x")), "No space left");
  EXPECT_ERROR(run_into(&fake_model, "/dev/full", ARGS("--perplexity", "text")), "No space left");
  EXPECT_ERROR(run_into(&fake_model, "/dev/full", ARGS("--tokenize", "text")), "No space left");
  EXPECT_ERROR(run_into(&fake_model, "/dev/full", ARGS("--info")), "No space left");
  EXPECT_ERROR(run_into(&fake_model, "/dev/full", ARGS("--help")), "No space left");
  EXPECT_ERROR(run_into(&fake_model, "/dev/full", ARGS("--tokens", "ids", "--logits", "-")), "No space left");
}

static void test_reader_that_leaves(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "words ";
  script_repeats = true;
  assert_int_equal(mkfifo("pipe", 0600), 0);
  const char **argv = ARGS("-n", "1000000", "-t", "0");
  pid_t child = launch(&m, "pipe", argv);
  char start[6];
  int reader = open("pipe", O_RDONLY);
  assert_int_equal(read(reader, start, sizeof start) > 0, 1);
  close(reader);
  assert_int_equal(finish(child), 1);
  size_t n;
  char *err = get_file("stderr", &n);
  assert_string_equal(err, "");
  free(err);
  script_repeats = false;
}

/* ---- signals ---- */

static void wait_for_output(const char *path) {
  struct stat st = {0};
  for (int i = 0; i < 2000 && st.st_size < 3; i++) {
    usleep(1000);
    if (stat(path, &st) != 0)
      st.st_size = 0;
  }
  assert_true(st.st_size >= 3);
}

static void interrupt_with(int number) {
  struct tern_model m = script_model();
  script = "\xf0\x9f\x98\x80\xe2\x82\xac";
  script_repeats = true;
  script_delay = 700;
  unlink("stdout");
  const char **argv = ARGS("-n", "1000000", "-t", "0");
  pid_t child = launch(&m, "stdout", argv);
  wait_for_output("stdout");
  kill(child, number);
  assert_int_equal(finish(child), 130);
  size_t n, e;
  char *out = get_file("stdout", &n), *err = get_file("stderr", &e);
  assert_true(n > 0 && (n % 7 == 0 || n % 7 == 4)); /* after a whole character */
  assert_non_null(strstr(err, "tokens written"));
  free(out);
  free(err);
  script_repeats = false;
  script_delay = 0;
}

static void test_signals_end_it_tidily(void **state) {
  (void)state;
  for (int i = 0; i < 5; i++)
    interrupt_with(i % 2 ? SIGTERM : SIGINT);
}

static void test_interrupted_logits_leave_nothing(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "a";
  script_delay = 1000;
  char ids[20000];
  memset(ids, ' ', sizeof ids);
  for (size_t i = 0; i < sizeof ids; i += 2)
    ids[i] = '1';
  put_file("ids", ids, sizeof ids);
  int before = files_in_folder();
  const char **argv = ARGS("--tokens", "ids", "--logits", "new");
  pid_t child = launch(&m, "stdout", argv);
  for (int i = 0; i < 2000 && files_in_folder() == before; i++)
    usleep(1000);
  assert_int_equal(files_in_folder(), before + 1);
  kill(child, SIGINT);
  assert_int_equal(finish(child), 130);
  assert_int_equal(files_in_folder(), before);
  script_delay = 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_full_disk),
      cmocka_unit_test(test_reader_that_leaves),
      cmocka_unit_test(test_signals_end_it_tidily),
      cmocka_unit_test(test_interrupted_logits_leave_nothing),
  };
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
