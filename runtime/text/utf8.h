/* utf8.h: writes text to a stream as it comes, never half a character.
 *
 * A model with byte tokens gives a character in pieces. Bytes that may still become a character are held
 * back; bytes that cannot are written as they are. */
#ifndef TERN_RUNTIME_UTF8_H
#define TERN_RUNTIME_UTF8_H

#include "runtime/core/base.h"

#include <stdio.h>

struct utf8_stream {
  FILE *to;
  uint32_t held; /* 0 .. 3 bytes that begin a character */
  unsigned char bytes[4];
};

/* Writes what is complete and passes it on to the system; false with errno when that fails. */
bool utf8_write(struct utf8_stream *s, const char *text, size_t n);

/* Writes what is still held: the text ends here. */
bool utf8_flush(struct utf8_stream *s);

/* Bytes at the end of the text, 0 .. 3, that begin a character and do not finish it (Unicode, table 3-7). */
uint32_t utf8_unfinished(const unsigned char *text, size_t n);

/* Bytes of the character that the text begins with, 1 .. 4; 0 where it is not a whole character. */
uint32_t utf8_character(const unsigned char *text, size_t n);

#endif
