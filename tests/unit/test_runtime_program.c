/* test_runtime_program.c: the command line of a built program, run in a child process with its output in
 * files: what it prints, its exit status, and what it leaves behind. */
#include "runtime_fake.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/program.h"

struct outcome {
  char *out, *err;
  size_t out_bytes, err_bytes;
  int status;
};

static void redirect(int fd, const char *path, int flags) {
  int file = open(path, flags, 0666);
  if (file < 0 || dup2(file, fd) < 0)
    _exit(99);
  close(file);
}

static int count_words(const char **argv) {
  int n = 0;
  while (argv[n])
    n++;
  return n;
}

static pid_t launch(const struct tern_model *m, const char *out, const char **argv) {
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child > 0)
    return child;
  signal(SIGINT, SIG_DFL); /* ignored, where the tests run in the background */
  redirect(STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
  redirect(STDERR_FILENO, "stderr", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
  exit(tern_main(m, count_words(argv), (char **)(uintptr_t)argv, NULL));
}

static int finish(pid_t child) {
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static struct outcome run_into(const struct tern_model *m, const char *out, const char **argv) {
  struct outcome o = {.status = finish(launch(m, out, argv))};
  o.err = get_file("stderr", &o.err_bytes);
  if (strncmp(out, "/dev/", 5) != 0)
    o.out = get_file(out, &o.out_bytes);
  return o;
}

/* Words of a command line after the program's name and its weights. */
#define ARGS(...)                                                                                            \
  ((const char *[]){"bin/prog", "--weights-file", "fake.img", __VA_ARGS__ __VA_OPT__(, ) NULL})
#define RUN(model, ...)    run_into(model, "stdout", ARGS(__VA_ARGS__))
#define EXPECT_ERROR(o, s) expect_error(o, s, __LINE__)

static void done(struct outcome o) {
  free(o.out);
  free(o.err);
}

/* Status 1, one line "prog: error: ..." that contains `text`, nothing on standard output. */
static void expect_error(struct outcome o, const char *text, int line) {
  bool right = o.status == 1 && o.out_bytes == 0 && strncmp(o.err, "prog: error: ", 13) == 0 &&
               strstr(o.err, text) && strchr(o.err, '\n') == o.err + o.err_bytes - 1;
  if (!right)
    print_error("line %d: status %d, stdout '%s', stderr '%s', expected '%s'\n", line, o.status, o.out, o.err,
                text);
  assert_true(right);
  done(o);
}

static void expect_output(struct outcome o, const char *text) {
  assert_int_equal(o.status, 0);
  assert_string_equal(o.out, text);
  assert_int_equal(o.out_bytes, strlen(text));
  done(o);
}

/* ---- generation ---- */

static void test_generates_the_script(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "ab d\xe2\x82\xac!";
  script_repeats = false;
  /* BOS and each byte of the prompt take a position; the continuation begins at the next one */
  expect_output(RUN(&m, "-p", "X", "-t", "0"), "Xb d\xe2\x82\xac!");
  expect_output(RUN(&m, "--prompt", "", "--temperature", "0"), "ab d\xe2\x82\xac!");
  expect_output(RUN(&m, "--temperature", "0"), "ab d\xe2\x82\xac!");
  expect_output(RUN(&m, "-p", "X", "-t", "0", "--no-echo", "-n", "3"), "b d");
  expect_output(RUN(&m, "-p", "\xc3\xa9", "-n", "0"), "\xc3\xa9");
  expect_output(RUN(&m, "-t", "0", "-n", "5"), "ab d\xe2"); /* what is left at the end is written */
  expect_output(RUN(&m, "-t", "0.8", "--top-k", "1"), "ab d\xe2\x82\xac!");
  struct outcome o = RUN(&m, "-t", "0", "--ignore-eos", "-n", "20", "--threads", "2");
  assert_int_equal(o.status, 0);
  assert_string_equal(o.out, "ab d\xe2\x82\xac!"); /* EOS goes on being picked, and writes nothing */
  assert_non_null(strstr(o.err, "20 tokens written"));
  assert_non_null(strstr(o.err, "2 threads"));
  done(o);
}

/* What goes around a text: by the checkpoint, by --bos and --no-bos, and behind one that is whole. */
static void test_around_a_text(void **state) {
  static const struct {
    bool no_prefix;
    const char *option;
    const char *scored;  /* of "ab": the tokens that are predicted */
    const char *said[2]; /* of the prompts "ab" and "" */
  } cases[] = {
      {false, "-q", "over 2 tokens", {"prompt of 3 tokens", "prompt of 1 tokens"}},
      {false, "--bos", "over 2 tokens", {"prompt of 3 tokens", "prompt of 1 tokens"}},
      {false,
       "--no-bos",
       "over 1 tokens",
       {"prompt of 2 tokens", "--no-bos leaves BOS out; give a --prompt"}},
      {true, "-q", "over 2 tokens", {"prompt of 2 tokens", "prompt of 1 tokens"}}, /* a text ends with EOS */
      {true, "--bos", "over 3 tokens", {"prompt of 3 tokens", "prompt of 1 tokens"}},
      {true, "--no-bos", "over 2 tokens", {"prompt of 2 tokens", "--no-bos leaves BOS out"}},
  };
  (void)state;
  struct tern_model m = script_model();
  script = "abcdef";
  put_file("two.txt", "ab", 2);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *option = strcmp(cases[i].option, "-q") == 0 ? "--no-special" : cases[i].option;
    no_prefix = cases[i].no_prefix;
    struct outcome o = RUN(&m, "--perplexity", "two.txt", option);
    assert_non_null(strstr(o.out, cases[i].scored));
    done(o);
    for (int k = 0; k < 2; k++) {
      o = RUN(&m, "-p", k ? "" : "ab", "-n", "1", option);
      assert_non_null(strstr(o.err, cases[i].said[k]));
      done(o);
    }
  }
  no_prefix = false;
}

/* Special tokens of a prompt, and a text that ends with any of several. */
static void test_special_tokens(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "a\2c";
  put_file("full.txt", "<full>\n", 7);
  expect_output(RUN(&m, "--tokenize", "full.txt", "--special"), "259\n");
  expect_output(RUN(&m, "--tokenize", "full.txt", "--no-special"), "62 104 119 110 110 64\n");
  expect_output(RUN(&m, "-t", "0", "-q"), "a");
  expect_output(RUN(&m, "-t", "0", "-q", "--ignore-eos", "-n", "3"), "ac");
}

/* SentencePiece puts a blank before the first word, which is not part of the text. */
static void test_blank_before_the_first_word(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "\1\1.";
  expect_output(RUN(&m, "-t", "0"), "the the.");
  expect_output(RUN(&m, "-t", "0", "-p", "a"), "a the.");
  expect_output(RUN(&m, "-t", "0", "-p", "a", "--no-echo"), " the.");
}

static void test_statistics(void **state) {
  (void)state;
  struct outcome o = RUN(&fake_model, "-n", "7", "--ignore-eos", "--seed", "18446744073709551615");
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.err, "prog: prompt of 1 tokens"));
  assert_non_null(strstr(o.err, "7 tokens written"));
  assert_non_null(strstr(o.err, "seed 18446744073709551615"));
  done(o);
  o = RUN(&fake_model, "-n", "7", "--quiet");
  assert_int_equal(o.err_bytes, 0);
  done(o);
}

