/* sharing.c: the system of sums, its changes and how they are taken back. */
#include "backends/hardware/adder_graph/sharing.h"

#include <stdlib.h>
#include <string.h>

enum {
  DEEPEST = 45, /* of a helper; more than any limit, and 2^DEEPEST * terms fits in 64 bits */
  FIRST_IDS = 64
};

void list_grow(struct id_list *l) {
  l->cap = l->cap ? 2 * l->cap : 4;
  l->at = xrealloc(l->at, sizeof *l->at * l->cap);
}

static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
  return x ^ x >> 32;
}

uint32_t sharing_random(struct sharing *s, uint32_t n) {
  s->random ^= s->random << 13;
  s->random ^= s->random >> 7;
  s->random ^= s->random << 17;
  return (uint32_t)((s->random >> 32) * n >> 32);
}

/* ---- values ------------------------------------------------------------------------------------------- */

static uint64_t *mask_of(const struct sharing *s, uint32_t id, bool negative) {
  return s->mask + (2 * (size_t)id + negative) * s->words;
}

static bool mask_has(const struct sharing *s, uint32_t id, bool negative, uint32_t input) {
  return mask_of(s, id, negative)[input >> 6] >> (input & 63) & 1;
}

static bool mask_has_any(const struct sharing *s, uint32_t id, uint32_t input) {
  return mask_has(s, id, false, input) || mask_has(s, id, true, input);
}

static void value_clear(struct sharing *s, uint32_t id) {
  memset(mask_of(s, id, false), 0, 2 * s->words * sizeof *s->mask);
  s->sum[id].inputs.n = 0;
  s->sum[id].hash = 0;
}

static void value_add_input(struct sharing *s, uint32_t id, uint32_t input, bool negative) {
  mask_of(s, id, negative)[input >> 6] |= (uint64_t)1 << (input & 63);
  list_push(&s->sum[id].inputs, term_of(input, negative));
  s->sum[id].hash += negative ? -mix(input + 1) : mix(input + 1);
}

static void value_add(struct sharing *s, uint32_t id, uint32_t other, bool negative) {
  const struct id_list *in = &s->sum[other].inputs;
  for (uint32_t i = 0; i < in->n; i++)
    value_add_input(s, id, term_id(in->at[i]), term_negative(in->at[i]) ^ negative);
}

int sharing_fits(const struct sharing *s, uint32_t t, uint32_t u) {
  const struct id_list *in = &s->sum[u].inputs;
  bool flipped = !mask_has(s, t, term_negative(in->at[0]), term_id(in->at[0]));
  for (uint32_t i = 0; i < in->n; i++)
    if (!mask_has(s, t, term_negative(in->at[i]) ^ flipped, term_id(in->at[i])))
      return 0;
  return flipped ? -1 : 1;
}

bool sharing_overlap(const struct sharing *s, uint32_t a, uint32_t b) {
  if (s->sum[a].inputs.n > s->sum[b].inputs.n) {
    uint32_t swap = a;
    a = b;
    b = swap;
  }
  const struct id_list *in = &s->sum[a].inputs;
  for (uint32_t i = 0; i < in->n; i++)
    if (mask_has_any(s, b, term_id(in->at[i])))
      return true;
  return false;
}

bool sharing_inside(const struct sharing *s, uint32_t part, uint32_t whole) {
  const struct id_list *in = &s->sum[part].inputs;
  if (in->n > s->sum[whole].inputs.n)
    return false;
  for (uint32_t i = 0; i < in->n; i++)
    if (!mask_has_any(s, whole, term_id(in->at[i])))
      return false;
  return true;
}

/* ---- helpers by value --------------------------------------------------------------------------------- */

/* The same slot for a value and its negative. */
static uint32_t *slot_of(const struct sharing *s, uint64_t hash) {
  uint64_t canonical = hash < -hash ? hash : -hash;
  return &s->table[canonical * 0x9e3779b97f4a7c15u >> (64 - s->table_bits)];
}

static void table_insert(struct sharing *s, uint32_t id) {
  uint32_t *slot = slot_of(s, s->sum[id].hash);
  s->sum[id].chain = *slot;
  *slot = id;
}

static void table_remove(struct sharing *s, uint32_t id) {
  uint32_t *p = slot_of(s, s->sum[id].hash);
  while (*p != id)
    p = &s->sum[*p].chain;
  *p = s->sum[id].chain;
}

