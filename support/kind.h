/* kind.h: what a file is that is not what was asked for: the start of a file as a phrase for a message. */
#ifndef TERN_SUPPORT_KIND_H
#define TERN_SUPPORT_KIND_H

#include "support/arena.h"

/* A predicate with the way out, e.g. "is a Git LFS pointer, not the file itself: ...", of a file that begins
 * with these n bytes; NULL when they are nothing known. 512 bytes are enough. */
const char *file_kind(const void *head, size_t n);

/* "is not text: byte 17 is 0x00, a control character", or what file_kind says; NULL when the n bytes are
 * text. A few odd bytes other than zeros may be in one: who reads it has their place. */
const char *not_text(struct arena *a, const char *text, size_t n);

#endif