static char *generated(const char *seed, const char *chunk, const char *threads, size_t *n) {
  struct outcome o = RUN(&fake_model, "-p", "a prompt of more than a chunk", "-n", "60", "--ignore-eos",
                         "--seed", seed, "--chunk", chunk, "--threads", threads, "--top-p", "0.9", "--min-p",
                         "0.01", "--repetition-penalty", "1.2", "--repetition-window", "16");
  assert_int_equal(o.status, 0);
  free(o.err);
  *n = o.out_bytes;
  return o.out;
}

static void test_seed_decides_chunk_and_threads_do_not(void **state) {
  (void)state;
  size_t n[4];
  char *text[4] = {generated("7", "8", "1", &n[0]), generated("7", "1", "1", &n[1]),
                   generated("7", "3", "3", &n[2]), generated("8", "8", "1", &n[3])};
  for (int i = 1; i < 3; i++) {
    assert_int_equal(n[0], n[i]);
    assert_memory_equal(text[0], text[i], n[0]);
  }
  assert_true(n[0] != n[3] || memcmp(text[0], text[3], n[0]) != 0);
  for (int i = 0; i < 4; i++)
    free(text[i]);
}

static void test_prompt_files(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "....xyz";
  put_file("prompt", "a\0b\n", 4);
  struct outcome o = RUN(&m, "--prompt-file", "prompt", "-t", "0");
  assert_int_equal(o.status, 0);
  assert_int_equal(o.out_bytes, 7);
  assert_memory_equal(o.out, "a\0b\nxyz", 7);
  done(o);
  EXPECT_ERROR(RUN(&m, "--prompt-file", "absent"), "absent: cannot read");
  EXPECT_ERROR(RUN(&m, "--prompt-file", "."), "cannot read");
}

