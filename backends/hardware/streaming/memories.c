/* memories.c: the memories of a design.
 *
 * Values that plan-memory put in one place and that have one format share a memory, whatever kernel they are
 * of: they are never alive together. A state is one memory with all its instances. */
#include "backends/hardware/streaming/design.h"

#include "backends/lower/facts.h"
#include "backends/lower/index.h"
#include "backends/lower/lower.h"
#include <string.h>

static bool name_taken(const struct hw_design *h, const char *name) {
  for (int i = 0; i < h->buffers.n; i++)
    if (strcmp(h->buffers.at[i]->name, name) == 0)
      return true;
  return false;
}

/* The core's own signals that end like a memory's begin so: state_write, sum_element, window_here. */
static bool is_of_the_core(const char *name) {
  static const char *const own[] = {"state", "sum",   "window", "code", "sequence",
                                    "token", "logit", "clear",  "step"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(name, own[i]) == 0)
      return true;
  return false;
}

static struct hw_buffer *add(struct hw_design *h, struct hw_buffer b, const char *hint) {
  struct hw_buffer *new = arena_new(h->arena, struct hw_buffer);
  const char *base = identifier(h->arena, hint);
  base = is_of_the_core(base) ? arena_printf(h->arena, "%s_value", base) : base;
  *new = b;
  new->name = base;
  for (int n = 2; name_taken(h, new->name); n++)
    new->name = arena_printf(h->arena, "%s_%d", base, n);
  new->id = h->buffers.n;
  new->range = interval_of_format(b.format);
  new->bits = bits_of(new->range);
  vec_push(h->arena, h->buffers, new);
  return new;
}

static int64_t planned_scratch(const struct hw_design *h) {
  return func_find(h->module, "step")->scratch;
}

static int64_t state_instances(const struct state *s) {
  int64_t n = 1;
  for (int i = 0; i < s->n_counts; i++)
    n *= s->counts[i];
  return n;
}

/* The state of which the buffer is an instance. */
static const struct state *state_of(const struct module *m, const struct buffer *b) {
  for (const struct state *s = m->states; s; s = s->next) {
    int64_t from = b->offset - s->offset;
    bool here =
        s->stride ? from >= 0 && from % s->stride == 0 && from / s->stride < state_instances(s) : from == 0;
    if (here && type_count(s->type, NULL) == b->elements)
      return s;
  }
  return NULL;
}

static struct hw_buffer *find(struct hw_design *h, enum hw_place place, const struct buffer *b,
                              const struct state *s, const struct kernel *owner) {
  for (int i = 0; i < h->buffers.n; i++) {
    struct hw_buffer *o = h->buffers.at[i];
    bool alone = place == HW_TOKEN || place == HW_LOGITS;
    if (o->place == place &&
        (alone ||
         (s ? o->state == s : o->offset == b->offset && o->format == b->format && o->owner == owner)))
      return o;
  }
  return NULL;
}

static enum hw_place place_of(const struct hw_design *h, const struct buffer *b) {
  if (b->base == BASE_PORT)
    return is_token(b) ? HW_TOKEN : HW_LOGITS;
  if (b->base == BASE_STATE)
    return HW_STATE;
  return b->offset >= planned_scratch(h) ? HW_LOCAL : HW_SCRATCH;
}

struct hw_buffer *hw_buffer_of(struct hw_design *h, struct diag *d, const struct kernel *k,
                               const struct buffer *b) {
  enum hw_place place = place_of(h, b);
  if (b->format == FORMAT_F32 || b->format == FORMAT_F16 || b->format == FORMAT_BF16) {
    diag_at(
        d, SEVERITY_ERROR, k->at,
        "'%s' of %s holds floats, and the hardware computes integers only; the pass fixed-point makes them",
        b->name, kernel_title(k));
    return NULL;
  }
  const struct state *s = place == HW_STATE ? state_of(h->module, b) : NULL;
  const struct kernel *owner = place == HW_LOCAL ? k : NULL;
  struct hw_buffer *to = find(h, place, b, s, owner);
  if (!to) {
    struct hw_buffer new = {.place = place, .format = b->format, .offset = b->offset, .owner = owner};
    new.state = s;
    new.instances = s ? state_instances(s) : 1;
    new.spec = s ? s->name : b->name;
    const char *hint = place == HW_LOCAL ? arena_printf(h->arena, "%s_%s", k->name, b->name) : b->name;
    to = add(h, new, s ? arena_printf(h->arena, "state_%s", b->name) : hint);
  }
  to->elements = b->elements > to->elements ? b->elements : to->elements;
  if (place == HW_TOKEN)
    h->token = to;
  if (place == HW_LOGITS)
    h->logits = to;
  /* a state's instances begin on words of their own; its size is known from the start */
  to->instance_words = (to->elements + h->options.vector - 1) / h->options.vector;
  return to;
}

struct index *hw_place_of(struct hw_design *h, const struct hw_buffer *to, const struct buffer *b,
                          const struct index *at) {
  const struct state *s = to->state;
  if (!s || s->n_counts == 0)
    return (struct index *)at;
  int64_t size = to->instance_words * h->options.vector;
  struct index *sum =
      index_sum(h->arena, at, size * ((b->offset - s->offset) / s->stride), index_const(h->arena, 1));
  sum = index_sum(h->arena, sum, size * (b->stride_i / s->stride), index_leaf(h->arena, INDEX_I));
  return index_sum(h->arena, sum, size * (b->stride_j / s->stride), index_leaf(h->arena, INDEX_J));
}

void hw_size_buffers(struct hw_design *h) {
  for (int i = 0; i < h->buffers.n; i++) {
    struct hw_buffer *b = h->buffers.at[i];
    b->instance_words = (b->elements + h->options.vector - 1) / h->options.vector;
    b->words = b->instance_words * b->instances;
  }
}