uint32_t sharing_find(const struct sharing *s, uint32_t a, uint32_t b, bool minus) {
  uint64_t hash = s->sum[a].hash + (minus ? -s->sum[b].hash : s->sum[b].hash);
  uint32_t size = s->sum[a].inputs.n + s->sum[b].inputs.n;
  for (uint32_t u = *slot_of(s, hash); u; u = s->sum[u].chain)
    if ((s->sum[u].hash == hash || s->sum[u].hash == -hash) && s->sum[u].inputs.n == size &&
        sharing_inside(s, a, u) && sharing_inside(s, b, u))
      return u;
  return 0;
}

static void helper_insert(struct sharing *s, uint32_t id) {
  s->sum[id].alive = true;
  s->sum[id].place = s->helpers.n;
  list_push(&s->helpers, id);
  table_insert(s, id);
}

static void helper_remove(struct sharing *s, uint32_t id) {
  table_remove(s, id);
  s->sum[id].alive = false;
  uint32_t last = s->helpers.at[--s->helpers.n];
  s->helpers.at[s->sum[id].place] = last;
  s->sum[last].place = s->sum[id].place;
}

/* ---- depth -------------------------------------------------------------------------------------------- */

static void save(struct sharing *s, uint32_t id) {
  struct sum *x = &s->sum[id];
  if (x->saved == s->change)
    return;
  x->saved = s->change;
  if (s->n_old == s->cap_old) {
    s->cap_old = s->cap_old ? 2 * s->cap_old : 64;
    s->old = xrealloc(s->old, sizeof *s->old * s->cap_old);
  }
  s->old[s->n_old++] = (struct saved_sum){id, x->terms.n, s->old_terms.n, x->load, x->depth};
  for (uint32_t i = 0; i < x->terms.n; i++)
    list_push(&s->old_terms, x->terms.at[i]);
}

/* Depth limit of the id if it is where depth ends: an output of the original; -1 otherwise. */
static int limit_of(const struct sharing *s, uint32_t id) {
  if (is_helper(s, id))
    return -1;
  if (s->dual)
    return id < s->inputs ? s->limit[id] : -1;
  return id >= s->inputs ? s->limit[id - s->inputs] : -1;
}

/* Everything that depends on the changed depth follows. */
static void load_add(struct sharing *s, uint32_t id, int64_t more) {
  save(s, id);
  struct sum *x = &s->sum[id];
  x->load += more;
  if (!is_helper(s, id)) {
    s->too_deep |= x->load > (int64_t)1 << limit_of(s, id);
    return;
  }
  int depth = depth_of_load(x->load), before = x->depth;
  if (depth > DEEPEST) {
    s->too_deep = true;
    depth = DEEPEST;
  }
  if (depth == before)
    return;
  x->depth = (uint8_t)depth;
  const struct id_list *next = s->dual ? &x->terms : &x->uses;
  for (uint32_t i = 0; i < next->n; i++)
    load_add(s, term_id(next->at[i]), ((int64_t)1 << depth) - ((int64_t)1 << before));
}

static void edge_load(struct sharing *s, uint32_t target, uint32_t id, int sign) {
  uint32_t from = s->dual ? target : id, to = s->dual ? id : target;
  s->work++;
  load_add(s, to, sign * ((int64_t)1 << s->sum[from].depth));
}

/* ---- changes ------------------------------------------------------------------------------------------ */

void sharing_begin(struct sharing *s) {
  s->change++;
  s->n_old = s->old_terms.n = s->made.n = s->killed.n = s->added.n = 0;
  s->too_deep = false;
}

static void forget_use(struct sharing *s, uint32_t id, uint32_t target) {
  struct id_list *uses = &s->sum[id].uses;
  uint32_t i = uses->n;
  while (term_id(uses->at[--i]) != target)
    ;
  uses->at[i] = uses->at[--uses->n];
}

void sharing_add(struct sharing *s, uint32_t target, term t) {
  save(s, target);
  list_push(&s->sum[target].terms, t);
  list_push(&s->sum[term_id(t)].uses, term_of(target, term_negative(t)));
  list_push(&s->added, target);
  list_push(&s->added, term_id(t));
  s->adders++;
  edge_load(s, target, term_id(t), 1);
}

int sharing_index(const struct sharing *s, uint32_t target, uint32_t id) {
  const struct id_list *terms = &s->sum[target].terms;
  for (uint32_t i = 0; i < terms->n; i++)
    if (term_id(terms->at[i]) == id)
      return (int)i;
  return -1;
}

void sharing_remove(struct sharing *s, uint32_t target, uint32_t id) {
  save(s, target);
  struct id_list *terms = &s->sum[target].terms;
  int i = sharing_index(s, target, id);
  terms->at[i] = terms->at[--terms->n];
  forget_use(s, id, target);
  s->adders--;
  edge_load(s, target, id, -1);
}