/* "-" for a prompt is standard input, as it is for a file. */
static void test_prompt_from_standard_input(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "....xyz";
  put_file("prompt", "a\0b\n", 4);
  for (int i = 0; i < 2; i++) {
    int old = dup(STDIN_FILENO), in = open("prompt", O_RDONLY);
    dup2(in, STDIN_FILENO);
    struct outcome o = i ? RUN(&m, "--prompt", "-", "-t", "0") : RUN(&m, "--prompt-file", "-", "-t", "0");
    dup2(old, STDIN_FILENO);
    close(in);
    close(old);
    assert_int_equal(o.status, 0);
    assert_int_equal(o.out_bytes, 7);
    assert_memory_equal(o.out, "a\0b\nxyz", 7);
    done(o);
  }
}

static void test_generation_as_json(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "....xyz\xff\"";
  put_file("prompt", "a\0b\n", 4);
  struct outcome o = RUN(&m, "--prompt-file", "prompt", "-t", "0", "--json", "--seed", "7");
  assert_int_equal(o.status, 0);
  assert_int_equal(o.err_bytes, 0);
  json_t *all = json_loads(o.out, JSON_ALLOW_NUL, NULL);
  const json_t *text = json_object_get(all, "text");
  assert_int_equal(json_string_length(text), 11);
  assert_memory_equal(json_string_value(text), "a\0b\nxyz\xef\xbf\xbd\"", 11);
  assert_string_equal(json_string_value(json_object_get(all, "stopped_by")), "eos");
  assert_int_equal(json_integer_value(json_object_get(all, "prompt_tokens")), 5);
  assert_int_equal(json_integer_value(json_object_get(all, "tokens")), 5);
  assert_int_equal(json_integer_value(json_object_get(all, "seed")), 7);
  json_decref(all);
  done(o);
  o = RUN(&m, "-t", "0", "--json", "-n", "2", "--no-echo");
  all = json_loads(o.out, 0, NULL);
  assert_string_equal(json_string_value(json_object_get(all, "text")), "..");
  assert_string_equal(json_string_value(json_object_get(all, "stopped_by")), "length");
  json_decref(all);
  done(o);
}

/* Both streams in one file: what is said of the text begins in a line of its own. */
static void test_statistics_begin_a_line(void **state) {
  (void)state;
  struct tern_model m = script_model();
  script = "ab";
  struct outcome o = run_into(&m, "stderr", ARGS("-t", "0")); /* "stderr" takes both */
  assert_int_equal(o.status, 0);
  assert_int_equal(strncmp(o.err, "ab\nprog: prompt of", 18), 0);
  done(o);
}

/* ---- given texts ---- */

static void test_perplexity_of_a_uniform_model(void **state) {
  (void)state;
  static const struct tern_entry entries[] = FAKE_STEP(uniform_step);
  struct tern_model m = step_model(entries);
  put_file("text", "some text\nof two lines", 22);
  expect_output(RUN(&m, "--perplexity", "text"), "perplexity 300.000000 over 22 tokens\n");
  struct outcome o = RUN(&m, "--perplexity", "text", "--json");
  json_t *all = json_loads(o.out, 0, NULL);
  assert_true(fabs(json_number_value(json_object_get(all, "perplexity")) - 300) < 1e-9);
  assert_int_equal(json_integer_value(json_object_get(all, "tokens")), 22);
  assert_int_equal(json_integer_value(json_object_get(all, "bytes")), 22);
  assert_true(fabs(json_number_value(json_object_get(all, "bits_per_byte")) - log2(300)) < 1e-9);
  json_decref(all);
  done(o);
  put_file("empty", "", 0);
  EXPECT_ERROR(RUN(&m, "--perplexity", "empty"), "no token to predict");
}

static void test_perplexity_does_not_depend_on_the_chunk(void **state) {
  (void)state;
  put_file("text", "some text\nof two lines", 22);
  struct outcome a = RUN(&fake_model, "--perplexity", "text"), b;
  assert_int_equal(a.status, 0);
  for (int chunk = 1; chunk < 8; chunk += 2) {
    char number[12];
    snprintf(number, sizeof number, "%d", chunk);
    b = RUN(&fake_model, "--perplexity", "text", "--chunk", number, "--threads", "2");
    assert_string_equal(a.out, b.out);
    done(b);
  }
  done(a);
}

/* The definition, from the logits of one step after another. */
static void test_perplexity_by_its_definition(void **state) {
  (void)state;
  static const char text[] = "which bytes?";
  struct image im;
  struct session s;
  struct failure f;
  char error[256], expected[100];
  double sum = 0;
  uint32_t n = sizeof text - 1, last = BOS;
  assert_true(image_open(&im, "fake.img", error, sizeof error));
  assert_true(session_open(&s, &fake_model, &im, 1, 1, &f));
  for (uint32_t i = 0; i < n; i++) {
    double all = 0;
    assert_true(session_step(&s, last, &f));
    last = BYTE + (unsigned char)text[i];
    for (int v = 0; v < VOCAB; v++)
      all += exp(s.logits[v]);
    sum += log(all) - s.logits[last];
  }
  session_close(&s);
  image_close(&im);
  put_file("text", text, n);
  snprintf(expected, sizeof expected, "perplexity %.6f over %u tokens\n", exp(sum / n), n);
  expect_output(RUN(&fake_model, "--perplexity", "text"), expected);
}

