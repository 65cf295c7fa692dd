/* test_language.c: the front end from the outside: config.json and --set, imports, what the examples become,
 * and texts that no one should have written: random ones, damaged ones, endless ones. Messages have golden
 * tests in tests/language. */
#include "frontend/language/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* One compilation: its messages collected, its file in a folder of its own. */
struct trial {
  struct arena arena;
  struct diag diag;
  char folder[64], *messages;
  size_t length;
};

static void begin(struct trial *t) {
  *t = (struct trial){0};
  strcpy(t->folder, "/tmp/tern-language-XXXXXX");
  assert_non_null(mkdtemp(t->folder));
  t->diag.out = open_memstream(&t->messages, &t->length);
}

static const char *place(struct trial *t, const char *name) {
  return arena_printf(&t->arena, "%s/%s", t->folder, name);
}

static void put(struct trial *t, const char *name, const char *text, size_t length) {
  FILE *f = fopen(place(t, name), "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, length, f), length);
  fclose(f);
}

static struct module *compile(struct trial *t, const char *text, const struct spec_options *options) {
  put(t, "a.tern", text, strlen(text));
  struct module *m = spec_compile(&t->arena, &t->diag, place(t, "a.tern"), options);
  fflush(t->diag.out);
  assert_int_equal(m == NULL, t->diag.errors > 0);
  return m;
}

static void finish(struct trial *t) {
  fclose(t->diag.out);
  free(t->messages);
  unlink(place(t, "a.tern"));
  unlink(place(t, "b.tern"));
  unlink(place(t, "c.tern"));
  rmdir(t->folder);
  diag_free(&t->diag);
  arena_free(&t->arena);
}

static double param(const struct module *m, const char *name) {
  for (int i = 0; i < m->params.n; i++)
    if (strcmp(m->params.at[i].name, name) == 0)
      return m->params.at[i].value;
  fail_msg("no param %s", name);
  return 0;
}

static const char model[] =
    "param n = config(\"size\", 4), k = config(\"ratio\", n / 2), bad = config(\"bad\", 1)\n"
    "model m(token: u32) -> f32[8] {\n"
    "  weight e : f32[8, n]\n"
    "  return e @ e[token]\n"
    "}\n";

/* ---- config.json and --set --------------------------------------------------------------------------- */

static int find(void *self, const char *key, struct config_value *value) {
  struct trial *t = self;
  if (strcmp(key, "size") == 0)
    *value = (struct config_value){.kind = CONFIG_NUMBER, .number = 6};
  else if (strcmp(key, "bad") == 0 && t) {
    diag_error(&t->diag, "config.json: bad is no number");
    return -1;
  } else
    return 0;
  return 1;
}

static void config_gives_defaults(void **state) {
  (void)state;
  struct trial t;
  begin(&t);
  struct config_source source = {.self = NULL, .there = true, .find = find};
  struct module *m = compile(&t, model, &(struct spec_options){.config = &source});
  assert_true(m && param(m, "n") == 6 && param(m, "k") == 3 && param(m, "bad") == 1);
  assert_int_equal(m->weights->type.dim[1], 6);
  finish(&t);
}

static void settings_win(void **state) {
  (void)state;
  struct trial t;
  begin(&t);
  struct config_source source = {.self = &t, .there = true, .find = find};
  struct spec_setting settings[] = {{"n", 2, NULL}, {"bad", 5, NULL}, {"n", 10, NULL}};
  struct module *m =
      compile(&t, model, &(struct spec_options){.config = &source, .settings = settings, .n_settings = 3});
  assert_true(m && param(m, "n") == 10 && param(m, "k") == 5 && param(m, "bad") == 5);
  finish(&t);
}

static void config_errors_end_it(void **state) {
  (void)state;
  struct trial t;
  begin(&t);
  struct config_source source = {.self = &t, .there = true, .find = find};
  assert_null(compile(&t, model, &(struct spec_options){.config = &source}));
  assert_int_equal(t.diag.errors, 1);
  assert_non_null(strstr(t.messages, "note: 'bad' of config.json is read here"));
  finish(&t);
}

/* ---- imports ----------------------------------------------------------------------------------------- */

static void a_file_is_read_once(void **state) {
  (void)state;
  static const char b[] = "import \"c.tern\"\nblock f(x: f32[n]) -> f32[n] {\n  return g(x) * two\n}\n";
  static const char c[] = "param two = 2\nblock g(x: f32[n]) -> f32[n] {\n  return x + two\n}\n";
  struct trial t;
  begin(&t);
  put(&t, "b.tern", b, strlen(b));
  put(&t, "c.tern", c, strlen(c));
  struct module *m =
      compile(&t,
              "import \"c.tern\"\nimport \"b.tern\"\nimport \"./b.tern\"\nparam four = two * two\n"
              "model m(token: u32) -> f32[four] {\n  weight e : f32[9, four]\n"
              "  return f(g(e[token]))\n}\n",
              NULL);
  assert_non_null(m);
  assert_int_equal(m->params.n, 2);
  assert_int_equal(t.diag.sources.n, 3);
  assert_string_equal(m->spec, "a.tern");
  finish(&t);
}

/* ---- the examples ------------------------------------------------------------------------------------ */

static const char *const examples[] = {"mmfree/mmfree.tern",   "mmfree/paper.tern", "mingru/mingru.tern",
                                       "hgrn2/hgrn2.tern",     "blocks/tour.tern",  "qwen3_5/qwen3_5.tern",
                                       "mixtral/mixtral.tern", "rwkv7/rwkv7.tern",  "xlstm/blocks.tern"};
enum { EXAMPLES = sizeof examples / sizeof *examples };

static char *text_of(const struct module *m) {
  char *text;
  size_t length;
  FILE *f = open_memstream(&text, &length);
  ir_print(m, f);
  fclose(f);
  return text;
}

/* Compiled without a warning, to IR that reads back as it was printed. */
static void examples_round_trip(void **state) {
  (void)state;
  for (int i = 0; i < EXAMPLES; i++) {
    struct trial t;
    begin(&t);
    const char *path = arena_printf(&t.arena, "%s/examples/%s", TERN_SOURCE, examples[i]);
    struct module *m = spec_compile(&t.arena, &t.diag, path, &(struct spec_options){.library = TERN_SOURCE});
    assert_non_null(m);
    assert_int_equal(t.diag.errors + t.diag.warnings, 0);
    char *text = text_of(m);
    uint16_t file = diag_add_source(&t.diag, "printed", text, strlen(text));
    struct module *again = ir_parse(&t.arena, &t.diag, file);
    assert_non_null(again);
    char *second = text_of(again);
    assert_string_equal(text, second);
    free(second);
    free(text);
    finish(&t);
  }
}

/* The model that docs/language.md begins with: the first lines indented by four blanks. */
static void the_reference_compiles(void **state) {
  (void)state;
  struct trial t;
  begin(&t);
  FILE *f = fopen(TERN_SOURCE "/docs/language.md", "r");
  assert_non_null(f);
  char line[256];
  const char *text = "";
  while (fgets(line, sizeof line, f) && strncmp(line, "## ", 3) != 0)
    if (strncmp(line, "    ", 4) == 0)
      text = arena_printf(&t.arena, "%s%s", text, line + 4);
  fclose(f);
  const struct module *m = compile(&t, text, NULL);
  if (!m || t.diag.warnings)
    fail_msg("%s", t.messages);
  finish(&t);
}

/* The number of tensors and of parameters that the published checkpoints have. */
static void mmfree_is_the_published_model(void **state) {
  (void)state;
  static const struct {
    double hidden, layers;
    int64_t tensors, parameters;
  } sizes[] = {{1024, 24, 365, 374108160}, {2048, 24, 365, 1364779008}, {2560, 32, 485, 2702357504}};
  for (int i = 0; i < 3; i++) {
    struct trial t;
    begin(&t);
    struct spec_setting settings[] = {{"hidden", sizes[i].hidden, NULL}, {"layers", sizes[i].layers, NULL}};
    struct module *m =
        spec_compile(&t.arena, &t.diag, arena_printf(&t.arena, "%s/examples/mmfree/mmfree.tern", TERN_SOURCE),
                     &(struct spec_options){.settings = settings, .n_settings = 2});
    assert_non_null(m);
    int64_t tensors = 0, parameters = 0;
    for (const struct weight *w = m->weights; w; w = w->next) {
      tensors += weight_instances(w);
      parameters += weight_instances(w) * type_count(w->type, NULL);
    }
    assert_int_equal(tensors, sizes[i].tensors);
    assert_int_equal(parameters, sizes[i].parameters);
    finish(&t);
  }
}

/* ---- texts that end in diagnostics ------------------------------------------------------------------- */

static void refuse(const char *text, size_t length, const char *message) {
  struct trial t;
  begin(&t);
  put(&t, "a.tern", text, length);
  assert_null(spec_compile(&t.arena, &t.diag, place(&t, "a.tern"), NULL));
  fflush(t.diag.out);
  assert_true(t.diag.errors > 0);
  if (message && !strstr(t.messages, message))
    fail_msg("'%s' is not in: %s", message, t.messages);
  finish(&t);
}

static char *repeated(const char *head, const char *part, int n, const char *tail) {
  size_t k = strlen(part), h = strlen(head);
  char *text = malloc(h + k * (size_t)n + strlen(tail) + 1), *p = text + h;
  assert_non_null(text);
  strcpy(text, head);
  for (int i = 0; i < n; i++, p += k)
    memcpy(p, part, k);
  strcpy(p, tail);
  return text;
}

static void endless_texts_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *head, *part, *tail, *message;
  } texts[] = {
      {"param a = ", "(", "", "nested too deeply"},
      {"param a = ", "-", "1", "nested too deeply"},
      {"param a = 1", " + 1", "\n", "nests more than 256 deep"},
      {"param a = x", "[0]", "\n", "nests more than 256 deep"},
      {"param a = 1", " ? 1 : 1", "\n", "nested too deeply"},
      {"block b(x: f32) -> f32 {\n", "repeat l in 2 {\n", "", "braces are open"},
      {"", "}", "", "found '}'"},
      {"param a = ", "9", "\n", "too large"},
      {"param ", "x", " = 1\n", "there is no model"},
      {"", "/*", "", "never closed"},
      {"import \"", "../", "\"\n", "cannot read"},
      {"", "?\n", "", "expected"},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char *text = repeated(texts[i].head, texts[i].part, 70000, texts[i].tail);
    refuse(text, strlen(text), texts[i].message);
    free(text);
  }
}

