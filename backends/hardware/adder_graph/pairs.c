/* pairs.c: the greedy search for common pairs of terms.
 *
 * Of pairs with the same gain the one whose terms have the fewest other uses is the best: its extraction
 * spoils the fewest other pairs. On random matrices this is worth 2 to 3 per cent of the adders against a
 * choice by depth. */
#include "backends/hardware/adder_graph/pairs.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_TARGETS = 3 }; /* a new term in more of them is looked at once, not once a target */

void pairs_start(struct pairs *p) {
  *p = (struct pairs){.sample = 1};
}

void pairs_free(struct pairs *p) {
  for (int i = 0; i < PAIR_GAINS; i++)
    free(p->bucket[i].at);
  free(p->touched.at);
  free(p->where.at);
}

static void note(struct pairs *p, uint32_t gain, struct pair pair) {
  if (gain >= PAIR_GAINS)
    gain = PAIR_GAINS - 1;
  struct pair_bucket *b = &p->bucket[gain];
  if (b->n == b->cap) {
    b->cap = b->cap ? 2 * b->cap : 16;
    b->at = xrealloc(b->at, sizeof *b->at * b->cap);
  }
  b->at[b->n++] = pair;
  if (gain > p->top)
    p->top = gain;
}

void pairs_forget(struct pairs *p) {
  for (; p->top > 0; p->top--)
    p->bucket[p->top].n = 0;
}

/* A value of sum.mark that no sum has; the next `count` - 1 neither. */
static uint32_t fresh_stamp(struct pairs *p, struct sharing *s, uint32_t count) {
  if (p->stamp > UINT32_MAX - 2 * count) {
    for (uint32_t i = 0; i < s->ids; i++)
      s->sum[i].mark = 0;
    p->stamp = 0;
  }
  p->stamp += count;
  return p->stamp;
}

/* ---- finding ------------------------------------------------------------------------------------------ */

/* Pairs of a with anything. Each b that stands beside a gets its counts: `count` with equal signs, `found`
 * with opposite ones. `later` holds for inputs that come after a and will find the pair themselves. */
static void note_term(struct pairs *p, struct sharing *s, uint32_t a, bool every,
                      bool (*later)(uint32_t, uint32_t)) {
  uint32_t stamp = fresh_stamp(p, s, 1);
  p->touched.n = 0;
  const struct id_list *uses = &s->sum[a].uses;
  for (uint32_t i = 0; i < uses->n; i++) {
    const struct id_list *terms = &s->sum[term_id(uses->at[i])].terms;
    s->work += terms->n;
    for (uint32_t k = 0; k < terms->n; k++) {
      struct sum *b = &s->sum[term_id(terms->at[k])];
      if (b->mark != stamp) {
        b->mark = stamp;
        b->count = b->found = 0;
        list_push(&p->touched, term_id(terms->at[k]));
      }
      if (term_negative(terms->at[k]) == term_negative(uses->at[i]))
        b->count++;
      else
        b->found++;
    }
  }
  for (uint32_t i = 0; i < p->touched.n; i++) {
    uint32_t b = p->touched.at[i];
    if (b == a || (later && later(a, b)))
      continue;
    for (int minus = 0; minus < 2; minus++) {
      uint32_t n = minus ? s->sum[b].found : s->sum[b].count;
      if (n >= 2)
        note(p, n - 1, (struct pair){a, b, minus});
      else if (n == 1 && every && sharing_find(s, a, b, minus))
        note(p, 1, (struct pair){a, b, minus});
    }
  }
}

static bool comes_later(uint32_t a, uint32_t b) {
  return b > a;
}

void pairs_note_all(struct pairs *p, struct sharing *s) {
  for (uint32_t i = 0; i < s->inputs; i++)
    note_term(p, s, i, false, comes_later);
}

/* Pairs of the new term a of target t with the others of t. */
static void note_added(struct pairs *p, struct sharing *s, uint32_t t, uint32_t a) {
  int at = sharing_index(s, t, a);
  if (at < 0)
    return;
  const struct id_list *terms = &s->sum[t].terms, *uses = &s->sum[a].uses;
  uint32_t stamp = fresh_stamp(p, s, 2);
  bool sign = term_negative(terms->at[at]);
  for (uint32_t i = 0; i < terms->n; i++) {
    struct sum *b = &s->sum[term_id(terms->at[i])];
    b->mark = stamp + (term_negative(terms->at[i]) ^ sign);
    b->count = 0;
  }
  s->sum[a].mark = 0;
  for (uint32_t i = 0; i < uses->n; i++) {
    const struct id_list *other = &s->sum[term_id(uses->at[i])].terms;
    bool negative = term_negative(uses->at[i]);
    s->work += other->n;
    for (uint32_t k = 0; k < other->n; k++) {
      struct sum *b = &s->sum[term_id(other->at[k])];
      b->count += b->mark == stamp + (term_negative(other->at[k]) ^ negative);
    }
  }
  for (uint32_t i = 0; i < terms->n; i++) {
    uint32_t b = term_id(terms->at[i]), n = s->sum[b].count;
    bool minus = term_negative(terms->at[i]) ^ sign;
    if (b == a)
      continue;
    uint32_t known = n < 2 ? sharing_find(s, a, b, minus) : 0;
    if (n >= 2)
      note(p, n - 1, (struct pair){a, b, minus});
    else if (known && known != t)
      note(p, 1, (struct pair){a, b, minus});
  }
}

void pairs_note_added(struct pairs *p, struct sharing *s) {
  for (uint32_t i = 0; i < s->added.n; i += 2)
    if (s->sum[s->added.at[i]].alive && s->sum[s->added.at[i + 1]].alive)
      note_added(p, s, s->added.at[i], s->added.at[i + 1]);
  s->added.n = 0;
}

