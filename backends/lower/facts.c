/* facts.c: initial states, tables of curves, the width of the logits, names for people. */
#include "backends/lower/facts.h"

#include "ir/curve.h"
#include "ir/layout.h"
#include <string.h>

int state_fills(struct arena *a, const struct module *m, struct state_fill **out) {
  VEC(struct state_fill) fills = {0};
  for (const struct state *s = m->states; s; s = s->next) {
    if (type_is_past(m, s->type) || s->within)
      continue; /* nobody reads a row before it is written */
    int64_t count = type_count(s->type, NULL), instances = 1;
    for (int i = 0; i < s->n_counts; i++)
      instances *= s->counts[i];
    bool touch = instances == 1 || s->stride == elem_bytes(s->type.elem) * count;
    for (int64_t i = 0; i < (touch ? 1 : instances); i++)
      vec_push(a, fills,
               (struct state_fill){s->offset + i * s->stride, touch ? count * instances : count, s->type.elem,
                                   s->init});
  }
  *out = fills.at;
  return fills.n;
}

int64_t context_length(const struct module *m) {
  int64_t most = 0;
  for (const struct state *s = m->states; s; s = s->next) {
    const struct dim *d = type_is_past(m, s->type) ? dim_of(m, s->type.dim[0]) : NULL;
    if (d && d->past == PAST_HISTORY && (most == 0 || d->most < most))
      most = d->most;
  }
  return most;
}

bool asks_position(const struct kernel *k) {
  for (int i = 0; i < k->buffers.n; i++)
    if (k->buffers.at[i]->base == BASE_POSITIONS)
      return true;
  return false;
}

uint32_t fill_bits(const struct state_fill *f) {
  float x = (float)f->value;
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return f->elem == ELEM_F32 ? bits : (uint32_t)(int32_t)f->value;
}

/* ---- curves ---------------------------------------------------------------------------------- */

const char *curve_table_name(struct arena *a, const struct attrs *attr) {
  return arena_printf(a, "%s_%d_%d", curve_name(attr->curve), curve_shape(attr).s, attr->out_frac);
}

struct curve_list {
  struct arena *a;
  VEC(struct curve_use) list;
};

static void note_curve(struct curve_list *c, const struct attrs *attr) {
  const char *name = curve_table_name(c->a, attr);
  for (int i = 0; i < c->list.n; i++)
    if (strcmp(c->list.at[i].name, name) == 0)
      return;
  vec_push(c->a, c->list, (struct curve_use){attr, name});
}

static void find_curves(struct curve_list *c, const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP)
      find_curves(c, s->loop->body);
    if (s->kind == STMT_LET && s->expr->kind == EXPR_OP && s->expr->code == OP_CURVE)
      note_curve(c, &s->expr->attr);
  }
}

int curve_uses(struct arena *a, const struct loops *l, struct curve_use **out) {
  struct curve_list c = {.a = a};
  for (const struct kernel *k = l->kernels; k; k = k->next)
    find_curves(&c, k->body);
  *out = c.list.at;
  return c.list.n;
}

/* ---- weights and logits ---------------------------------------------------------------------- */

/* How the operators of the module read a weight. */
struct table_use {
  const struct weight *w;
  bool looked_up, read_whole; /* by rows; otherwise */
  UT_hash_handle hh;
};

struct table_search {
  struct arena arena;
  const struct module *m;
  struct table_use *uses; /* by weight */
};

