/* tokenizer_nfc.c: the tables of Unicode's normalization form C, as utf8proc has it. */
#include "frontend/checkpoint/tokenizer_bytes.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { CODES = 0x110000, LONGEST = 32, SYLLABLES = 0xAC00, SYLLABLES_END = 0xD7A4 };

typedef utf8proc_int32_t codes[LONGEST];

static int class_of(utf8proc_int32_t c) {
  return utf8proc_get_property(c)->combining_class;
}

/* The canonical decomposition of code points, in full and in order; how many. */
static int decompose(const utf8proc_int32_t *from, int n, codes to) {
  int count = 0, last = 0;
  for (int i = 0; i < n; i++)
    count += (int)utf8proc_decompose_char(from[i], to + count, LONGEST - count, UTF8PROC_DECOMPOSE, &last);
  for (int i = 1; i < count; i++)
    for (int k = i; k && class_of(to[k]) && class_of(to[k - 1]) > class_of(to[k]); k--) {
      utf8proc_int32_t mark = to[k];
      to[k] = to[k - 1];
      to[k - 1] = mark;
    }
  return count;
}

static int compose(const utf8proc_int32_t *from, int n, codes to) {
  memcpy(to, from, (size_t)n * sizeof *from);
  return (int)utf8proc_normalize_utf32(to, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
}

static bool is_pair(utf8proc_int32_t first, utf8proc_int32_t second, utf8proc_int32_t result) {
  const utf8proc_int32_t both[] = {first, second};
  codes apart, joint;
  return compose(apart, decompose(both, 2, apart), joint) == 1 && joint[0] == result;
}

static int by_pair(const void *pa, const void *pb) {
  const struct tokenizer_composition *a = pa, *b = pb;
  return a->first != b->first ? (a->first > b->first) - (a->first < b->first)
                              : (a->second > b->second) - (a->second < b->second);
}

/* A code point that decomposes, and the pair that composes to it. */
static void add_code(struct arena *a, struct nfc_table *t, utf8proc_int32_t c) {
  codes apart, joint;
  int n = decompose(&c, 1, apart);
  if (n == 1 && apart[0] == c)
    return;
  vec_push(a, t->decompositions,
           (struct tokenizer_decomposition){(uint32_t)c, (uint32_t)t->decomposed.n, (uint32_t)n});
  for (int i = 0; i < n; i++)
    vec_push(a, t->decomposed, (uint32_t)apart[i]);
  if (compose(apart, n, joint) != 1 || joint[0] != c) { /* it is never composed */
    t->class[c] = TOKENIZER_NFC_JOINS;
    return;
  }
  utf8proc_int32_t second = apart[n - 1];
  if (compose(apart, n - 1, joint) == 1 && is_pair(joint[0], second, c))
    vec_push(a, t->compositions,
             (struct tokenizer_composition){(uint32_t)joint[0], (uint32_t)second, (uint32_t)c});
}

static bool is_hangul_part(utf8proc_int32_t c) {
  return (c >= 0x1161 && c < 0x1161 + 21) || (c > 0x11A7 && c < 0x11A7 + 28);
}

void nfc_table_make(struct arena *a, struct nfc_table *t) {
  t->class = arena_alloc(a, CODES);
  for (utf8proc_int32_t c = 0; c < CODES; c++)
    if ((c < SYLLABLES || c >= SYLLABLES_END) && (c < 0xD800 || c >= 0xE000))
      add_code(a, t, c);
  for (int i = 0; i < t->compositions.n; i++)
    t->class[t->compositions.at[i].second] = TOKENIZER_NFC_JOINS;
  for (utf8proc_int32_t c = 0; c < CODES; c++)
    if (class_of(c))
      t->class[c] = (uint8_t)class_of(c);
    else if (is_hangul_part(c))
      t->class[c] = TOKENIZER_NFC_JOINS;
  qsort(t->compositions.at, (size_t)t->compositions.n, sizeof *t->compositions.at, by_pair);
}
