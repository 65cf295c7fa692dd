/* arena.h: region allocation.
 *
 * One compilation owns one arena; nothing allocated in it is freed alone. Memory is zeroed and an
 * allocation never returns NULL: when the machine has no more, the program says so and exits with status 1.
 */
#ifndef TERN_SUPPORT_ARENA_H
#define TERN_SUPPORT_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena_chunk;
struct arena {
  struct arena_chunk *chunks; /* newest first */
};

/* `bytes` zeroed bytes, aligned to 16. */
void *arena_alloc(struct arena *a, size_t bytes);
/* A copy of the first `n` bytes of `s`, terminated. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
/* printf into the arena. */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list ap);
/* Gives everything back; the arena is empty and can be used again. */
void arena_free(struct arena *a);

#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

/* A growable array whose storage lives in an arena: VEC(int) v = {0}; vec_push(a, v, 3); v.at[0]; v.n. */
#define VEC(type)                                                                                            \
  struct {                                                                                                   \
    type *at;                                                                                                \
    int n, cap;                                                                                              \
  }
#define vec_push(arena, v, ...)                                                                              \
  ((v).n == (v).cap ? (void)((v).at = vec_grow((arena), (v).at, (v).n, &(v).cap, sizeof *(v).at)) : (void)0, \
   (void)((v).at[(v).n++] = (__VA_ARGS__)))
void *vec_grow(struct arena *a, const void *at, int n, int *cap, size_t size);

/* malloc, realloc and strdup that end the program with a message instead of returning NULL; the caller frees.
 */
void *xmalloc(size_t bytes);
void *xrealloc(void *p, size_t bytes);
char *xstrdup(const char *s);
/* p, unless it is NULL, for want of memory. */
void *or_die(void *p);

#endif