static void odd_bytes_are_refused(void **state) {
  (void)state;
  refuse("param a = 1\0\0\n", 14, "control character");
  refuse("param a = \xff\xfe\n", 13, "0xff");
  refuse("// \xff\xfe\nparam \x01 = 1\n", 18, "control character");
  refuse("", 0, "there is no model");
  refuse("/", 1, "expected");
}

/* A chain of blocks, each using the next, and each twice: deep, and exponentially many. */
static void growing_models_are_refused(void **state) {
  (void)state;
  for (int twice = 0; twice < 2; twice++) {
    struct trial t;
    begin(&t);
    const char *text = "block b0(x: f32[n]) -> f32[n] {\n  return x\n}\n";
    for (int i = 1; i < 80; i++)
      text = arena_printf(&t.arena, "%sblock b%d(x: f32[n]) -> f32[n] {\n  use p, q: b%d\n  return %s\n}\n",
                          text, i, i - 1, twice ? "p(x) + q(x)" : "p(x)");
    int top = twice ? 40 : 79;
    text = arena_printf(&t.arena,
                        "%smodel m(token: u32) -> f32[8] {\n  weight e : f32[8, 8]\n  use b: b%d\n"
                        "  return b(e[token])\n}\n",
                        text, top);
    assert_null(compile(&t, text, NULL));
    assert_non_null(strstr(t.messages, twice ? "made of more than" : "nest more than 64 deep"));
    finish(&t);
  }
}

