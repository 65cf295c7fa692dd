/* search.c: the annealing that follows the greedy search.
 *
 * A greedy system is rigid: no pair stands in two sums any more. But a sum can be cut into helpers in many
 * ways, and a helper that exists costs a sum one term whatever it replaces. So the move is: *place* helper u
 * in a sum t whose coefficients it fits but which does not use it. The terms of t that overlap u are broken
 * into their own terms, as far as needed; what u covers goes. Then common pairs are extracted as in the
 * greedy search, helpers that are no longer shared dissolve, and the change in adders decides: fewer or as
 * many are kept, n more with probability p^n, where p falls to nothing as the budget is used up (simulated
 * annealing). Most accepted moves change no cost at all; they carry the system through equally good ones to
 * where something can be saved. A seventh of the moves dissolve a helper instead, and its place is found
 * anew.
 *
 * A tall matrix is searched as its dual: with fewer inputs and more sums a helper fits in more places. At the
 * end, in the original again, only moves that save bits at the same number of adders are kept.
 *
 * Sources: extraction of common pairs is C. Paar, "Optimized arithmetic for Reed-Solomon encoders" (1997);
 * the transposition principle is J. L. Bordewijk's (1956). */
#include "backends/hardware/adder_graph/search.h"

#include <stdlib.h>
#include <string.h>

enum {
  GREEDY_SAMPLE = 32,
  TRIES = 60,           /* to find a place for a move */
  WORST = 3,            /* more terms than this after placing: not worth looking at */
  OUTPUT_PERCENT = 60,  /* of the targets tried are outputs */
  NEAR_PERCENT = 40,    /* of the helpers tried share a term with the target */
  DISSOLVE_PERCENT = 7, /* of the moves */
  POLISH = 8,           /* the last eighth of the budget saves bits */
};

struct adder_search {
  struct sharing *s;
  struct pairs pairs;
  uint64_t chance; /* of one adder more, in 2^-32 */
  bool polish;
  const int64_t *lo, *hi;
  struct leaf *leaf; /* scratch */
  uint32_t n_leaf;
  struct id_list bits; /* by id, of its tree; only when polishing */
  struct id_list check;
};

/* ---- placing ------------------------------------------------------------------------------------------ */

/* How many more terms t has when u is placed, before anything is shared again. */
static int placing_cost(struct sharing *s, uint32_t t, uint32_t u) {
  int more = 1;
  const struct id_list *terms = &s->sum[t].terms;
  s->work += terms->n;
  for (uint32_t i = 0; i < terms->n; i++) {
    uint32_t w = term_id(terms->at[i]);
    if (!sharing_overlap(s, w, u))
      continue;
    if (sharing_inside(s, w, u)) {
      more--;
      continue;
    }
    const struct id_list *parts = &s->sum[w].terms;
    more--;
    for (uint32_t k = 0; k < parts->n; k++) {
      uint32_t part = term_id(parts->at[k]);
      more += !sharing_overlap(s, part, u) ? 1 : sharing_inside(s, part, u) ? 0 : 2;
    }
  }
  return more;
}

/* Adds to t what of w lies outside u. */
static void add_outside(struct sharing *s, uint32_t t, uint32_t w, bool negative, uint32_t u) {
  if (!sharing_overlap(s, w, u)) {
    sharing_add(s, t, term_of(w, negative));
    return;
  }
  if (sharing_inside(s, w, u))
    return;
  for (uint32_t i = 0; i < s->sum[w].terms.n; i++) {
    term part = s->sum[w].terms.at[i];
    add_outside(s, t, term_id(part), negative ^ term_negative(part), u);
  }
}

static void place(struct adder_search *a, uint32_t t, uint32_t u, bool negative) {
  struct sharing *s = a->s;
  a->check.n = 0;
  for (uint32_t i = s->sum[t].terms.n; i-- > 0;) {
    term w = s->sum[t].terms.at[i];
    if (sharing_overlap(s, term_id(w), u)) {
      list_push(&a->check, w);
      sharing_remove(s, t, term_id(w));
    }
  }
  for (uint32_t i = 0; i < a->check.n; i++)
    add_outside(s, t, term_id(a->check.at[i]), term_negative(a->check.at[i]), u);
  sharing_add(s, t, term_of(u, negative));
}

static uint32_t any_of(struct sharing *s, const struct id_list *l) {
  return l->at[sharing_random(s, l->n)];
}

static bool percent(struct sharing *s, uint32_t p) {
  return sharing_random(s, 100) < p;
}

/* Some helper that uses a term of t, or a term of a term; 0: the one met is no helper. */
static uint32_t near(struct sharing *s, uint32_t t) {
  uint32_t x = term_id(any_of(s, &s->sum[t].terms));
  if (is_helper(s, x) && sharing_random(s, 3) == 0)
    x = term_id(any_of(s, &s->sum[x].terms));
  uint32_t u = term_id(any_of(s, &s->sum[x].uses));
  return is_helper(s, u) ? u : 0;
}

