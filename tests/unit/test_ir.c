/* test_ir.c: the IR's text form, type rules and verifier. Text that is right prints and parses to
 * the same text; text that is wrong is reported with a place; bytes that are no text at all do no harm. */
#include "tests/unit/ir_bench.h"

#include "support/file.h"
#include "tests/unit/ir_file.h"

static void text_is_a_fixpoint(void **state) {
  (void)state;
  struct bench *b = bench_new();
  struct module *m = parse(b, ir_file("everything"));
  assert_string_equal(said(b), "");
  assert_non_null(m);
  assert_int_equal(m->next_kernel, 8);
  assert_int_equal(weight_find(m, "g")->group, 3);
  assert_string_equal(m->params.at[1].name, "odd name");
  assert_int_equal(m->dims.n, DIMS_GIVEN + 4);
  assert_int_equal(dim_of(m, dim_find(m, "R"))->most, 3);
  assert_true(dim_of(m, dim_find(m, "Q"))->sequences && !dim_of(m, dim_find(m, "S.x"))->sequences);
  struct result w = func_result(func_find(m, "train"), 1), logits = func_result(func_find(m, "step"), 0);
  assert_true(w.updates == 1 && strcmp(w.name, "f32") == 0);
  assert_true(logits.updates == -1 && strcmp(logits.name, "logits") == 0);
  char *first = print(m);
  struct module *again = parse(b, first);
  assert_string_equal(said(b), "");
  assert_non_null(again);
  char *second = print(again);
  assert_string_equal(first, second);
  free(first);
  free(second);
  bench_free(b);
}

/* A module with one function body, or with declarations before it. */
struct wrong {
  const char *declarations, *signature, *body, *message;
};