static uint32_t next(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

static char *file_text(struct trial *t, const char *name, size_t *length) {
  FILE *f = fopen(arena_printf(&t->arena, "%s/examples/%s", TERN_SOURCE, name), "rb");
  assert_non_null(f);
  char *text = arena_alloc(&t->arena, 1 << 14);
  *length = fread(text, 1, 1 << 13, f);
  fclose(f);
  return text;
}

/* Swaps, drops, doubles or overwrites a few bytes. */
static size_t damage(char *text, size_t n, uint32_t *seed) {
  static const char bytes[] = "()[]{}:,.=@+-*/ \n;x1\"\xff";
  for (uint32_t k = 1 + next(seed) % 4; k > 0; k--) {
    size_t at = next(seed) % n, run = 1 + next(seed) % 12;
    run = at + run > n ? n - at : run;
    switch (next(seed) % 3) {
    case 0: text[at] = bytes[next(seed) % (sizeof bytes - 1)]; break;
    case 1: memmove(text + at, text + at + run, n - at - run), n -= run; break;
    default: memmove(text + at + run, text + at, n - at), n += run; break;
    }
    if (n == 0)
      text[n++] = '\n';
  }
  return n;
}

/* A damaged spec compiles or is refused with a message; either way nothing crashes and nothing leaks. */
static void damaged_texts_do_no_harm(void **state) {
  (void)state;
  uint32_t seed = 7;
  for (int i = 0; i < 600; i++) {
    uint32_t start = seed;
    struct trial t;
    begin(&t);
    size_t n;
    char *text = file_text(&t, examples[i % 2], &n);
    n = damage(text, n, &seed);
    put(&t, "a.tern", text, n);
    const struct module *m = spec_compile(&t.arena, &t.diag, place(&t, "a.tern"), NULL);
    if ((m == NULL) != (t.diag.errors > 0))
      fail_msg("seed %u: %d errors", start, t.diag.errors);
    finish(&t);
  }
}

static void random_bytes_do_no_harm(void **state) {
  (void)state;
  uint32_t seed = 11;
  for (int i = 0; i < 100; i++) {
    char text[300];
    for (size_t k = 0; k < sizeof text; k++)
      text[k] = (char)next(&seed);
    refuse(text, sizeof text, NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(config_gives_defaults),         cmocka_unit_test(settings_win),
      cmocka_unit_test(config_errors_end_it),          cmocka_unit_test(a_file_is_read_once),
      cmocka_unit_test(examples_round_trip),           cmocka_unit_test(the_reference_compiles),
      cmocka_unit_test(mmfree_is_the_published_model), cmocka_unit_test(endless_texts_are_refused),
      cmocka_unit_test(odd_bytes_are_refused),         cmocka_unit_test(growing_models_are_refused),
      cmocka_unit_test(damaged_texts_do_no_harm),      cmocka_unit_test(random_bytes_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