static void test_tokenize(void **state) {
  (void)state;
  put_file("text", "AB\n\n C\nD", 8);
  expect_output(RUN(&fake_model, "--tokenize", "text"), "67 68\n\n34 69\n70\n");
  put_file("empty", "", 0);
  expect_output(RUN(&fake_model, "--tokenize", "empty"), "");
}

static void test_logits(void **state) {
  (void)state;
  struct image im;
  struct session s;
  struct failure f;
  char error[256];
  uint32_t ids[20];
  char text[200] = " ";
  for (uint32_t i = 0; i < 20; i++)
    sprintf(text + strlen(text), i % 3 ? "%u " : "%u\n\t", ids[i] = i * 15);
  put_file("ids", text, strlen(text));
  done(RUN(&fake_model, "--tokens", "ids", "--logits", "a"));
  done(RUN(&fake_model, "--tokens", "ids", "--logits", "b", "--chunk", "1", "--threads", "3"));
  struct outcome direct = RUN(&fake_model, "--tokens", "ids", "--logits", "-");
  size_t n, m;
  char *a = get_file("a", &n), *b = get_file("b", &m);
  assert_int_equal(n, 20 * VOCAB * 4);
  assert_int_equal(m, n);
  assert_int_equal(direct.out_bytes, n);
  assert_memory_equal(a, b, n);
  assert_memory_equal(a, direct.out, n);
  assert_true(image_open(&im, "fake.img", error, sizeof error));
  assert_true(session_open(&s, &fake_model, &im, 1, 1, &f));
  for (uint32_t i = 0; i < 20; i++) {
    assert_true(session_step(&s, ids[i], &f));
    assert_memory_equal(a + i * VOCAB * 4, s.logits, VOCAB * 4);
  }
  session_close(&s);
  image_close(&im);
  done(direct);
  free(a);
  free(b);
}

/* As integers they are what the model gave; as floats, for all other uses, those times 2^-10. */
static void test_integer_logits(void **state) {
  (void)state;
  const struct tern_model fixed = fixed_model();
  put_file("ids", "7 3 3 250", 9);
  put_file("text", "any text", 8);
  done(RUN(&fixed, "--tokens", "ids", "--logits-raw", "raw"));
  done(RUN(&fixed, "--tokens", "ids", "--logits", "floats", "--threads", "2"));
  done(RUN(&fake_model, "--tokens", "ids", "--logits", "exact"));
  size_t n, m, k;
  char *raw = get_file("raw", &n), *floats = get_file("floats", &m), *exact = get_file("exact", &k);
  assert_int_equal(n, 4 * VOCAB * 4);
  assert_int_equal(m, n);
  assert_int_equal(k, n);
  for (size_t i = 0; i < 4 * VOCAB; i++) {
    int32_t x = ((int32_t *)(void *)raw)[i];
    assert_true(x == (int32_t)(((float *)(void *)exact)[i] * 1024));
    assert_true(((float *)(void *)floats)[i] == (float)x / 1024);
  }
  free(raw);
  free(floats);
  free(exact);
  done(RUN(&fixed, "--perplexity", "text"));
  done(RUN(&fixed, "-n", "5", "--temperature", "0"));
  EXPECT_ERROR(RUN(&fake_model, "--tokens", "ids", "--logits-raw", "new"), "are float32");
  EXPECT_ERROR(RUN(&fixed, "--tokens", "ids", "--logits-raw", "a", "--logits", "b"), "give one of them");
}

static int files_in_folder(void) {
  DIR *d = opendir(".");
  int n = 0;
  while (readdir(d))
    n++;
  closedir(d);
  return n;
}

