/* bare_library.c: the part of the kernels' library that a model for a chip needs.
 *
 * Sources are taken apart into paragraphs, which blank lines divide. C names a thing before it uses it, so a
 * name of the library (tern_x, TERN_X) belongs to the paragraph in which it comes first. What is wanted is
 * what holds for the names in the model's code, and for those of paragraphs that are wanted. */
#include "backends/c/bare_parts.h"

#include "support/file.h"
#include <ctype.h>
#include <string.h>

struct paragraph {
  const char *text;
  size_t length;
  bool wanted;
};

struct library {
  struct arena *arena;
  VEC(struct paragraph) paragraphs;
};

static void take_apart(struct library *l, const char *text) {
  while (*text) {
    const char *end = strstr(text, "\n\n");
    size_t n = end ? (size_t)(end + 1 - text) : strlen(text);
    vec_push(l->arena, l->paragraphs, (struct paragraph){text, n, false});
    text += n;
    text += strspn(text, "\n");
  }
}

static bool read_library(struct library *l, const struct bare *b) {
  enum { LARGEST_SOURCE = 1 << 20 };
  static const char *const files[] = {"math.h", "integer.h", "bare.h"};
  size_t length;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *path = arena_printf(l->arena, "%s/kernels/%s", b->options->runtime, files[i]);
    char *text = file_read(b->d, l->arena, path, LARGEST_SOURCE, &length);
    if (!text)
      return false;
    take_apart(l, text);
  }
  take_apart(l, ops_operators);
  return true;
}

static bool is_word(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

/* The next name of the library from `text` on, before `end`; *length: its characters. NULL: none. */
static const char *next_name(const char *text, const char *end, size_t *length) {
  while (text < end) {
    size_t n = 0;
    while (text + n < end && is_word(text[n]))
      n++;
    if (n > 5 && (strncmp(text, "tern_", 5) == 0 || strncmp(text, "TERN_", 5) == 0)) {
      *length = n;
      return text;
    }
    text += n ? n : 1;
  }
  return NULL;
}

static struct paragraph *home_of(const struct library *l, const char *name, size_t length) {
  for (int i = 0; i < l->paragraphs.n; i++) {
    struct paragraph *p = &l->paragraphs.at[i];
    const char *end = p->text + p->length;
    size_t n;
    for (const char *s = p->text; (s = next_name(s, end, &n)); s += n)
      if (n == length && memcmp(s, name, n) == 0)
        return p;
  }
  return NULL;
}

static void want(const struct library *l, const char *text, size_t length) {
  size_t n;
  for (const char *s = text; (s = next_name(s, text + length, &n)); s += n) {
    struct paragraph *p = home_of(l, s, n);
    if (!p || p->wanted)
      continue;
    p->wanted = true;
    want(l, p->text, p->length);
  }
}

bool bare_library(FILE *out, const struct bare *b, const char *code) {
  struct library l = {.arena = b->arena};
  if (!read_library(&l, b))
    return false;
  want(&l, code, strlen(code));
  for (int i = 0; i < l.paragraphs.n; i++)
    if (l.paragraphs.at[i].wanted)
      fprintf(out, "%.*s\n", (int)l.paragraphs.at[i].length, l.paragraphs.at[i].text);
  return true;
}
