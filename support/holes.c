/* holes.c: reading, writing and filling of holes. */
#include "support/holes.h"

#include <string.h>

static const char letters[HOLE_INDICES + 1] = "ijkl";

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Digits at *p, which moves behind them. False: too many. */
static bool read_digits(const char **p, int64_t *number) {
  *number = 0;
  for (; is_digit(**p); ++*p) {
    *number = *number * 10 + (**p - '0');
    if (*number > HOLE_MOST)
      return false;
  }
  return true;
}

/* "4i", "-j", "+3" at *p; the first one of a hole has no "+". Each index stands once, the number last. */
static bool read_term(const char **p, bool first, int *next, struct hole *hole) {
  bool minus = **p == '-', digits;
  int64_t number;
  if (!minus && (first ? **p == '+' : **p != '+'))
    return false;
  *p += minus || !first;
  digits = is_digit(**p);
  if (!read_digits(p, &number))
    return false;
  const char *letter = **p ? strchr(letters, **p) : NULL;
  if (!letter && (!digits || *next > HOLE_INDICES))
    return false;
  int k = letter ? (int)(letter - letters) : HOLE_INDICES;
  if (k < *next)
    return false;
  number = letter && !digits ? 1 : number;
  *(letter ? &hole->scale[k] : &hole->offset) = minus ? -number : number;
  *p += letter != NULL;
  *next = k + 1;
  return true;
}

size_t hole_read(const char *text, int nth, struct hole *hole) {
  const char *p = text + 1;
  *hole = (struct hole){0};
  if (text[0] != '{')
    return 0;
  if (*p == '}') {
    if (nth >= HOLE_INDICES)
      return 0;
    hole->scale[nth] = 1;
    return 2;
  }
  int next = 0;
  do
    if (!read_term(&p, p == text + 1, &next, hole))
      return 0;
  while (*p != '}');
  return (size_t)(p - text) + 1;
}

static bool is_plain(const struct hole *h, int nth) {
  for (int k = 0; k < HOLE_INDICES; k++)
    if (h->scale[k] != (k == nth))
      return false;
  return nth < HOLE_INDICES && h->offset == 0;
}

const char *hole_text(struct arena *a, const struct hole *h, int nth) {
  const char *text = "";
  if (is_plain(h, nth))
    return "{}";
  for (int k = 0; k < HOLE_INDICES; k++) {
    int64_t scale = h->scale[k];
    if (!scale)
      continue;
    const char *sign = scale < 0 ? "-" : *text ? "+" : "";
    scale = scale < 0 ? -scale : scale;
    text = scale == 1 ? arena_printf(a, "%s%s%c", text, sign, letters[k])
                      : arena_printf(a, "%s%s%lld%c", text, sign, (long long)scale, letters[k]);
  }
  if (h->offset || !*text)
    text = arena_printf(a, *text ? "%s%+lld" : "%s%lld", text, (long long)h->offset);
  return arena_printf(a, "{%s}", text);
}

int64_t hole_number(const struct hole *h, const int64_t index[HOLE_INDICES]) {
  int64_t number = h->offset;
  for (int k = 0; k < HOLE_INDICES; k++)
    number += h->scale[k] * index[k];
  return number;
}

int64_t hole_least(const struct hole *h, int n, const int64_t *counts) {
  int64_t least = h->offset;
  for (int k = 0; k < n; k++)
    least += h->scale[k] < 0 ? h->scale[k] * (counts[k] - 1) : 0;
  return least;
}

int hole_indices(const struct hole *h) {
  int n = HOLE_INDICES;
  while (n > 0 && !h->scale[n - 1])
    n--;
  return n;
}

const char *holes_filled(struct arena *a, const char *name, int n, const int64_t *index) {
  int64_t all[HOLE_INDICES] = {0};
  const char *done = "", *rest = name;
  struct hole hole;
  int nth = 0;
  for (int k = 0; k < n && k < HOLE_INDICES; k++)
    all[k] = index[k];
  for (const char *p = strchr(name, '{'); p; p = strchr(p, '{')) {
    size_t length = hole_read(p, nth, &hole);
    if (!length || hole_indices(&hole) > n) {
      p++;
      continue;
    }
    done = arena_printf(a, "%s%.*s%lld", done, (int)(p - rest), rest, (long long)hole_number(&hole, all));
    rest = p += length;
    nth++;
  }
  return arena_printf(a, "%s%s", done, rest);
}

const char *holes_wrong(struct arena *a, const char *name, int n, const int64_t *counts) {
  struct hole hole;
  int nth = 0;
  for (const char *p = strchr(name, '{'); p; p = strchr(p, '{'), nth++) {
    size_t length = hole_read(p, nth, &hole);
    if (!length)
      return arena_printf(a, "'%s' is no sum of indices; those are i, j, k and l: {4i+j+3}", p);
    if (hole_indices(&hole) > n)
      return arena_printf(a, "'%.*s' has an index that is not there: of a repeat for each of its %d count%s",
                          (int)length, p, n, n == 1 ? "" : "s");
    if (hole_least(&hole, n, counts) < 0)
      return arena_printf(a, "'%.*s' is %lld at the least, and no index of a path is below 0", (int)length, p,
                          (long long)hole_least(&hole, n, counts));
    p += length;
  }
  return NULL;
}