static void test_errors_leave_no_files(void **state) {
  (void)state;
  put_file("ids", "1 2 3", 5);
  put_file("stdout", "", 0);
  put_file("stderr", "", 0);
  int before = files_in_folder();
  static const struct {
    const char *text;
    const char *error;
  } bad[] = {{"1 2 300", "token 2"}, {"1 -2", "token 1"},
             {"", "no token ids"},   {"7 8 99999999999999999999999", "token 2"},
             {"x", "token 0"},       {"1 2x 3", "token 1"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    put_file("ids", bad[i].text, strlen(bad[i].text));
    EXPECT_ERROR(RUN(&fake_model, "--tokens", "ids", "--logits", "new"), bad[i].error);
  }
  put_file("ids", "1 2 3", 5);
  EXPECT_ERROR(RUN(&fake_model, "--tokens", "ids", "--logits", "/dev/full"), "No space left");
  EXPECT_ERROR(RUN(&fake_model, "--tokens", "ids", "--logits", "absent/new"), "cannot write");
  EXPECT_ERROR(RUN(&fake_model, "--tokens", "ids", "--logits", "."), "cannot write");
  assert_int_equal(files_in_folder(), before);
}

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

/* ---- descriptions ---- */

static void test_verify(void **state) {
  (void)state;
  struct outcome o = RUN(&fake_model, "--verify");
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.out, "4160 bytes of weights have the checksums"));
  done(o);
  const char *damaged[] = {"prog", "--verify", "-w", "damaged.img", NULL};
  uint8_t *bytes = fake_image();
  bytes[IMAGE_PAGE + 99] ^= 16;
  put_file("damaged.img", bytes, fake_image_bytes());
  EXPECT_ERROR(run_into(&fake_model, "stdout", damaged), "damaged.img: damaged: 'layers.0.fake'");
  free(bytes);
}

static void test_info(void **state) {
  (void)state;
  struct outcome o = RUN(&fake_model, "--info", "--json");
  assert_int_equal(o.status, 0);
  static const char *const parts[] = {
      "{\"model\": \"fake\"",
      "\"target\": \"x86_64-linux, \\\"generic\\\"\"",
      "\"weight_bytes\": 4096",
      "\"state_bytes\": 36",
      "\"image_bytes\": 8192",
      "\"compiler\": \"ternc 0.1.0\", \"checksums\": [{\"name\": \"tokenizer\", \"bytes\": 64",
      "\"dimensions\": \"vocab=300 words=8\""};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    assert_non_null(strstr(o.out, parts[i]));
  done(o);
  const char *bare[] = {"prog", "--info", NULL}; /* no weights at hand */
  o = run_into(&fake_model, "stdout", bare);
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.out, "vocabulary         300\n"));
  done(o);
}

static void test_bench(void **state) {
  (void)state;
  double decode, prefill, batch;
  unsigned long long weights, peak;
  unsigned sequences, barriers, threads;
  struct outcome o =
      RUN(&fake_model, "--bench", "--json", "--bench-tokens", "5", "--bench-prompt", "20", "-j", "2");
  assert_int_equal(o.status, 0);
  assert_int_equal(sscanf(o.out,
                          "{\"decode_tokens_per_s\": %lf, \"prefill_tokens_per_s\": %lf, "
                          "\"batch_tokens_per_s\": %lf, \"batch\": %u, \"barriers_per_token\": %u, "
                          "\"weight_bytes_per_token\": %llu, \"peak_bytes\": %llu, \"threads\": %u}",
                          &decode, &prefill, &batch, &sequences, &barriers, &weights, &peak, &threads),
                   8);
  assert_true(decode > 0 && prefill > 0 && batch > 0 && peak > 100000);
  assert_int_equal(sequences, SEQUENCES);
  assert_int_equal(barriers, 3);
  assert_int_equal(weights, WORDS);
  assert_int_equal(threads, 2);
  done(o);
  o = RUN(&fake_model, "--bench", "--bench-tokens", "2", "--bench-prompt", "2", "--bench-batch", "7");
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.out, "tokens/s, 7 sequences together\n"));
  assert_non_null(strstr(o.out, "barriers               3/token\n"));
  done(o);
  struct tern_model plain = fake_model;
  plain.n_entries = 2; /* all but batch */
  o = RUN(&plain, "--bench", "--bench-tokens", "2", "--bench-prompt", "2");
  assert_int_equal(o.status, 0);
  assert_null(strstr(o.out, "together"));
  done(o);
}

/* ---- profiles ---- */

enum { LAYERS = 3 };

static void trace(const struct tern_args *a, uint32_t thread, uint32_t kernel) {
  if (a->trace)
    a->trace(a->tracer, thread, kernel);
}

/* One kernel that does the work, and one as often as there are layers. */
static void profiled(tern_run *form, const struct tern_args *a, uint32_t thread, uint32_t threads,
                     uint32_t first) {
  trace(a, thread, first);
  form(a, thread, threads);
  trace(a, thread, UINT32_MAX);
  for (int i = 0; i < LAYERS; i++) {
    trace(a, thread, first + 1);
    trace(a, thread, UINT32_MAX);
  }
}

static void profiled_step(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  profiled(fake_step, a, thread, threads, 0);
}

static void profiled_prefill(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  profiled(fake_prefill, a, thread, threads, 2);
}

static void profiled_batch(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  profiled(fake_batch, a, thread, threads, 4);
}

