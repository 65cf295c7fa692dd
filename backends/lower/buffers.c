/* buffers.c: where the numbers of a kernel lie: planned values, weights, their scales, states, and arrays of
 * its own. A place has one buffer in a kernel, with a name for readers. */
#include "backends/lower/lower.h"

#include "ir/layout.h"
#include <ctype.h>
#include <string.h>

static const enum memory_format formats[ELEM_COUNT] = {
    [ELEM_BOOL] = FORMAT_BOOL, [ELEM_U32] = FORMAT_U32, [ELEM_I8] = FORMAT_I8,
    [ELEM_I16] = FORMAT_I16,   [ELEM_I32] = FORMAT_I32, [ELEM_F32] = FORMAT_F32,
};

/* ---- names ----------------------------------------------------------------------------------- */

/* At most this many characters of a name are kept, from its end. */
enum { NAME_LENGTH = 40 };

const char *identifier(struct arena *a, const char *text) {
  size_t n = strlen(text);
  const char *from = n > NAME_LENGTH ? text + n - NAME_LENGTH : text;
  char *s = arena_printf(a, "%s%s", isdigit((unsigned char)*from) || !*from ? "n" : "", from), *to = s;
  for (const char *p = s; *p; p++) { /* runs of other characters become one underscore */
    bool word = isalnum((unsigned char)*p) && (unsigned char)*p < 128;
    if (word || (to > s && to[-1] != '_'))
      *to++ = word ? *p : '_';
  }
  while (to > s && to[-1] == '_')
    to--;
  *to = '\0';
  return *s ? s : "n";
}

/* "model.layers.{}.attn.i_proj.weight" -> "i_proj", "...attn_norm.weight" -> "attn_norm": the last two parts
 * of the path that say something, which holes (support/holes.h) do not. */
static const char *symbol_name(struct arena *a, const char *symbol) {
  const char *part[2] = {"", ""};
  char *copy = arena_strdup(a, symbol), *rest = copy, *p;
  while ((p = strsep(&rest, "."))) {
    if (!*p || *p == '{' || (!rest && strcmp(p, "weight") == 0))
      continue;
    part[0] = part[1];
    part[1] = p;
  }
  bool generic = !*part[0] || strcmp(part[0], "layers") == 0 || strcmp(part[0], "model") == 0;
  return generic ? part[1] : arena_printf(a, "%s_%s", part[0], part[1]);
}

const char *weight_name(struct arena *a, const struct weight *w) {
  if (w->n_parts == 0)
    return symbol_name(a, w->name);
  const char *text = "";
  for (int i = 0; i < w->n_parts; i++) {
    const char *part = symbol_name(a, w->parts[i]), *last = strchr(part, '_');
    text = arena_printf(a, "%s%s%s", text, i ? "_" : "", i && last ? last + 1 : part);
  }
  return text;
}

/* ---- buffers --------------------------------------------------------------------------------- */

