/* rows.c: arrays of a kernel's own that are used a row at a time.
 *
 * Where threads share the tokens of a scan, what its body keeps is each thread's own. Where they share a loop
 * over rows, and an iteration touches no row but its own of an array that nothing outside the kernel sees, a
 * thread needs one row, which stays in its first cache, instead of all rows. */
#include "backends/lower/lower.h"

/* The touches of a buffer: all in one parallel loop, `width` elements apart from iteration to iteration. */
struct row_use {
  struct arena *arena;
  const struct buffer *buffer;
  const struct loop *loop;
  int64_t width;
  bool fits;
};

/* The element's place in its row. */
static struct index *in_row(const struct row_use *r, const struct index *i) {
  return index_sum(r->arena, i, -r->width, index_var(r->arena, (struct loop *)r->loop));
}

static void use(struct row_use *r, const struct index *i, const struct loop *loop) {
  int64_t width, least, most;
  bool again = r->loop != NULL;
  if (!loop || loop->kind != LOOP_SERIAL || (again && loop != r->loop) ||
      !index_coefficient(i, loop, &width) || width <= 0 || (again && width != r->width)) {
    r->fits = false;
    return;
  }
  r->loop = loop;
  r->width = width;
  index_range(in_row(r, i), &least, &most);
  r->fits &= least >= 0 && most < width;
}

/* loop: the parallel one around. `rewrite`: indices become those in the row. */
static void each_use(struct row_use *r, struct stmt *list, const struct loop *loop, bool rewrite) {
  for (struct stmt *s = list; s; s = s->next) {
    struct index **at = s->kind == STMT_STORE && s->buffer == r->buffer ? &s->index : NULL;
    if (s->kind == STMT_LOOP)
      each_use(r, s->loop->body, s->loop->parallel ? s->loop : loop, rewrite);
    if (s->kind == STMT_LET && s->expr->kind == EXPR_LOAD && s->expr->buffer == r->buffer)
      at = &s->expr->index;
    if (at && rewrite)
      *at = in_row(r, *at);
    else if (at)
      use(r, *at, loop);
  }
}

static bool take_row(struct kernel_lowering *u, struct buffer *b) {
  if (b->each_token && u->tokens_shared) { /* all of it is one token's */
    b->base = BASE_OWN;
    return true;
  }
  struct row_use r = {.arena = u->a, .buffer = b, .fits = true};
  each_use(&r, u->kernel->body, NULL, false);
  if (!r.fits || !r.loop)
    return false;
  b->base = BASE_OWN;
  each_use(&r, u->kernel->body, NULL, true);
  b->elements = r.width;
  return true;
}

static int64_t aligned(const struct kernel_lowering *u, const struct buffer *b) {
  int64_t align = u->policy->align;
  return (buffer_bytes(b) + align - 1) / align * align;
}

void own_rows(struct kernel_lowering *u, int64_t own_at) {
  u->local = 0;
  u->own = own_at;
  for (int i = 0; i < u->kernel->buffers.n; i++) {
    struct buffer *b = u->kernel->buffers.at[i];
    if (!buffer_is_local(u, b))
      continue;
    bool row = take_row(u, b);
    b->offset = row ? u->own : u->scratch + u->local;
    *(row ? &u->own : &u->local) += aligned(u, b);
  }
}