static void ids_grow(struct sharing *s) {
  uint32_t cap = 2 * s->cap;
  s->sum = xrealloc(s->sum, sizeof *s->sum * cap);
  memset(s->sum + s->cap, 0, sizeof *s->sum * (cap - s->cap));
  s->mask = xrealloc(s->mask, sizeof *s->mask * 2 * s->words * cap);
  s->cap = cap;
}

static uint32_t new_id(struct sharing *s) {
  if (s->unused.n)
    return s->unused.at[--s->unused.n];
  if (s->ids == s->cap)
    ids_grow(s);
  return s->ids++;
}

uint32_t sharing_make(struct sharing *s, uint32_t a, uint32_t b, bool minus) {
  uint32_t u = new_id(s);
  struct sum *x = &s->sum[u];
  value_clear(s, u);
  value_add(s, u, a, false);
  value_add(s, u, b, minus);
  x->terms.n = x->uses.n = 0;
  x->load = x->depth = 0;
  x->saved = s->change; /* nothing to put back */
  helper_insert(s, u);
  list_push(&s->made, u);
  s->adders--;
  sharing_add(s, u, term_of(a, false));
  sharing_add(s, u, term_of(b, minus));
  return u;
}

static void kill_helper(struct sharing *s, uint32_t u) {
  save(s, u);
  while (s->sum[u].terms.n)
    sharing_remove(s, u, term_id(s->sum[u].terms.at[s->sum[u].terms.n - 1]));
  s->adders++;
  helper_remove(s, u);
  list_push(&s->killed, u);
}

void sharing_dissolve(struct sharing *s, uint32_t u) {
  while (s->sum[u].uses.n) {
    term use = s->sum[u].uses.at[s->sum[u].uses.n - 1];
    uint32_t target = term_id(use);
    sharing_remove(s, target, u);
    for (uint32_t i = 0; i < s->sum[u].terms.n; i++)
      sharing_add(s, target, s->sum[u].terms.at[i] ^ term_negative(use));
  }
  kill_helper(s, u);
}

void sharing_commit(struct sharing *s) {
  for (uint32_t i = 0; i < s->killed.n; i++)
    list_push(&s->unused, s->killed.at[i]);
}

static void drop_terms(struct sharing *s, uint32_t id) {
  struct id_list *terms = &s->sum[id].terms;
  for (uint32_t i = 0; i < terms->n; i++)
    forget_use(s, term_id(terms->at[i]), id);
  s->adders -= terms->n;
  terms->n = 0;
}

static bool was_made(const struct sharing *s, uint32_t id) {
  for (uint32_t i = 0; i < s->made.n; i++)
    if (s->made.at[i] == id)
      return true;
  return false;
}

void sharing_roll_back(struct sharing *s) {
  for (uint32_t i = 0; i < s->n_old; i++)
    drop_terms(s, s->old[i].id);
  for (uint32_t i = 0; i < s->made.n; i++)
    if (s->sum[s->made.at[i]].alive) {
      drop_terms(s, s->made.at[i]);
      s->adders++;
      helper_remove(s, s->made.at[i]);
    }
  for (uint32_t i = 0; i < s->killed.n; i++)
    if (!was_made(s, s->killed.at[i])) {
      helper_insert(s, s->killed.at[i]);
      s->adders--;
    }
  for (uint32_t i = 0; i < s->n_old; i++) {
    const struct saved_sum *o = &s->old[i];
    struct sum *x = &s->sum[o->id];
    for (uint32_t k = 0; k < o->n; k++) {
      term t = s->old_terms.at[o->at + k];
      list_push(&x->terms, t);
      list_push(&s->sum[term_id(t)].uses, term_of(o->id, term_negative(t)));
    }
    s->adders += o->n;
    x->load = o->load;
    x->depth = o->depth;
  }
  for (uint32_t i = 0; i < s->made.n; i++)
    list_push(&s->unused, s->made.at[i]);
}

/* ---- start, end and dual ------------------------------------------------------------------------------ */

