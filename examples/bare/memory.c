/* memory.c: what compilers call without being asked, for programs without a C library. */
#include <stddef.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns") /* or the loops become calls of themselves */
#endif

void *memcpy(void *to, const void *from, size_t n) {
  char *t = to;
  const char *f = from;
  while (n--)
    *t++ = *f++;
  return to;
}

void *memset(void *to, int byte, size_t n) {
  char *t = to;
  while (n--)
    *t++ = (char)byte;
  return to;
}