/* The table of buffers by place lives in the lowering's arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(u->a, (bytes))
#define uthash_free(memory, size) ((void)(memory))

enum { KEY_NUMBERS = 7 };

struct placed {
  int64_t key[KEY_NUMBERS];
  struct buffer *buffer;
  UT_hash_handle hh;
};

static struct buffer *add(struct kernel_lowering *u, struct buffer b, const char *hint) {
  const int64_t key[KEY_NUMBERS] = {b.base, b.port, b.format, b.offset, b.stride_i, b.stride_j, b.elements};
  struct placed *p = NULL;
  HASH_FIND(hh, u->placed, key, sizeof key, p);
  if (p)
    return p->buffer;
  p = arena_new(u->a, struct placed);
  memcpy(p->key, key, sizeof key);
  p->buffer = arena_new(u->a, struct buffer);
  *p->buffer = b;
  p->buffer->name = names_fresh(&u->names, identifier(u->a, hint), "", NULL);
  vec_push(u->a, u->kernel->buffers, p->buffer);
  HASH_ADD(hh, u->placed, key, sizeof p->key, p);
  return p->buffer;
}

static int format_bytes(enum memory_format f) {
  static const int bytes[] = {[FORMAT_F32] = 4, [FORMAT_F16] = 2, [FORMAT_BF16] = 2, [FORMAT_I8] = 1,
                              [FORMAT_I16] = 2, [FORMAT_I32] = 4, [FORMAT_U32] = 4,  [FORMAT_BOOL] = 1};
  return bytes[f];
}

int64_t buffer_bytes(const struct buffer *b) {
  return b->elements * format_bytes(b->format);
}

struct buffer *buffer_add(struct kernel_lowering *u, enum buffer_base base, enum elem elem, int64_t offset,
                          int64_t elements, const char *name) {
  struct buffer b = {.base = base, .format = formats[elem], .offset = offset, .elements = elements};
  return add(u, b, name);
}

struct buffer *buffer_local(struct kernel_lowering *u, enum elem elem, int64_t elements, const char *name) {
  struct buffer *b = buffer_add(u, BASE_SCRATCH, elem, u->scratch + u->local, elements, name);
  b->written = true;
  int64_t align = u->policy->align;
  u->local += (buffer_bytes(b) + align - 1) / align * align;
  return b;
}

bool buffer_is_local(const struct kernel_lowering *u, const struct buffer *b) {
  return b->base == BASE_SCRATCH && b->offset >= u->scratch;
}

/* A name for people: the spec's, or what computes the value. */
static const char *value_hint(const struct value *v) {
  if (v->name)
    return v->name;
  if (!v->def)
    return "carried";
  if (v->def->code == OP_KERNEL) {
    const struct value *made = v->def->body->last->in[v->index];
    return made->name ? made->name : made->def ? op_info[made->def->code].text : "value";
  }
  return v->def->code == OP_TERNARY_SUM ? "sums" : op_info[v->def->code].text;
}

/* Whether each thread has a copy of the value. */
static bool made_by_each(const struct kernel_lowering *u, const struct value *v) {
  const struct made_kernel *made = NULL;
  HASH_FIND_PTR(u->made, &v->def, made);
  return made && made->kernel->team == TEAM_EACH;
}

static struct buffer *buffer_of_port(struct kernel_lowering *u, int port, struct type t) {
  const char *name = u->kernel->entry->ports.at[port].name;
  struct buffer b = {
      .base = BASE_PORT, .port = port, .format = formats[t.elem], .elements = most_count(u->m, t)};
  return add(u, b, name);
}

struct buffer *buffer_of_rows(struct kernel_lowering *u, struct type t) {
  return buffer_of_port(u, port_of_rows(u->kernel->entry), t);
}

struct buffer *buffer_of_value(struct kernel_lowering *u, const struct value *v) {
  enum buffer_base base = made_by_each(u, v) ? BASE_OWN : BASE_SCRATCH;
  int port = port_of_value(u->kernel->entry, v);
  if (port >= 0)
    return buffer_of_port(u, port, v->type);
  if (v->at < 0) {
    diag_at(u->d, SEVERITY_ERROR, u->op->at,
            "a value%s%s of kernel '%s' has no place; run the pass plan-memory", v->name ? " " : "",
            v->name ? v->name : "", u->kernel->name);
    u->failed = true;
  }
  return buffer_add(u, base, v->type.elem, v->at < 0 ? 0 : v->at, most_count(u->m, v->type), value_hint(v));
}

/* A computed index: the element of a kernel's operand, or, of a sum, what another kernel has stored. */
static struct index *computed_index(struct kernel_lowering *u, struct value *index) {
  struct index *row = index->type.rank ? u->row : index_const(u->a, 0);
  if (u->body)
    return index_value(u->a, pull(u, index, &row));
  struct buffer *b = buffer_of_value(u, index);
  return index_value(u->a, put_load(u, b, row, ELEM_U32, u->op->at));
}

/* Adds `stride` bytes an instance, for operand `index` which counts `count` of them. One that is known only
 * at run time becomes a part of the element's index, and the buffer has all the instances. */
static void add_stride(struct kernel_lowering *u, struct buffer *b, struct value *index, int64_t count,
                       int64_t stride, struct index **extra) {
  if (index->def && index->def->code == OP_NTH) {
    int64_t group = index->def->attr.group;
    add_stride(u, b, index->def->in[0], (count + group - 1) / group, stride * group, extra);
    add_stride(u, b, index->def->in[1], group, stride, extra);
    return;
  }
  bool inside = !index->def && index->block == u->body;
  const struct value *outside = inside ? u->captured[index->index] : index;
  if (outside == u->repeat[0]) {
    b->stride_i += stride;
  } else if (outside == u->repeat[1]) {
    b->stride_j += stride;
  } else if (index->def && index->def->code == OP_CONST) {
    b->offset += (int64_t)index->def->attr.value * stride;
  } else {
    struct index *i = computed_index(u, index);
    int64_t step = stride / format_bytes(b->format);
    *extra = *extra ? index_sum(u->a, *extra, step, i) : index_scale(u->a, i, step);
    b->elements += (count - 1) * step;
  }
}