static const struct wrong wrongs[] = {
    {"", "(%a: f32[5, 7], %x: f32[6])", "%y = matmul %a, %x : f32[5] return",
     "matmul: the matrix f32[5, 7] has 7 columns, the vector f32[6] has 6 elements"},
    {"", "(%a: f32[5], %b: f32[6])", "%y = add %a, %b : f32[5] return",
     "add: the shapes f32[5] and f32[6] do not fit each other"},
    {"", "(%a: f32[5])", "%y = neg %a : f32[6] return", "neg: the result is f32[5], not f32[6]"},
    {"", "(%a: f32[5])", "%y = neg %b : f32[5] return", "'%b' is not defined here"},
    {"", "(%value: f32[5])", "%y = neg %valeu : f32[5] return", "did you mean '%value'?"},
    {"", "(%a: f32[5])", "%a = neg %a : f32[5] return", "'%a' is defined twice"},
    {"", "(%a: f32[5])", "%y = ned %a : f32[5] return", "there is no operator 'ned'; did you mean 'neg'?"},
    {"", "(%a: f32[5])", "%y = neg %a, %a : f32[5] return", "neg: takes 1 operand, not 2"},
    {"", "(%a: f32[5])", "%y = neg %a {eps = 1} : f32[5] return",
     "expected an attribute of 'neg', not 'eps'"},
    {"", "(%a: f32[5])", "%y = sum %a : f32[1] return", "expected the attribute 'axis' of 'sum'"},
    {"", "(%a: f32[5])", "%y = sum %a {axis = 1} : f32[1] return", "sum: f32[5] has no axis 1"},
    {"", "(%a: f32[5])", "%y = sum %a {axis = 0, axis = 0} : f32[1] return", "'axis' is given twice"},
    {"", "(%a: f32[5])", "%y = slice %a {axis = 0, begin = 3, end = 6} : f32[3] return",
     "slice: 3 .. 6 is not a part of axis 0 of f32[5]"},
    {"", "(%a: f32[5])", "%y = reshape %a : f32[2, 3] return", "differ in their number of elements: 5 and 6"},
    {"", "(%a: f32[5])", "%y = broadcast %a : f32[5, 2] return", "f32[5] does not stretch to f32[5, 2]"},
    {"", "(%a: f32[5, 2])", "%y = transpose %a {perm = [0, 0]} : f32[5, 5] return", "perm is not an order"},
    {"", "(%a: f32[5], %i: u32)", "%y = index %a, %a : f32 return", "index: takes u32, not f32[5]"},
    {"", "(%a: f32[5])", "%i = const {value = 5} : u32 %y = index %a, %i : f32 return",
     "f32[5] has 5 rows, and the index reaches 5"},
    {"", "(%a: f32[5])",
     "%q = quantize %a {bits = 8, frac = dynamic, round = floor} : q8[5] "
     "%y = neg %q : f32[5] return",
     "neg: takes f32, not q8[5]; a quantised value can only enter a matrix product"},
    {"", "(%a: f32[5]) -> q8[5]",
     "%q = quantize %a {bits = 8, frac = dynamic, round = floor} : q8[5] return %q",
     "return: q8[5] can only enter a matrix product"},
    {"", "(%a: f32[5])", "%q = quantize %a {bits = 17, frac = dynamic, round = floor} : q8[5] return",
     "17 is not in 2 .. 16"},
    {"", "(%a: f32[5])", "%q = codes %a, %a {bits = 32, round = floor} : i32[5] return",
     "codes: bits = 32 is not in 2 .. 31"},
    {"", "(%a: f32[5])", "%q = iadd %a, %a {bits = 32} : i32[5] return",
     "iadd: takes i8, i16 or i32, not f32[5]"},
    {"", "(%a: i32[5])", "%q = iadd %a, %a {bits = 33} : i32[5] return", "33 is not in 2 .. 32"},
    {"", "(%a: i32[5])", "%q = imin %a, %a {bits = 16} : i32[5] return",
     "imin: the result is i16[5], not i32[5]"},
    {"", "(%a: i32[5], %b: i8[5], %c: bool)", "%q = select %c, %a, %b : i32[5] return",
     "select: chooses between i32[5] and i8[5], which differ in their elements"},
    {"", "(%a: i8[5])", "%q = sum %a {axis = 0} : i8[1] return", "sum: the result is i32[1], not i8[1]"},
    {"", "(%a: i8[5])", "%q = softmax %a {axis = 0} : i8[5] return", "softmax: takes f32, not i8[5]"},
    {"", "(%a: i32[5])", "%q = convert %a : i16[5] return", "i32[5] does not convert to i16"},
    {"", "(%a: i32)",
     "%q = curve %a {curve = tanh, frac = 1, out_frac = 1, segments = 1, bits = 8} : i8 return",
     "expected a curve (sigmoid, exp2, log2, softplus_tail), not 'tanh'"},
    {"", "(%a: i32)",
     "%q = curve %a {curve = log2, frac = -1, out_frac = 1, segments = 1, bits = 8} : i8 return",
     "curve: frac and out_frac are in 0 .. 30"},
    {"", "(%a: i32)",
     "%q = curve %a {curve = sigmoid, frac = 30, out_frac = 30, segments = 2, bits = 8} : i8 return",
     "curve: too few segments for so many fraction bits"},
    {"", "(%a: f32 frac 3)", "return", "argument: f32 has fraction bits; only i8, i16 and i32 have a format"},
    {"", "(%a: i32 frac 65)", "return", "65 is not in -120 .. 64"},
    {"weight @w : i8[5]", "()", "return", "only folded weights are integers"},
    {"state @s : i8[5] = 128", "()", "return", "state 's' begins with 128, which is not a value of i8"},
    {"state @s : u32[5] = 1", "()", "return", "states are f32, i8, i16 or i32"},
    {"", "(%a: f32[5])", "%q = const {value = 1.5} : i32 return", "1.5 is not a value of i32"},
    {"", "(%a: f32[5])", "%q = convert %a : i32[5] return", "f32[5] does not convert to i32"},
    {"", "()", "%w = weight @w : f32[5] return", "weight: there is no weight 'w'"},
    {"weight @w : f32[5]", "()", "%w = read @w : f32[5] return", "read: there is no state 'w'"},
    {"weight @w[2] : f32[5]", "()", "%w = weight @w : f32[5] return", "'w' takes 1 index, not 0"},
    {"weight @w[2] : f32[5]", "(%i: f32)", "%w = weight @w[%i] : f32[5] return",
     "an index of 'w' is u32, not f32"},
    {"weight @w[2] : f32[5]", "()", "repeat 3 (%l) { %w = weight @w[%l] : f32[5] yield } return",
     "'w' has 2 instances, and the index reaches 2"},
    {"weight @\"w.{i+x}\"[2] : f32[5]", "()", "return", "'w.{i+x}': '{i+x}' is no sum of indices"},
    {"weight @\"w.{j}\"[2] : f32[5]", "()", "return", "'{j}' has an index that is not there"},
    {"state @\"s.{i-1}\"[2] : f32[5] = 0", "()", "return", "'{i-1}' is -1 at the least"},
    {"weight @w : ternary[5, 5] per tensor", "(%x: f32[5])",
     "%w = weight @w : ternary[5, 5] %y = reshape %w : ternary[25] return",
     "reshape: ternary[5, 5] can only enter"},
    {"weight @w : ternary[5] per tensor", "()", "return", "a weight of codes is a matrix"},
    {"weight @w : q8[5]", "()", "return", "weights are f32 or codes"},
    {"weight @w : f32[T]", "()", "return", "weights are f32 or codes"},
    {"weight @w : f32[5] weight @w : f32[5]", "()", "return", "the weight 'w' is declared twice"},
    {"weight @m : ternary[4, 5] merged \"a\"", "()", "return", "there is no weight 'a' to merge"},
    {"weight @a : ternary[3, 5] weight @m : ternary[4, 5] merged \"a\"", "()", "return",
     "its parts have 3 rows"},
    {"weight @a : f32[5] at 32", "()", "return", "aligned to 64 bytes"},
    {"state @s : f32[5] = x", "()", "return", "expected a number, not 'x'"},
    {"state @s : f32[5] = 0", "(%a: f32[6])", "write %a, @s return", "'s' is f32[5], the new value f32[6]"},
    {"state @s : f32[5] = 0", "(%a: f32[5])", "write %a, @s write %a, @s return", "'s' is written twice"},
    {"weight @w : f32[5] folded", "(%a: f32[5])", "define %a, @w return",
     "others are defined in 'fold' only"},
    {"", "(%a: f32[5, T])", "return",
     "f32[5, T]: only the first axis can be T, which is known only at each call"},
    {"", "(%a: f32[T, 5])", "%r = scan (%x = %a) -> f32[B, 5] { yield %x } return",
     "f32[B, 5] in 'f': no argument or result of the function has the dimension B"},
    {"func batch(%a: f32[B]) { %c = const {value = 1} : f32[T] return }", "()", "return",
     "f32[T] in 'batch': no argument or result of the function has the dimension T"},
    {"state @s : f32[5] = 0", "()", "%s = read @s : f32[B, 5] return",
     "read: f32[B, 5] in 'f', where there is one sequence"},
    {"state @s : f32[5] = 0 func batch(%t: u32[B]) { %s = read @s : f32[5] write %s, @s return }", "()",
     "return", "write: f32[5] in 'batch', where each sequence has its own; [B, ...] is expected"},
    {"state @s : f32[5] = 0 func batch(%a: f32[B, 6]) { write %a, @s return }", "()", "return",
     "'s' is f32[5], the new value f32[B, 6]"},
    {"", "(%a: f32[K])", "%y = tail %a : f32[K] return", "tail: the first axis of f32[K] is not T"},
    {"", "(%a: f32[T])", "%y = amax %a {axis = 0} : f32[1] return",
     "axis 0 of f32[T] is the tokens of a call"},
    {"", "()", "", "does not end with return"},
    {"", "()", "return return", "return: stands before the end of its body"},
    {"", "()", "yield", "does not end with return"},
    {"", "()", "kernel \"k\" { yield } kernel \"k\" { yield } return", "two have the name 'k'"},
    {"", "()", "kernel \"k\" { return } return", "does not end with yield"},
    {"", "(%a: f32[5])",
     "%r = repeat 2 (%l, %c = %a) -> f32[5] { %s = sum %c {axis = 0} : f32[1] yield %s } return",
     "value 0 starts as f32[5], is carried as f32[5] and yielded as f32[1]"},
    {"", "(%a: f32[5])", "%r = scan (%c = %a) -> f32[T, 5] { yield %a } return", "its first axis must be T"},
    {"", "(%a: f32[5])", "kernel \"k\" { %s = neg %a : f32[5] yield } %y = neg %s : f32[5] return",
     "'%s' is not defined here"},
    {"", "(%a: f32[5]) -> f32[6]", "return %a", "are not those that it returns"},
    {"", "(%a: f32[5]) scratch 64", "%y = neg %a : f32[5] return",
     "neg: stands outside a kernel where memory is planned"},
    {"", "(%a: f32[5]) scratch 64", "%y = kernel \"k\" -> f32[5] { %n = neg %a : f32[5] yield %n } return",
     "kernel: result 1 has no place"},
    {"", "(%a: f32[5]) scratch 64",
     "%y = kernel \"k\" -> f32[5] at 64 { %n = neg %a : f32[5] yield %n } return",
     "leaves the 64 bytes of scratch"},
    {"", "(%a: f32[T]) spread", "return",
     "the function 'f' cannot be spread: its sizes are known only at each call"},
    {"", "(%a: f32[5]) -> f32[5], f32[5]", "return %a",
     "the results of func 'f' are not those that it returns"},
    {"", "(%a: f32[5]) -> y: f32[5] updates %b", "return %a", "'%b' is not defined here"},
    {"", "(%a: f32[5]) -> y: f32[1] updates %a", "%y = sum %a {axis = 0} : f32[1] return %y",
     "the result 'y' of 'f' is f32[1] and updates no argument of that type"},
    {"", "(%a: f32[5]) -> y: f32[5] updates %a, z: f32[5] updates %a", "return %a, %a",
     "the results 'y' and 'z' of 'f' update one argument"},
    {"", "(%a: q8[5])", "return",
     "the function 'f' takes q8[5]; arguments are bool, u32, i8, i16, i32 or f32"},
    {"", "(%a: f32[99999999999999])", "return", "is not in 1 .. 1099511627776"},
    {"", "(%a: f32[1, 2, 3, 4, 5, 6])", "return", "at most 5 axes"},
    {"", "(%a: f33)", "return", "expected an element type"},
    {"module", "()", "return", "expected 'param', 'weight', 'state' or 'func', not 'module'"},
    {"param \"x", "()", "return", "this string has no end"},
    {"#", "()", "return", "'#' has no meaning here"},
};

