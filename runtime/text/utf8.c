/* utf8.c: finds the unfinished character at the end of what is to be written, and keeps it for next time. */
#include "runtime/text/utf8.h"

#include <string.h>

/* Lead bytes first .. last: length of the character and range of its second byte (Unicode, table 3-7). */
static const struct lead {
  unsigned char first, last, length, low, high;
} leads[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct lead *find_lead(unsigned char byte) {
  for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
    if (byte >= leads[i].first && byte <= leads[i].last)
      return &leads[i];
  return NULL;
}

static bool is_continuation(unsigned char byte) {
  return (byte & 0xc0) == 0x80;
}

uint32_t utf8_unfinished(const unsigned char *text, size_t n) {
  uint32_t k = 1;
  while (k < 3 && k < n && is_continuation(text[n - k]))
    k++;
  const struct lead *lead = n ? find_lead(text[n - k]) : NULL;
  if (!lead || k >= lead->length)
    return 0;
  bool fits = k == 1 || (text[n - k + 1] >= lead->low && text[n - k + 1] <= lead->high);
  return fits ? k : 0;
}

uint32_t utf8_character(const unsigned char *text, size_t n) {
  if (n > 0 && text[0] < 0x80)
    return 1;
  const struct lead *lead = n ? find_lead(text[0]) : NULL;
  if (!lead || lead->length > n || text[1] < lead->low || text[1] > lead->high)
    return 0;
  for (uint32_t i = 2; i < lead->length; i++)
    if (!is_continuation(text[i]))
      return 0;
  return lead->length;
}

/* One piece of at most PIECE bytes: what was held and what is new, less what is unfinished. */
enum { PIECE = 4096 };

static bool write_piece(struct utf8_stream *s, const char *text, size_t n) {
  unsigned char joined[sizeof s->bytes + PIECE];
  memcpy(joined, s->bytes, s->held);
  memcpy(joined + s->held, text, n);
  n += s->held;
  s->held = utf8_unfinished(joined, n);
  n -= s->held;
  memcpy(s->bytes, joined + n, s->held);
  return fwrite(joined, 1, n, s->to) == n;
}

bool utf8_write(struct utf8_stream *s, const char *text, size_t n) {
  while (n > 0) {
    size_t part = n < PIECE ? n : PIECE;
    if (!write_piece(s, text, part))
      return false;
    text += part;
    n -= part;
  }
  return fflush(s->to) == 0;
}

bool utf8_flush(struct utf8_stream *s) {
  bool ok = fwrite(s->bytes, 1, s->held, s->to) == s->held;
  s->held = 0;
  return fflush(s->to) == 0 && ok;
}