static struct tern_model profiled_model(void) {
  enum { STEP, PREFILL, BATCH };
  static const struct tern_entry entries[] = FAKE_FORMS(profiled_step, profiled_prefill, profiled_batch);
  static const struct tern_kernel_info kernels[] = {
      {"step_sum", NULL, "a \"b\".tern", 7, STEP, 1000},
      {"step.k1", NULL, "a \"b\".tern", 7, STEP, 24},
      {"prefill_sum", NULL, "a \"b\".tern", 7, PREFILL, 1000},
      {"prefill.k1", NULL, "a \"b\".tern", 8, PREFILL, 0},
      {"batch_sum", NULL, "a \"b\".tern", 7, BATCH, 1000},
      {"batch.k1", NULL, "", 0, BATCH, 0},
      {"batch.never", NULL, "", 0, BATCH, 0},
  };
  struct tern_model m = fake_model;
  m.entries = entries;
  m.kernels = kernels;
  m.n_kernels = sizeof kernels / sizeof *kernels;
  return m;
}

/* The calls and bytes that the line of a kernel tells. */
static void expect_kernel(const char *table, const char *form, const char *kernel, unsigned long long calls,
                          unsigned long long bytes) {
  const char *at = strstr(table, kernel);
  if (!at)
    fail_msg("no %s in '%s'", kernel, table);
  while (at > table && at[-1] != '\n')
    at--;
  double share, call, slowest, rate;
  unsigned long long got_calls, got_bytes;
  char got_form[16], got_kernel[32];
  assert_int_equal(sscanf(at, "%lf%% %lf %lf %llu %llu %lf %15s %31s", &share, &call, &slowest, &got_calls,
                          &got_bytes, &rate, got_form, got_kernel),
                   8);
  assert_int_equal(got_calls, calls);
  assert_int_equal(got_bytes, bytes);
  assert_string_equal(got_form, form);
  assert_string_equal(got_kernel, kernel);
  assert_true(share >= 0 && share <= 100 && call >= 0 && slowest >= call);
}

static void test_profile_of_tokens(void **state) {
  (void)state;
  struct tern_model m = profiled_model();
  put_file("ids", "5 6 7 8 9 10 11", 15);
  struct outcome o = RUN(&m, "--tokens", "ids", "--logits", "-"), profile;
  profile = RUN(&m, "--tokens", "ids", "--logits", "-", "--profile", "--chunk", "3", "-j", "2");
  assert_int_equal(profile.status, 0); /* 7 tokens: two prefills and a step */
  assert_int_equal(o.out_bytes, profile.out_bytes);
  assert_memory_equal(o.out, profile.out, o.out_bytes);
  assert_int_equal(o.err_bytes, 0);
  expect_kernel(profile.err, "step", "step_sum", 1, 1000);
  expect_kernel(profile.err, "step", "step.k1", LAYERS, 24);
  expect_kernel(profile.err, "prefill", "prefill_sum", 2, 1000);
  expect_kernel(profile.err, "prefill", "prefill.k1", 2 * LAYERS, 0);
  assert_non_null(strstr(profile.err, "step_sum  a \"b\".tern:7\n"));
  assert_non_null(strstr(profile.err, "prefill  a \"b\".tern:8\n"));
  assert_non_null(strstr(profile.err, " in step: 1 tokens in 1 calls, 2 threads\n"));
  assert_non_null(strstr(profile.err, " in prefill: 6 tokens in 2 calls, 2 threads\n"));
  assert_null(strstr(profile.err, "batch"));
  done(o);
  done(profile);
}

static void test_profile_of_other_modes(void **state) {
  (void)state;
  struct tern_model m = profiled_model();
  struct outcome o = RUN(&m, "-n", "5", "--ignore-eos", "--profile", "--quiet");
  assert_int_equal(o.status, 0);
  expect_kernel(o.err, "step", "step_sum", 5, 1000); /* BOS, and all tokens but the last */
  done(o);
  put_file("text", "sixteen letters.", 16);
  o = RUN(&m, "--perplexity", "text", "--profile");
  assert_int_equal(o.status, 0);
  expect_kernel(o.err, "prefill", "prefill_sum", 2, 1000);
  done(o);
  o = RUN(&m, "--bench", "--bench-tokens", "3", "--bench-prompt", "2", "--profile");
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.err, "batch_sum  a \"b\".tern:7\n"));
  assert_non_null(strstr(o.err, "batch    (none)\n"));
  done(o);
  o = RUN(&m, "--help", "--profile");
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.out, "--profile"));
  done(o);
  EXPECT_ERROR(RUN(&fake_model, "-n", "3", "--profile"), "model fake has no kernels");
}

