/* mutate.c: changes text token by token and line by line, for the targets that read a language. Bytes at
 * random seldom get past the lexer; a token in another's place, a line twice or a strange number reach what
 * lies behind. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed);

enum { MOST_SPANS = 4000, LONGEST = 400 };

struct span {
  size_t at, n;
};

struct text {
  uint8_t *data;
  size_t n, most;
  uint32_t seed;
  struct span tokens[MOST_SPANS], lines[MOST_SPANS];
  uint32_t n_tokens, n_lines;
};

static uint32_t below(struct text *t, uint32_t n) {
  t->seed = t->seed * 1664525u + 1013904223u;
  return (t->seed >> 8) % n;
}

static int is_word(int c) {
  return isalnum(c) || c == '_' || c == '.';
}

static size_t token_length(const uint8_t *p, size_t n) {
  size_t k = 1;
  if (*p == '"') {
    while (k < n && p[k - (k > 1)] != '"')
      k++;
  } else if (is_word(*p) || *p == '%' || *p == '@') {
    while (k < n && is_word(p[k]))
      k++;
  }
  return k;
}

static void find_tokens(struct text *t) {
  t->n_tokens = 0;
  for (size_t i = 0; i < t->n && t->n_tokens < MOST_SPANS;) {
    if (isspace(t->data[i])) {
      i++;
      continue;
    }
    size_t k = token_length(t->data + i, t->n - i);
    t->tokens[t->n_tokens++] = (struct span){i, k};
    i += k;
  }
}

static void find_lines(struct text *t) {
  t->n_lines = 0;
  for (size_t i = 0; i < t->n && t->n_lines < MOST_SPANS;) {
    const uint8_t *end = memchr(t->data + i, '\n', t->n - i);
    size_t k = end ? (size_t)(end - t->data) + 1 - i : t->n - i;
    t->lines[t->n_lines++] = (struct span){i, k};
    i += k;
  }
}

/* `with` in the place of `old`. */
static void splice(struct text *t, struct span old, const void *with, size_t n) {
  uint8_t copy[LONGEST];
  if (n > LONGEST || t->n - old.n + n > t->most)
    return;
  memcpy(copy, with, n);
  memmove(t->data + old.at + n, t->data + old.at + old.n, t->n - old.at - old.n);
  memcpy(t->data + old.at, copy, n);
  t->n = t->n - old.n + n;
}

static struct span any_token(struct text *t) {
  return t->tokens[below(t, t->n_tokens)];
}

static int kind(const struct text *t, struct span s) {
  int c = t->data[s.at];
  return isdigit(c) ? '0' : isalpha(c) ? 'a' : c;
}

static void replace_by_alike(struct text *t) {
  struct span old = any_token(t), new = any_token(t);
  for (int i = 0; i < 40 && kind(t, old) != kind(t, new); i++)
    new = any_token(t);
  splice(t, old, t->data + new.at, new.n);
}

static void replace_number(struct text *t) {
  static const char *const numbers[] = {
      "0",    "1",   "2",    "-1",  "3",          "5",          "7",          "8",
      "16",   "63",  "64",   "65",  "127",        "128",        "255",        "0.5",
      "-0.0", "inf", "-inf", "nan", "1e308",      "1e-320",     "1e19",       "-9e18",
      "1e-6", "31",  "32",   "33",  "2147483647", "2147483648", "4294967295", "9223372036854775807"};
  struct span old = any_token(t);
  for (int i = 0; i < 60 && kind(t, old) != '0'; i++)
    old = any_token(t);
  const char *new = numbers[below(t, sizeof numbers / sizeof *numbers)];
  if (kind(t, old) == '0')
    splice(t, old, new, strlen(new));
}

static void drop_token(struct text *t) {
  splice(t, any_token(t), "", 0);
}

static void insert_token(struct text *t) {
  struct span new = any_token(t);
  char copy[LONGEST];
  if (new.n >= LONGEST)
    return;
  memcpy(copy, t->data + new.at, new.n);
  copy[new.n] = ' ';
  splice(t, (struct span){any_token(t).at, 0}, copy, new.n + 1);
}

static void drop_line(struct text *t) {
  splice(t, t->lines[below(t, t->n_lines)], "", 0);
}

static void copy_line(struct text *t) {
  struct span line = t->lines[below(t, t->n_lines)];
  splice(t, (struct span){t->lines[below(t, t->n_lines)].at, 0}, t->data + line.at, line.n);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed) {
  static void (*const changes[])(struct text *t) = {
      replace_by_alike, replace_by_alike, replace_by_alike, replace_number, replace_number,
      drop_token,       insert_token,     drop_line,        copy_line,      copy_line};
  static struct text t;
  t.data = data, t.n = n, t.most = most, t.seed = seed;
  if (n < 4 || below(&t, 20) == 0)
    return LLVMFuzzerMutate(data, n, most);
  for (uint32_t times = 1 + below(&t, 3); times--;) {
    find_tokens(&t);
    find_lines(&t);
    if (t.n_tokens < 2 || t.n_lines < 2)
      break;
    changes[below(&t, sizeof changes / sizeof *changes)](&t);
  }
  return t.n;
}
