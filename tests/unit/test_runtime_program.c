/* test_runtime_program.c: the command line of a built program, run in a child process with its output in
 * files: what it prints, its exit status, and what it leaves behind. */
#include "program_run.h"

#include <jansson.h>
#include <math.h>

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
      {false, "-q", "over 2 tokens", {"prompt of 3 tokens", "prompt of 1 token "}},
      {false, "--bos", "over 2 tokens", {"prompt of 3 tokens", "prompt of 1 token "}},
      {false,
       "--no-bos",
       "over 1 tokens",
       {"prompt of 2 tokens", "--no-bos leaves BOS out; give a --prompt"}},
      {true, "-q", "over 2 tokens", {"prompt of 2 tokens", "prompt of 1 token "}}, /* a text ends with EOS */
      {true, "--bos", "over 3 tokens", {"prompt of 3 tokens", "prompt of 1 token "}},
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
  assert_non_null(strstr(o.err, "prog: prompt of 1 token "));
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
  unsigned long long weights, peak, past;
  unsigned sequences, barriers, threads;
  struct outcome o =
      RUN(&fake_model, "--bench", "--json", "--bench-tokens", "5", "--bench-prompt", "20", "-j", "2");
  assert_int_equal(o.status, 0);
  assert_int_equal(
      sscanf(o.out,
             "{\"decode_tokens_per_s\": %lf, \"prefill_tokens_per_s\": %lf, "
             "\"batch_tokens_per_s\": %lf, \"batch\": %u, \"barriers_per_token\": %u, "
             "\"weight_bytes_per_token\": %llu, \"peak_bytes\": %llu, \"past_bytes_per_token\": %llu, "
             "\"threads\": %u}",
             &decode, &prefill, &batch, &sequences, &barriers, &weights, &peak, &past, &threads),
      9);
  assert_int_equal(past, 0);
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
      cmocka_unit_test(test_info),
      cmocka_unit_test(test_verify),
      cmocka_unit_test(test_bench),
      cmocka_unit_test(test_help_and_version),
      cmocka_unit_test(test_wrong_options),
      cmocka_unit_test(test_wrong_weights),
  };
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