static void errors_are_reported(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
    const struct wrong *w = &wrongs[i];
    struct bench *b = bench_new();
    const char *text =
        arena_printf(&b->arena, "module m\n%s\nfunc f%s {\n%s\n}\n", w->declarations, w->signature, w->body);
    struct module *m = parse(b, text);
    if (m || !strstr(said(b), w->message))
      fail_msg("%s\nsaid: %s\nexpected: %s", text, said(b), w->message);
    if (!strstr(said(b), "error: ") || !b->diag.errors)
      fail_msg("%s\nno error: %s", text, said(b));
    bench_free(b);
  }
}

static void deep_nesting_is_refused(void **state) {
  (void)state;
  struct bench *b = bench_new();
  const char *text = "module m\nfunc f() {\n";
  for (int i = 0; i < 40; i++)
    text = arena_printf(&b->arena, "%s repeat 2 (%%l%d) {\n", text, i);
  assert_null(parse(b, text));
  assert_non_null(strstr(said(b), "bodies nest more than"));
  bench_free(b);
}

static uint64_t random_next(uint64_t *seed) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return *seed >> 33;
}

static bool in_word(char c) {
  return c == '%' || c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* The word around `at`: its start and length (0 between words). */
static size_t word_at(const char *text, size_t n, size_t at, size_t *length) {
  size_t from = at, to = at;
  while (from > 0 && in_word(text[from - 1]))
    from--;
  while (to < n && in_word(text[to]))
    to++;
  *length = to - from;
  return from;
}

/* Puts `length` bytes of `with` in place of n_old bytes at `at`; gives the new length. */
static size_t splice(char *text, size_t n, size_t at, size_t n_old, const char *with, size_t length) {
  char copy[64];
  length = length < sizeof copy ? length : sizeof copy;
  memcpy(copy, with, length);
  memmove(text + at + length, text + at + n_old, n - at - n_old);
  memcpy(text + at, copy, length);
  return n - n_old + length;
}

/* Changes a byte, cuts a piece, copies one over another, or puts one word of the text for another. */
static size_t mutate(char *text, size_t n, uint64_t *seed) {
  static const char marks[] = "%@\"{}()[]=,:-.0123456789 TK\n\\ewax\xff";
  for (uint64_t k = 1 + random_next(seed) % 3; k-- > 0;) {
    size_t at = random_next(seed) % n, from = random_next(seed) % n, length = 1 + random_next(seed) % 24, old;
    if (from + length > n || at + length > n)
      length = 1;
    switch (random_next(seed) % 8) {
    case 0: text[at] = (char)random_next(seed); break;
    case 1: text[at] = marks[random_next(seed) % (sizeof marks - 1)]; break;
    case 2: memmove(text + at, text + from, length); break;
    case 3: n = splice(text, n, at, length, "", 0); break;
    default:
      from = word_at(text, n, from, &length);
      at = word_at(text, n, at, &old);
      n = splice(text, n, at, old, text + from, length);
      break;
    }
  }
  return n;
}

enum { MUTANTS = 10000 };

/* Mutants either fail with a message or are modules whose text is a fixpoint. */
static void mutants_do_no_harm(void **state) {
  (void)state;
  uint64_t seed = 20240607;
  const char *everything = ir_file("everything");
  size_t n = strlen(everything);
  char *text = xmalloc(n + 256); /* words grow */
  int parsed = 0;
  for (int round = 0; round < MUTANTS; round++) {
    struct bench *b = bench_new();
    memcpy(text, everything, n + 1);
    size_t length = mutate(text, n, &seed);
    struct module *m = parse_bytes(b, text, length);
    assert_true(m != NULL || (b->diag.errors > 0 && *said(b)));
    if (m) {
      parsed++;
      char *first = print(m), *second = NULL;
      struct module *again = parse(b, first);
      if (!again)
        fail_msg("%s\n%s", first, said(b));
      second = print(again);
      assert_string_equal(first, second);
      free(first);
      free(second);
    }
    bench_free(b);
  }
  free(text);
  assert_true(parsed > MUTANTS / 100); /* some mutants are still right: the test reaches the printer */
}

/* ---- docs/ir.md -------------------------------------------------------------------------------------- */

/* A table's cell: bars are escaped. */
static const char *cell(struct arena *a, const char *s) {
  char *out = arena_alloc(a, 2 * strlen(s) + 1);
  for (char *p = out; *s; *p++ = *s++)
    if (*s == '|')
      *p++ = '\\';
  return out;
}

/* The operator index ends the page and is what the preprocessor makes of ops.def. */
static void the_reference_lists_every_operator(void **state) {
  (void)state;
  struct bench *b = bench_new();
  size_t n;
  const char *page = file_read(&b->diag, &b->arena, TERN_SOURCE "/docs/ir.md", 1 << 20, &n);
  assert_non_null(page);
  const char *index = "";
#define OP(id, text, ins, outs, rule, attrs, flags, doc)                                                     \
  index = arena_printf(&b->arena, "%s| `%s` | %s | %s | %s | %s |\n", index, text, #ins, #outs, #rule,       \
                       cell(&b->arena, doc));
#include "ir/ops.def"
  for (const char *line = index; *line; line = strchr(line, '\n') + 1) {
    const char *row = arena_strndup(&b->arena, line, (size_t)(strchr(line, '\n') - line));
    if (!strstr(page, row))
      fail_msg("docs/ir.md lacks the row (scripts/op-index prints the index): %s", row);
  }
  const char *table = strstr(page, "\n| `const` |");
  assert_non_null(table);
  assert_string_equal(table + 1, index);
  bench_free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_a_fixpoint),
      cmocka_unit_test(errors_are_reported),
      cmocka_unit_test(deep_nesting_is_refused),
      cmocka_unit_test(mutants_do_no_harm),
      cmocka_unit_test(the_reference_lists_every_operator),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