static double number_of(const json_t *o, const char *key) {
  const json_t *value = json_object_get(o, key);
  assert_true(json_is_number(value));
  return json_number_value(value);
}

static double sum_of(const json_t *rows, const char *key) {
  double sum = 0;
  assert_true(json_is_array(rows));
  for (size_t i = 0; i < json_array_size(rows); i++)
    sum += number_of(json_array_get(rows, i), key);
  return sum;
}

static void test_profile_as_json(void **state) {
  (void)state;
  enum { ROUNDS = 3 + 1 }; /* at least; one warms up */
  struct tern_model m = profiled_model();
  struct outcome o = RUN(&m, "--bench", "--json", "--profile", "--bench-tokens", "6", "--bench-prompt", "24",
                         "--bench-batch", "4", "-j", "2");
  assert_int_equal(o.status, 0);
  assert_int_equal(o.err_bytes, 0);
  json_t *all = json_loads(o.out, 0, NULL), *profile = json_object_get(all, "profile");
  assert_non_null(profile);
  const json_t *kernels = json_object_get(profile, "kernels"), *lines = json_object_get(profile, "lines"),
               *forms = json_object_get(profile, "forms");
  assert_true(number_of(profile, "threads") == 2);
  assert_int_equal(json_array_size(kernels), 6);
  assert_int_equal(json_array_size(lines), 5); /* step's two are one */
  assert_int_equal(json_array_size(forms), 3);
  for (size_t i = 0; i < 3; i++) {
    const json_t *form = json_array_get(forms, i);
    double calls = number_of(form, "calls"), tokens = number_of(form, "tokens");
    assert_true(calls >= ROUNDS * (i == 1 ? 3 : 6));
    assert_true(tokens == calls * (i == 0 ? 1 : i == 1 ? CHUNK : SEQUENCES));
    assert_true(number_of(form, "waiting_ms") <= number_of(form, "ms"));
  }
  assert_true(sum_of(kernels, "calls") == (1 + LAYERS) * sum_of(forms, "calls"));
  assert_true(sum_of(lines, "calls") == sum_of(kernels, "calls"));
  assert_true(sum_of(lines, "weight_bytes") == sum_of(kernels, "weight_bytes"));
  assert_true(fabs(sum_of(kernels, "share") + sum_of(forms, "waiting_share") - 1) < 1e-4);
  assert_true(fabs(sum_of(lines, "share") + sum_of(forms, "waiting_share") - 1) < 1e-4);
  for (size_t i = 1; i < json_array_size(kernels); i++)
    assert_true(number_of(json_array_get(kernels, i), "ms") <=
                number_of(json_array_get(kernels, i - 1), "ms"));
  assert_string_equal(json_string_value(json_object_get(json_array_get(kernels, 0), "file")), "a \"b\".tern");
  json_decref(all);
  done(o);
}

static void test_help_and_version(void **state) {
  (void)state;
  struct outcome o = RUN(&fake_model, "--help");
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.out, "--repetition-penalty X"));
  done(o);
  expect_output(RUN(&fake_model, "--version"),
                "prog: model fake, compiled by ternc 0.1.0 for x86_64-linux, \"generic\"\n");
}

/* ---- wrong command lines and damaged weights ---- */

