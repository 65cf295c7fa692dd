/* arena.c: chunks of growing size, bump allocated; every chunk is zeroed when it is made. */
#include "support/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_chunk {
  struct arena_chunk *next;
  size_t used, size;
  _Alignas(16) char data[];
};

enum { FIRST_CHUNK = 16 << 10, LARGEST_CHUNK = 4 << 20 };

void *or_die(void *p) {
  if (!p) {
    fputs("error: out of memory\n", stderr);
    exit(1);
  }
  return p;
}

void *xmalloc(size_t bytes) {
  return or_die(malloc(bytes ? bytes : 1));
}

void *xrealloc(void *p, size_t bytes) {
  return or_die(realloc(p, bytes ? bytes : 1));
}

char *xstrdup(const char *s) {
  return or_die(strdup(s));
}

void *arena_alloc(struct arena *a, size_t bytes) {
  struct arena_chunk *c = a->chunks;
  if (bytes > SIZE_MAX / 2)
    or_die(NULL);
  bytes = (bytes + 15) & ~(size_t)15;
  if (!c || c->size - c->used < bytes) {
    size_t size = c ? c->size * 2 : FIRST_CHUNK;
    if (size > LARGEST_CHUNK)
      size = LARGEST_CHUNK;
    if (size < bytes)
      size = bytes;
    c = or_die(calloc(1, sizeof *c + size));
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
  }
  void *p = c->data + c->used;
  c->used += bytes;
  return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
  char *p = arena_alloc(a, n + 1);
  memcpy(p, s, n);
  return p;
}

char *arena_strdup(struct arena *a, const char *s) {
  return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *format, va_list ap) {
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, format, again);
  va_end(again);
  char *p = arena_alloc(a, (size_t)n + 1);
  vsnprintf(p, (size_t)n + 1, format, ap);
  return p;
}

char *arena_printf(struct arena *a, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  char *p = arena_vprintf(a, format, ap);
  va_end(ap);
  return p;
}

void *vec_grow(struct arena *a, const void *at, int n, int *cap, size_t size) {
  *cap = *cap ? *cap * 2 : 8;
  void *p = arena_alloc(a, size * (size_t)*cap);
  if (n)
    memcpy(p, at, size * (size_t)n);
  return p;
}

void arena_free(struct arena *a) {
  for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
    next = c->next;
    free(c);
  }
  a->chunks = NULL;
}