/* The table lives in the search's arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(&t->arena, (bytes))
#define uthash_free(memory, size) ((void)(memory))

static struct table_use *use_of(struct table_search *t, const char *symbol) {
  const struct weight *w = weight_find(t->m, symbol);
  struct table_use *use = NULL;
  HASH_FIND_PTR(t->uses, &w, use);
  if (!use) {
    use = arena_new(&t->arena, struct table_use);
    use->w = w;
    HASH_ADD_PTR(t->uses, w, use);
  }
  return use;
}

static void search_table(struct op *op, void *data) {
  for (int i = 0; i < op->n_in; i++) {
    const struct op *def = op->in[i]->def;
    if (!def || def->code != OP_WEIGHT)
      continue;
    bool row = op->code == OP_INDEX && i == 0 && op->in[1]->def == NULL;
    struct table_use *use = use_of(data, def->attr.symbol);
    *(row ? &use->looked_up : &use->read_whole) = true;
  }
}

const struct weight *row_table(const struct module *m) {
  const struct weight *best = NULL;
  struct table_search t = {.m = m};
  for (const struct func *f = m->funcs; f; f = f->next)
    if (!func_is_fold(f))
      walk(f->body, search_table, &t);
  for (const struct weight *w = m->weights; w; w = w->next) {
    const struct table_use *use = NULL;
    HASH_FIND_PTR(t.uses, &w, use);
    bool table = use && use->looked_up && !use->read_whole && w->n_counts == 0 && w->stored != STORE_NONE;
    if (table && (!best || weight_bytes(w) > weight_bytes(best)))
      best = w;
  }
  arena_free(&t.arena);
  return best;
}

const char language_step_is[] =
    "it has no function 'step' (u32) -> f32[vocab] or i32[vocab], from a token to logits";

const struct entry *language_step(const struct loops *l) {
  const struct entry *e = loops_entry(l, "step");
  if (!e || e->ports.n != 2)
    return NULL;
  const struct entry_port *in = &e->ports.at[0], *out = &e->ports.at[1];
  bool token = in->access == PORT_IN && type_equal(in->type, type_scalar(ELEM_U32));
  bool logits = out->access == PORT_OUT && (out->type.elem == ELEM_F32 || out->type.elem == ELEM_I32);
  return token && logits ? e : NULL;
}

bool is_token(const struct buffer *b) {
  return b->base == BASE_PORT && b->port == 0;
}

bool is_logits(const struct buffer *b) {
  return b->base == BASE_PORT && b->port == 1;
}

static const struct value *logits_of(const struct module *m) {
  const struct func *step = func_find(m, "step");
  const struct op *end = step ? step->body->last : NULL;
  return end && end->n_in > 0 ? end->in[0] : NULL;
}

int64_t logits_width(const struct module *m) {
  const struct value *v = logits_of(m);
  return v && v->type.rank > 0 ? v->type.dim[v->type.rank - 1] : 0;
}

bool logits_are_integers(const struct module *m, int *frac) {
  const struct value *v = logits_of(m);
  *frac = v && v->frac != FRAC_NONE ? v->frac : 0;
  return v && v->type.elem == ELEM_I32;
}

const char *kernel_title(const struct kernel *k) {
  return k->op && k->op->code == OP_KERNEL && k->op->attr.name ? k->op->attr.name : k->name;
}

/* ---- what goes token by token ---------------------------------------------------------------- */

struct serial_places {
  struct arena *arena;
  const struct module *m;
  const char *state; /* the first of the sequence that the repeat at hand writes */
  const char *text;
};

static void find_state(struct op *op, void *data) {
  struct serial_places *s = data;
  const struct state *state = op->code == OP_WRITE ? state_find(s->m, op->attr.symbol) : NULL;
  if (state && !state->within && !s->state)
    s->state = state->name;
}

static void add_place(struct op *op, void *data) {
  struct serial_places *s = data;
  if (op->code != OP_REPEAT || !op->attr.group || dim_of(s->m, op->attr.group)->most != 1)
    return;
  s->state = NULL;
  walk(op->body, find_state, s);
  s->text = arena_printf(s->arena, "%s%s%s:%u (%s)", s->text, *s->text ? ", " : "",
                         source_name(s->arena, s->m, op->at.file), (unsigned)op->at.line,
                         s->state ? s->state : "no state");
}

const char *serial_text(struct arena *a, const struct loops *l) {
  struct serial_places s = {.arena = a, .m = l->module, .text = ""};
  for (int i = 0; i < l->entries.n; i++)
    walk(l->entries.at[i]->func->body, add_place, &s);
  return *s.text ? s.text : "none";
}

/* ---- names for people ------------------------------------------------------------------------ */

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Length of the folder, with its slash, that the spec was read from: its source is shown under a name that
 * ends in the module's name for it. */
static size_t spec_folder(const struct module *m, const char **folder) {
  size_t n = m->spec ? strlen(m->spec) : 0;
  for (int i = 0; n && i < m->diag->sources.n; i++) {
    const char *name = m->diag->sources.at[i].name;
    size_t length = strlen(name);
    if (length > n && name[length - n - 1] == '/' && strcmp(name + length - n, m->spec) == 0) {
      *folder = name;
      return length - n;
    }
  }
  return 0;
}

const char *source_name(struct arena *a, const struct module *m, uint16_t file) {
  const char *folder = "";
  if (!file || !m->diag || file > m->diag->sources.n)
    return m->spec ? base_name(m->spec) : "";
  const char *name = m->diag->sources.at[file - 1].name;
  size_t n = spec_folder(m, &folder);
  if (n && strncmp(name, folder, n) == 0)
    name += n;
  bool outside = name[0] == '/' || strncmp(name, "..", 2) == 0;
  return arena_strdup(a, outside ? base_name(name) : name);
}