/* A kernel reads scales, floats and integers; a ternary sum reads codes. */
static void weight_place(struct kernel_lowering *u, const struct op *op, const struct weight *w,
                         struct buffer *b) {
  static const enum memory_format stored[STORE_COUNT] = {
      [STORE_F32] = FORMAT_F32,  [STORE_F16] = FORMAT_F16,  [STORE_BF16] = FORMAT_BF16,
      [STORE_TILE2] = FORMAT_I8, [STORE_TILE3] = FORMAT_I8, [STORE_TILE4] = FORMAT_I8,
      [STORE_TILE8] = FORMAT_I8, [STORE_I8] = FORMAT_I8,    [STORE_I16] = FORMAT_I16,
      [STORE_I32] = FORMAT_I32};
  bool scale = op->code == OP_WSCALE, codes = u->kernel->kind != KERNEL_LOOPS && elem_codes(w->type.elem);
  b->base = BASE_WEIGHTS;
  b->format = scale ? FORMAT_F32 : stored[w->stored];
  b->offset = scale ? w->scales : w->offset;
  b->elements = scale ? weight_scale_count(w) : codes ? weight_bytes(w) : type_count(w->type, NULL);
  if (b->offset >= 0 && (scale || (w->stored != STORE_NONE && storage_packed(w->stored) == codes)))
    return;
  diag_at(u->d, SEVERITY_ERROR, op->at,
          "'%s' has no place among the stored weights; run the pass plan-memory", w->name);
  u->failed = true;
}

/* part: the number of the operand that names a part of the state. */
static void state_place(struct kernel_lowering *u, const struct op *op, const struct state *s, int part,
                        struct buffer *b, struct index **extra) {
  b->format = s->stored == STORE_BF16 ? FORMAT_BF16 : formats[s->type.elem];
  b->base = s->within ? BASE_SCRATCH : BASE_STATE;
  b->offset = s->offset;
  if (type_is_past(u->m, s->type)) {
    b->elements = past_rows(u->m, s->type.dim[0]) * type_count(type_rest(s->type), NULL);
    b->sequence = u->kernel->entry->sequences ? u->m->state_bytes : 0;
    return;
  }
  struct type t = op->code == OP_READ ? op->out[0]->type : op->in[0]->type;
  bool takes_part = type_is_part(u->m, t, s->type);
  b->elements = most_count(u->m, takes_part ? t : s->type);
  if (takes_part)
    add_stride(u, b, op->in[part], 0, buffer_bytes(b), extra);
  b->sequence = t.rank > s->type.rank ? u->m->state_bytes : 0;
}

struct buffer *buffer_of_symbol(struct kernel_lowering *u, const struct op *op, int first,
                                struct index **extra) {
  const struct weight *w = op->code == OP_WEIGHT || op->code == OP_WSCALE || op->code == OP_DEFINE
                               ? weight_find(u->m, op->attr.symbol)
                               : NULL;
  const struct state *s = w ? NULL : state_find(u->m, op->attr.symbol);
  struct buffer b = {.base = BASE_STATE, .format = FORMAT_F32};
  int n = w ? w->n_counts : s->n_counts;
  const int64_t *counts = w ? w->counts : s->counts;
  int64_t stride = w ? w->stride : s->stride;
  *extra = NULL;
  if (w) {
    weight_place(u, op, w, &b);
  } else {
    state_place(u, op, s, first + n, &b, extra);
  }
  const char *name = w ? weight_name(u->a, w) : symbol_name(u->a, s->name);
  if (op->code == OP_WSCALE)
    name = arena_printf(u->a, "%s_scale", name);
  for (int k = n - 1; k >= 0; k--) {
    add_stride(u, &b, op->in[first + k], counts[k], stride, extra);
    stride *= counts[k];
  }
  return add(u, b, name);
}