void sharing_start(struct sharing *s, const int8_t *matrix, int inputs, int outputs, const int *arrival,
                   const int *limit) {
  uint32_t sides = (uint32_t)(inputs + outputs);
  *s = (struct sharing){.inputs = (uint32_t)inputs, .outputs = (uint32_t)outputs, .first = sides};
  s->arrival = arrival;
  s->limit = limit;
  s->words = (uint32_t)(inputs > outputs ? inputs + 63 : outputs + 63) / 64; /* enough for the dual too */
  s->random = 0x2545f4914f6cdd1du;
  s->ids = sides;
  s->cap = sides + FIRST_IDS;
  s->sum = xmalloc(sizeof *s->sum * s->cap);
  memset(s->sum, 0, sizeof *s->sum * s->cap);
  s->mask = xmalloc(sizeof *s->mask * 2 * s->words * s->cap);
  for (s->table_bits = 8; (1u << s->table_bits) < 8 * sides && s->table_bits < 20;)
    s->table_bits++;
  s->table = xmalloc(sizeof *s->table << s->table_bits);
  memset(s->table, 0, sizeof *s->table << s->table_bits);
  sharing_begin(s);
  for (uint32_t id = 0; id < sides; id++) {
    s->sum[id].alive = true;
    value_clear(s, id);
  }
  for (uint32_t i = 0; i < s->inputs; i++) {
    value_add_input(s, i, i, false);
    s->sum[i].depth = (uint8_t)arrival[i];
  }
  for (uint32_t j = 0; j < s->outputs; j++) {
    for (uint32_t i = 0; i < s->inputs; i++) {
      int c = matrix[(size_t)i * s->outputs + j];
      if (c == 0)
        continue;
      value_add_input(s, s->inputs + j, i, c < 0);
      sharing_add(s, s->inputs + j, term_of(i, c < 0));
    }
    s->adders -= s->sum[s->inputs + j].terms.n > 0;
  }
  sharing_commit(s);
}

void sharing_free(struct sharing *s) {
  for (uint32_t i = 0; i < s->cap; i++) {
    free(s->sum[i].terms.at);
    free(s->sum[i].uses.at);
    free(s->sum[i].inputs.at);
  }
  free(s->sum);
  free(s->mask);
  free(s->table);
  free(s->old);
  struct id_list *lists[] = {&s->helpers, &s->unused, &s->old_terms, &s->made, &s->killed, &s->added};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    free(lists[i]->at);
}

/* A helper used once is a sum of two or more terms that in the dual would have one term only. */
static void dissolve_used_once(struct sharing *s) {
  for (bool found = true; found;) {
    found = false;
    for (uint32_t i = s->helpers.n; i-- > 0;)
      if (i < s->helpers.n && s->sum[s->helpers.at[i]].uses.n <= 1) {
        sharing_begin(s);
        sharing_dissolve(s, s->helpers.at[i]);
        sharing_commit(s);
        found = true;
      }
  }
}

static void rename_ids(struct id_list *l, uint32_t inputs, uint32_t outputs) {
  for (uint32_t i = 0; i < l->n; i++) {
    uint32_t id = term_id(l->at[i]);
    id = id < inputs ? outputs + id : id < inputs + outputs ? id - inputs : id;
    l->at[i] = term_of(id, term_negative(l->at[i]));
  }
}

/* Values, from those of the terms; each target once. */
static void compute_value(struct sharing *s, uint32_t id) {
  if (s->sum[id].saved == s->change)
    return;
  s->sum[id].saved = s->change;
  value_clear(s, id);
  for (uint32_t i = 0; i < s->sum[id].terms.n; i++) {
    term t = s->sum[id].terms.at[i];
    compute_value(s, term_id(t));
    value_add(s, id, term_id(t), term_negative(t));
  }
}

void sharing_transpose(struct sharing *s) {
  dissolve_used_once(s);
  for (uint32_t i = 0; i < s->helpers.n; i++)
    table_remove(s, s->helpers.at[i]);
  struct sum *moved = xmalloc(sizeof *moved * s->first);
  memcpy(moved, s->sum, sizeof *moved * s->first);
  memcpy(s->sum, moved + s->inputs, sizeof *moved * s->outputs);
  memcpy(s->sum + s->outputs, moved, sizeof *moved * s->inputs);
  free(moved);
  for (uint32_t id = 0; id < s->ids; id++) {
    struct id_list terms = s->sum[id].terms;
    s->sum[id].terms = s->sum[id].uses;
    s->sum[id].uses = terms;
    rename_ids(&s->sum[id].terms, s->inputs, s->outputs);
    rename_ids(&s->sum[id].uses, s->inputs, s->outputs);
  }
  uint32_t inputs = s->inputs;
  s->inputs = s->outputs;
  s->outputs = inputs;
  s->dual = !s->dual;

  sharing_begin(s);
  for (uint32_t i = 0; i < s->inputs; i++) {
    value_clear(s, i);
    value_add_input(s, i, i, false);
    s->sum[i].saved = s->change;
  }
  s->adders = 0;
  for (uint32_t id = s->inputs; id < s->ids; id++)
    if (s->sum[id].alive) {
      compute_value(s, id);
      s->adders += s->sum[id].terms.n - (s->sum[id].terms.n > 0);
    }
  for (uint32_t i = 0; i < s->helpers.n; i++)
    table_insert(s, s->helpers.at[i]);
  sharing_begin(s);
}