static bool place_somewhere(struct adder_search *a) {
  struct sharing *s = a->s;
  for (int i = 0; i < TRIES; i++) {
    uint32_t t =
        percent(s, OUTPUT_PERCENT) ? s->inputs + sharing_random(s, s->outputs) : any_of(s, &s->helpers);
    s->work++;
    if (s->sum[t].terms.n < 2)
      continue;
    uint32_t u = percent(s, NEAR_PERCENT) ? near(s, t) : any_of(s, &s->helpers);
    if (!u || u == t || s->sum[u].inputs.n >= s->sum[t].inputs.n)
      continue;
    int fits = sharing_fits(s, t, u);
    if (!fits || sharing_index(s, t, u) >= 0 || placing_cost(s, t, u) > WORST)
      continue;
    place(a, t, u, fits < 0);
    return true;
  }
  return false;
}

/* One or a few helpers, neighbours of one another. */
static void dissolve_some(struct adder_search *a) {
  struct sharing *s = a->s;
  uint32_t u = any_of(s, &s->helpers);
  for (uint32_t n = sharing_random(s, 3) + 1; n > 0 && s->helpers.n; n--) {
    uint32_t next = near(s, u);
    sharing_dissolve(s, u);
    u = next && s->sum[next].alive ? next : 0;
    if (!u && s->helpers.n)
      u = any_of(s, &s->helpers);
  }
}

/* ---- settling ----------------------------------------------------------------------------------------- */

/* A helper must be used twice, or once by another helper: then it is free, and may find a use. */
static bool is_idle(const struct sharing *s, uint32_t u) {
  const struct id_list *uses = &s->sum[u].uses;
  return uses->n == 0 || (uses->n == 1 && !is_helper(s, term_id(uses->at[0])));
}

static void check_terms(struct adder_search *a, const uint32_t *terms, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (is_helper(a->s, term_id(terms[i])))
      list_push(&a->check, term_id(terms[i]));
}

/* Helpers whose uses may have changed. */
static void find_changed(struct adder_search *a) {
  struct sharing *s = a->s;
  a->check.n = 0;
  for (uint32_t i = 0; i < s->n_old; i++) {
    const struct saved_sum *o = &s->old[i];
    check_terms(a, s->old_terms.at + o->at, o->n);
    check_terms(a, s->sum[o->id].terms.at, s->sum[o->id].terms.n);
    if (is_helper(s, o->id))
      list_push(&a->check, o->id);
  }
  for (uint32_t i = 0; i < s->made.n; i++)
    list_push(&a->check, s->made.at[i]);
}

static void settle(struct adder_search *a) {
  struct sharing *s = a->s;
  do {
    pairs_note_added(&a->pairs, s);
    pairs_extract(&a->pairs, s);
    find_changed(a);
    for (uint32_t i = 0; i < a->check.n; i++) {
      uint32_t u = a->check.at[i];
      if (!s->sum[u].alive || !is_idle(s, u))
        continue;
      check_terms(a, s->sum[u].terms.at, s->sum[u].terms.n);
      sharing_dissolve(s, u);
    }
  } while (s->added.n && !s->too_deep);
}

/* ---- bits --------------------------------------------------------------------------------------------- */

struct leaf search_leaf(const struct sharing *s, term t, const int64_t *lo, const int64_t *hi) {
  const struct sum *x = &s->sum[term_id(t)];
  struct leaf leaf = {.depth = x->depth, .value = (int32_t)term_id(t), .negative = term_negative(t)};
  for (uint32_t i = 0; i < x->inputs.n; i++) {
    uint32_t in = term_id(x->inputs.at[i]);
    bool negative = term_negative(x->inputs.at[i]);
    leaf.lo += negative ? -hi[in] : lo[in];
    leaf.hi += negative ? -lo[in] : hi[in];
  }
  return leaf;
}

static uint32_t tree_bits(struct adder_search *a, uint32_t t) {
  const struct sum *x = &a->s->sum[t];
  if (x->terms.n < 2)
    return 0;
  if (x->terms.n > a->n_leaf) {
    a->n_leaf = x->terms.n;
    a->leaf = xrealloc(a->leaf, sizeof *a->leaf * a->n_leaf);
  }
  for (uint32_t i = 0; i < x->terms.n; i++)
    a->leaf[i] = search_leaf(a->s, x->terms.at[i], a->lo, a->hi);
  int limit = is_helper(a->s, t) ? x->depth : a->s->limit[t - a->s->inputs];
  a->s->work += 4 * x->terms.n * x->terms.n;
  return (uint32_t)tree_build(a->leaf, (int)x->terms.n, limit, NULL, NULL, NULL);
}

