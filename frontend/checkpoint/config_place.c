/* config_place.c: where in a JSON text a key stands. The text is known to be JSON, as json_parse takes it, so
 * that walking over it needs no messages; an end that comes too early ends the walk. */
#include "frontend/checkpoint/config_place.h"
#include "frontend/checkpoint/python_json.h"

#include <stdlib.h>
#include <string.h>

struct walk {
  const char *at, *end;
};

static void blanks(struct walk *w) {
  while (w->at < w->end && strchr(" \t\r\n", *w->at) && *w->at)
    w->at++;
}

static bool take(struct walk *w, char c) {
  blanks(w);
  bool there = w->at < w->end && *w->at == c;
  w->at += there;
  return there;
}

/* From the quote to behind the closing one. */
static void string(struct walk *w) {
  for (w->at++; w->at < w->end && *w->at != '"'; w->at++)
    w->at += *w->at == '\\' && w->at + 1 < w->end;
  w->at += w->at < w->end;
}

/* Over a value, whatever is inside it. */
static void value(struct walk *w) {
  int depth = 0;
  blanks(w);
  do {
    char c = w->at < w->end ? *w->at : '\0';
    if (c == '"') {
      string(w);
      continue;
    }
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    w->at += w->at < w->end;
    if (!strchr("{}[],: \t\r\n", c)) /* a number or a word */
      w->at += strcspn(w->at, "{}[],: \t\r\n");
  } while (depth > 0 && w->at < w->end);
}

/* Whether the string from `from` to `to`, with its quotes, is `name`. */
static bool is_name(const char *from, const char *to, const char *name, size_t n) {
  if (!memchr(from, '\\', (size_t)(to - from)))
    return (size_t)(to - from) == n + 2 && memcmp(from + 1, name, n) == 0;
  json_t *s = json_loadb(from, (size_t)(to - from), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  bool same = s && json_string_length(s) == n && memcmp(json_string_value(s), name, n) == 0;
  json_decref(s);
  return same;
}

/* In the object at w: the last member of that name, which is the one that counts; w is then at its value. */
static bool member(struct walk *w, const char *name, size_t n, struct span *key) {
  const char *found = NULL;
  if (!take(w, '{'))
    return false;
  do {
    blanks(w);
    if (w->at == w->end || *w->at != '"')
      break;
    const char *from = w->at;
    string(w);
    const char *to = w->at;
    bool colon = take(w, ':');
    if (colon && is_name(from, to, name, n)) {
      found = w->at;
      *key = (struct span){from, to};
    }
    value(w);
  } while (take(w, ','));
  if (found)
    w->at = found;
  return found != NULL;
}

/* In the list at w: to its element i. */
static bool element(struct walk *w, long i) {
  bool there = take(w, '[');
  for (; there && i > 0; i--) {
    value(w);
    there = take(w, ',');
  }
  return there;
}

struct span json_key_place(const char *text, size_t length, const char *key) {
  struct span found = {NULL, NULL};
  struct walk w = {text, text + length};
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
    w.at += 3;
  struct walk root = w;
  if (member(&w, key, strlen(key), &found))
    return found;
  for (bool there = true; there && *key;) {
    size_t n = strcspn(key, ".[");
    there = member(&root, key, n, &found);
    for (key += n; there && *key == '['; key += strcspn(key, ".[")) {
      char *end;
      there = element(&root, strtol(key + 1, &end, 10));
      key = end;
    }
    key += *key == '.';
  }
  return found;
}