/* ---- what a pair is worth now ------------------------------------------------------------------------- */

static int64_t weight(const struct sharing *s, uint32_t id) {
  return (int64_t)1 << s->sum[id].depth;
}

static int64_t joined_weight(const struct sharing *s, uint32_t a, uint32_t b, uint32_t known) {
  int64_t wa = weight(s, a), wb = weight(s, b);
  return known ? weight(s, known) : 2 * (wa > wb ? wa : wb);
}

static bool may_carry(const struct sharing *s, uint32_t id, int64_t load, int limit) {
  return is_helper(s, id) ? depth_of_load(load) <= s->sum[id].depth : load <= (int64_t)1 << limit;
}

/* Joining a and b in t keeps t's depth, or its limit if it is an output. */
static bool may_join(const struct sharing *s, uint32_t t, uint32_t a, uint32_t b, int64_t joined) {
  int64_t load = s->sum[t].load - weight(s, a) - weight(s, b) + joined;
  return may_carry(s, t, load, is_helper(s, t) ? 0 : s->limit[t - s->inputs]);
}

/* The same of a dual system, where depth comes from the users: they all feed the helper instead. */
static bool may_join_dual(const struct sharing *s, const struct id_list *where, uint32_t known, uint32_t id) {
  int64_t taken = 0;
  for (uint32_t i = 0; i < where->n; i++)
    taken += weight(s, term_id(where->at[i]));
  if (known && depth_of_load(s->sum[known].load + taken) > s->sum[known].depth)
    return false;
  int64_t joined = known ? 0 : (int64_t)1 << depth_of_load(taken);
  return may_carry(s, id, s->sum[id].load - taken + joined, is_helper(s, id) ? 0 : s->limit[id]);
}

/* Fills p->where with the targets in which the pair may be joined; returns the gain. */
static uint32_t look(struct pairs *p, struct sharing *s, struct pair pair, uint32_t *known) {
  uint32_t a = pair.a, b = pair.b;
  p->where.n = 0;
  if (!s->sum[a].alive || !s->sum[b].alive)
    return 0;
  *known = sharing_find(s, a, b, pair.minus);
  int64_t joined = joined_weight(s, a, b, *known);
  uint32_t stamp = fresh_stamp(p, s, 2);
  const struct id_list *of_a = &s->sum[a].uses, *of_b = &s->sum[b].uses;
  s->work += of_a->n + of_b->n;
  for (uint32_t i = 0; i < of_a->n; i++)
    s->sum[term_id(of_a->at[i])].mark = stamp + term_negative(of_a->at[i]);
  for (uint32_t i = 0; i < of_b->n; i++) {
    uint32_t t = term_id(of_b->at[i]);
    bool sign = term_negative(of_b->at[i]) ^ pair.minus; /* of a, if the pair is there */
    if (s->sum[t].mark == stamp + sign && t != *known && (s->dual || may_join(s, t, a, b, joined)))
      list_push(&p->where, term_of(t, sign));
  }
  if (s->dual && p->where.n &&
      !(may_join_dual(s, &p->where, *known, a) && may_join_dual(s, &p->where, *known, b)))
    p->where.n = 0;
  return *known ? p->where.n : p->where.n ? p->where.n - 1 : 0;
}

/* ---- extraction --------------------------------------------------------------------------------------- */

/* Returns the helper. */
static uint32_t join(struct pairs *p, struct sharing *s, struct pair pair, uint32_t known) {
  uint32_t v = known ? known : sharing_make(s, pair.a, pair.b, pair.minus);
  bool flipped = sharing_fits(s, v, pair.a) < 0;
  for (uint32_t i = 0; i < p->where.n; i++) {
    uint32_t t = term_id(p->where.at[i]);
    sharing_remove(s, t, pair.a);
    sharing_remove(s, t, pair.b);
    sharing_add(s, t, term_of(v, term_negative(p->where.at[i]) ^ flipped));
  }
  return v;
}

/* The best of a sample of the top bucket; false when that bucket has changed and the top must be found anew.
 */
static bool choose(struct pairs *p, struct sharing *s, uint32_t *best) {
  struct pair_bucket *b = &p->bucket[p->top];
  uint32_t least = UINT32_MAX, gain = p->top;
  for (uint32_t tried = 0; tried < p->sample && b->n; tried++) {
    uint32_t i = b->n > 1 ? sharing_random(s, b->n) : 0, known;
    struct pair pair = b->at[i];
    uint32_t uses = s->sum[pair.a].uses.n + s->sum[pair.b].uses.n;
    if (uses >= least)
      continue;
    uint32_t now = look(p, s, pair, &known);
    if (now >= PAIR_GAINS)
      now = PAIR_GAINS - 1;
    if (now != gain) {
      b->at[i] = b->at[--b->n];
      if (now > 0)
        note(p, now, pair);
      return false;
    }
    least = uses;
    *best = i;
  }
  return least != UINT32_MAX;
}

void pairs_extract(struct pairs *p, struct sharing *s) {
  while (p->top > 0) {
    struct pair_bucket *b = &p->bucket[p->top];
    uint32_t best, known;
    if (b->n == 0) {
      p->top--;
      continue;
    }
    if (!choose(p, s, &best))
      continue;
    struct pair pair = b->at[best];
    b->at[best] = b->at[--b->n];
    look(p, s, pair, &known);
    uint32_t v = join(p, s, pair, known);
    if (p->where.n > FEW_TARGETS) {
      note_term(p, s, v, true, NULL);
      s->added.n = 0;
    } else {
      pairs_note_added(p, s);
    }
  }
}