static uint32_t *bits_at(struct adder_search *a, uint32_t id) {
  while (a->bits.n <= id)
    list_push(&a->bits, 0);
  return &a->bits.at[id];
}

/* What the change adds to the bits; with `keep`, notes the new figures instead. */
static int64_t more_bits(struct adder_search *a, bool keep) {
  struct sharing *s = a->s;
  int64_t more = 0;
  for (uint32_t i = 0; i < s->n_old + s->made.n; i++) {
    uint32_t id = i < s->n_old ? s->old[i].id : s->made.at[i - s->n_old];
    if (is_helper(s, id) || id >= s->inputs) {
      uint32_t now = s->sum[id].alive ? tree_bits(a, id) : 0;
      more += (int64_t)now - (i < s->n_old ? *bits_at(a, id) : 0);
      if (keep)
        *bits_at(a, id) = now;
    }
  }
  return more;
}

static void start_polish(struct adder_search *a) {
  a->polish = true;
  a->chance = 0;
  for (uint32_t id = a->s->inputs; id < a->s->ids; id++)
    if (a->s->sum[id].alive)
      *bits_at(a, id) = tree_bits(a, id);
}

/* ---- annealing ---------------------------------------------------------------------------------------- */

static bool accepts(struct adder_search *a, int64_t more) {
  if (a->s->too_deep)
    return false;
  if (a->polish)
    return more < 0 || (more == 0 && more_bits(a, false) <= 0);
  uint64_t chance = a->chance;
  for (int64_t i = 1; i < more; i++)
    chance = chance * a->chance >> 32;
  return more <= 0 || sharing_random(a->s, UINT32_MAX) < chance;
}

static void move(struct adder_search *a) {
  struct sharing *s = a->s;
  int64_t before = s->adders;
  sharing_begin(s);
  if (percent(s, DISSOLVE_PERCENT))
    dissolve_some(a);
  else if (!place_somewhere(a))
    return;
  if (!s->too_deep)
    settle(a);
  if (accepts(a, s->adders - before)) {
    if (a->polish)
      more_bits(a, true);
    sharing_commit(s);
  } else {
    sharing_roll_back(s);
  }
  pairs_forget(&a->pairs);
}

/* start * (1 - done / all)^4, nearly e^(-1/T) with T falling evenly. */
static uint64_t cool(uint64_t start, uint64_t done, uint64_t all) {
  uint64_t left = done < all ? ((all - done) << 16) / all : 0;
  left = left * left >> 16;
  left = left * left >> 16;
  return start * left >> 16;
}

/* Little time for many terms: start cold. As e^(-1/T): T from 0.19 to 0.4. */
static uint64_t first_chance(const struct sharing *s, uint64_t budget) {
  enum { PER_MILLE = UINT32_MAX / 1000 };
  uint64_t each = budget / (uint64_t)(s->adders + 1);
  return (uint64_t)PER_MILLE * (each > 300000 ? 80 : each > 30000 ? 20 : 5);
}

uint64_t search_budget(const struct sharing *s, int effort) {
  enum { EACH = 90000, MOST = 100000000 };
  uint64_t adders = s->adders > 0 ? (uint64_t)s->adders : 0;
  uint64_t all = (uint64_t)effort * (adders * EACH < MOST ? adders * EACH : MOST);
  return all > s->work ? all - s->work : 0;
}

void search_greedy(struct sharing *s) {
  struct pairs p;
  pairs_start(&p);
  p.sample = GREEDY_SAMPLE;
  sharing_begin(s);
  pairs_note_all(&p, s);
  pairs_extract(&p, s);
  sharing_commit(s);
  pairs_free(&p);
}

static void anneal(struct adder_search *a, uint64_t budget) {
  uint64_t first = a->s->work, start = first_chance(a->s, budget);
  while (a->s->work - first < budget && a->s->helpers.n) {
    a->chance = cool(start, a->s->work - first, budget);
    for (int i = 0; i < 32 && a->s->helpers.n; i++) {
      a->s->work++;
      move(a);
    }
  }
}

void search_anneal(struct sharing *s, uint64_t budget, const int64_t *lo, const int64_t *hi) {
  struct adder_search a = {.s = s, .lo = lo, .hi = hi};
  bool tall = s->inputs > s->outputs;
  pairs_start(&a.pairs);
  if (tall)
    sharing_transpose(s);
  anneal(&a, budget - budget / POLISH);
  if (tall)
    sharing_transpose(s);
  start_polish(&a);
  anneal(&a, budget / POLISH);
  pairs_free(&a.pairs);
  free(a.leaf);
  free(a.bits.at);
  free(a.check.at);
}