static void test_wrong_options(void **state) {
  (void)state;
  static const struct {
    const char *words[5];
    const char *error;
  } wrong[] = {
      {{"--nonsense"}, "unknown or ambiguous option --nonsense; --help"},
      {{"--promt", "x"}, "unknown option --promt; did you mean --prompt?"},
      {{"--top-q=1"}, "unknown option --top-q=1; did you mean --top-"},
      {{"-Z"}, "-Z"},
      {{"hello"}, "'hello'"},
      {{"--prompt"}, "--prompt needs an argument"},
      {{"-n"}, "--length needs an argument"},
      {{"--bench=3"}, "--bench takes no argument"},
      {{"-n", "many"}, "many"},
      {{"-n", "-1"}, "-1"},
      {{"-n", "1.5"}, "1.5"},
      {{"-n", ""}, "whole number"},
      {{"-n", "99999999999999999999"}, "whole number"},
      {{"--seed", "18446744073709551616"}, "from 0 to 18446744073709551615"},
      {{"--temperature", "-1"}, "--temperature -1"},
      {{"--temperature", "nan"}, "nan"},
      {{"--temperature", "hot"}, "hot"},
      {{"--top-p", "0"}, "--top-p 0"},
      {{"--top-p", "1.1"}, "to 1"},
      {{"--min-p", "2"}, "--min-p 2"},
      {{"--repetition-penalty", "0"}, "--repetition-penalty 0"},
      {{"--threads", "0"}, "from 1 to 256"},
      {{"--threads", "1000"}, "from 1 to 256"},
      {{"--chunk", "0"}, "--chunk 0"},
      {{"--chunk", "9"}, "at most 8"},
      {{"--prompt", "a", "--prompt-file", "b"}, "give one of them"},
      {{"--bench", "--info"}, "give one of them"},
      {{"--perplexity", "a", "--tokenize", "b"}, "give one of them"},
      {{"--tokens", "a"}, "--logits OUT"},
      {{"--logits", "a"}, "--logits needs --tokens FILE"},
      {{"--logits-raw", "a"}, "--logits-raw needs --tokens FILE"},
      {{"--info", "--profile"}, "--profile has no meaning"},
      {{"--tokenize", "a", "--json"}, "--json has no meaning"},
      {{"--bench", "--top-k", "4"}, "--top-k has no meaning"},
      {{"--info", "--prompt", "x"}, "--prompt has no meaning"},
      {{"--special", "--no-special"}, "--special and --no-special exclude each other"},
      {{"--no-bos", "--bos"}, "--bos and --no-bos exclude each other"},
      {{"--tokenize", "a", "--no-bos"}, "--no-bos has no meaning"},
      {{"--bench-tokens", "4"}, "--bench-tokens has no meaning"},
      {{"--tokenize", "a", "--chunk", "1"}, "--chunk has no meaning"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *argv[9] = {"prog", "--weights-file", "fake.img"};
    memcpy(argv + 3, wrong[i].words, sizeof wrong[i].words);
    EXPECT_ERROR(run_into(&fake_model, "stdout", argv), wrong[i].error);
  }
}

static void test_wrong_weights(void **state) {
  (void)state;
  const char *none[] = {"prog", NULL}, *absent[] = {"prog", "-w", "absent.img", NULL},
             *damaged[] = {"prog", "-w", "damaged.img", NULL}, *silent[] = {"prog", "-w", "silent.img", NULL};
  EXPECT_ERROR(run_into(&fake_model, "stdout", none), "--weights-file FILE");
  EXPECT_ERROR(run_into(&fake_model, "stdout", absent), "absent.img");
  uint8_t *bytes = fake_image();
  put_file("damaged.img", bytes, fake_image_bytes() - 1);
  EXPECT_ERROR(run_into(&fake_model, "stdout", damaged), "damaged");
  bytes[TOKENIZER_AT] = 'x';
  fake_pack(bytes);
  put_file("damaged.img", bytes, fake_image_bytes());
  EXPECT_ERROR(run_into(&fake_model, "stdout", damaged),
               "the tokenizer in the weights is damaged: no FAKETOK");
  memset(bytes + offsetof(struct image_header, tokenizer_bytes), 0, 8);
  fake_seal(bytes);
  put_file("silent.img", bytes, fake_image_bytes());
  EXPECT_ERROR(run_into(&fake_model, "stdout", silent), "without a tokenizer");
  struct tern_model other = fake_model;
  other.layout = 1;
  EXPECT_ERROR(RUN(&other, "-n", "3"), "do not belong to model fake");
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_generates_the_script),
      cmocka_unit_test(test_around_a_text),
      cmocka_unit_test(test_special_tokens),
      cmocka_unit_test(test_blank_before_the_first_word),
      cmocka_unit_test(test_statistics),
      cmocka_unit_test(test_seed_decides_chunk_and_threads_do_not),
      cmocka_unit_test(test_prompt_files),
      cmocka_unit_test(test_prompt_from_standard_input),
      cmocka_unit_test(test_generation_as_json),
      cmocka_unit_test(test_statistics_begin_a_line),
      cmocka_unit_test(test_perplexity_of_a_uniform_model),
      cmocka_unit_test(test_perplexity_does_not_depend_on_the_chunk),
      cmocka_unit_test(test_perplexity_by_its_definition),
      cmocka_unit_test(test_tokenize),
      cmocka_unit_test(test_logits),
      cmocka_unit_test(test_integer_logits),
      cmocka_unit_test(test_errors_leave_no_files),
      cmocka_unit_test(test_full_disk),
      cmocka_unit_test(test_reader_that_leaves),
      cmocka_unit_test(test_signals_end_it_tidily),
      cmocka_unit_test(test_interrupted_logits_leave_nothing),
      cmocka_unit_test(test_info),
      cmocka_unit_test(test_verify),
      cmocka_unit_test(test_bench),
      cmocka_unit_test(test_profile_of_tokens),
      cmocka_unit_test(test_profile_of_other_modes),
      cmocka_unit_test(test_profile_as_json),
      cmocka_unit_test(test_help_and_version),
      cmocka_unit_test(test_wrong_options),
      cmocka_unit_test(test_wrong_weights),
  };
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
