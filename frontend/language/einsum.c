/* einsum.c: einsum("kgd,tkd->tkg", a, b): products and sums over named axes, made of transpose, reshape, mul
 * and sum.
 *
 * All indices get one order: summed ones that are the first of every operand that has them, those of the
 * result, the other summed ones. Operands are moved into it, with length 1 where they lack an index, and
 * multiplied; then one index after another is summed, the last one first. docs/numerics.md states this order.
 */
#include "frontend/language/elaborate.h"

#include <ctype.h>
#include <string.h>

enum { OPERANDS = 2, LETTERS = 128 };

struct einsum {
  struct elaborator *e;
  const struct node *node;                               /* the call */
  char texts[OPERANDS][MAX_RANK + 1], out[MAX_RANK + 1]; /* indices, a letter each */
  char order[LETTERS];                                   /* all of them, each once */
  int n, front, summed; /* operands; of the order: summed ones in front, summed ones in all */
  struct item items[OPERANDS];
  int64_t size[LETTERS]; /* of each letter; 0: none yet */
};

static struct loc text_at(const struct einsum *x) {
  return x->node->args.at[0].value->at;
}

/* Letters at *p up to `end`, each once. */
static bool take_letters(struct einsum *x, const char **p, char end, char *out) {
  int n = 0;
  for (; **p && **p != end && !(end == ',' && **p == '-'); ++*p) {
    if (**p == ' ')
      continue;
    if (!isalpha((unsigned char)**p) || (unsigned char)**p >= LETTERS) {
      fail(x->e, text_at(x), "an index of einsum is a letter, not '%c': \"kd,tkd->tk\"", **p);
      return false;
    }
    if (n == MAX_RANK) {
      fail(x->e, text_at(x), "a value of einsum has more than %d indices", MAX_RANK);
      return false;
    }
    if (memchr(out, **p, (size_t)n)) {
      fail(x->e, text_at(x), "the index '%c' stands twice for one value of einsum", **p);
      return false;
    }
    out[n++] = **p;
  }
  out[n] = '\0';
  return true;
}

/* "kgd,tkd->tkg" */
static bool take_text(struct einsum *x, const char *text) {
  const char *p = text;
  for (int i = 0; i < x->n; i++) {
    if (!take_letters(x, &p, ',', x->texts[i]))
      return false;
    if ((*p == ',') != (i < x->n - 1)) {
      fail(x->e, text_at(x), "this einsum is given %d value%s: indices of as many stand before '->'", x->n,
           x->n == 1 ? "" : "s");
      return false;
    }
    p += *p == ',';
  }
  if (p[0] != '-' || p[1] != '>') {
    fail(x->e, text_at(x),
         "the indices of einsum are those of its values, '->' and those of the result: \"kd,tkd->tk\"");
    return false;
  }
  p += 2;
  return take_letters(x, &p, '\0', x->out);
}

/* A number, or the name of one that is known only when the model runs. */
static const char *length_text(const struct einsum *x, int64_t length) {
  return length < 0 ? dim_of(x->e->m, length)->name : arena_printf(x->e->arena, "%lld", (long long)length);
}

/* The lengths of operand i's axes, by their letters. */
static bool take_sizes(struct einsum *x, int i) {
  const struct node *n = x->node->args.at[i + 1].value;
  struct value *v = plain(x->e, x->items[i], n->at);
  x->items[i] = item_value(v);
  if (!v)
    return false;
  if (v->type.rank != (int)strlen(x->texts[i])) {
    fail(x->e, n->at, "'%s' is %d ind%s; this is %s", x->texts[i], (int)strlen(x->texts[i]),
         strlen(x->texts[i]) == 1 ? "ex" : "ices", type_of(x->e, v->type));
    return false;
  }
  for (int k = 0; k < v->type.rank; k++) {
    int64_t *size = &x->size[(unsigned char)x->texts[i][k]];
    if (*size && *size != v->type.dim[k]) {
      fail(x->e, n->at, "the axis '%c' is %s long here and %s before; this is %s", x->texts[i][k],
           length_text(x, v->type.dim[k]), length_text(x, *size), type_of(x->e, v->type));
      return false;
    }
    *size = v->type.dim[k];
  }
  return true;
}

/* Whether the letter is the first of every operand that has it. */
static bool leads(const struct einsum *x, char letter) {
  for (int i = 0; i < x->n; i++)
    if (strchr(x->texts[i], letter) && x->texts[i][0] != letter)
      return false;
  return true;
}

static void add_summed(struct einsum *x, bool leading, int *n) {
  for (int i = 0; i < x->n; i++)
    for (const char *p = x->texts[i]; *p; p++)
      if (!strchr(x->out, *p) && leads(x, *p) == leading && !memchr(x->order, *p, (size_t)*n)) {
        x->order[(*n)++] = *p;
        x->summed++;
      }
}

static bool find_order(struct einsum *x) {
  int n = 0;
  add_summed(x, true, &n);
  x->front = n;
  for (const char *p = x->out; *p; p++) {
    if (!x->size[(unsigned char)*p]) {
      fail(x->e, text_at(x), "the result's index '%c' is none of a value", *p);
      return false;
    }
    x->order[n++] = *p;
  }
  add_summed(x, false, &n);
  x->order[n] = '\0';
  if (n <= MAX_RANK)
    return true;
  fail(x->e, text_at(x), "einsum has at most %d indices in all; these are %d: part the product into two",
       MAX_RANK, n);
  return false;
}

/* Operand i with all axes of the order. */
static struct item aligned(struct einsum *x, int i) {
  struct attrs attr = {0};
  struct type t = {.elem = ELEM_F32, .rank = (int)strlen(x->order)};
  int n = 0;
  bool moved = false;
  for (int k = 0; k < t.rank; k++) {
    const char *at = strchr(x->texts[i], x->order[k]);
    t.dim[k] = at ? x->size[(unsigned char)*at] : 1;
    if (!at)
      continue;
    moved |= at - x->texts[i] != n;
    attr.perm[n++] = (int)(at - x->texts[i]);
  }
  struct item item = x->items[i];
  if (moved)
    item = apply(x->e, OP_TRANSPOSE, x->node->at, 1, &item, NULL, &attr, NULL);
  if (item.kind != ITEM_VALUE || n == t.rank)
    return item;
  return apply(x->e, OP_RESHAPE, x->node->at, 1, &item, NULL, NULL, &t);
}

static struct item sum_axes(struct einsum *x, struct item item) {
  struct type t = {.elem = ELEM_F32};
  int n = (int)strlen(x->order), kept = x->front + (int)strlen(x->out);
  for (int k = n; k-- > 0 && item.kind == ITEM_VALUE;)
    if (k >= kept || k < x->front)
      item = apply(x->e, OP_SUM, x->node->at, 1, &item, NULL, &(struct attrs){.axis = k}, NULL);
  for (const char *p = x->out; *p; p++)
    t.dim[t.rank++] = x->size[(unsigned char)*p];
  if (item.kind != ITEM_VALUE || !x->summed)
    return item;
  return apply(x->e, OP_RESHAPE, x->node->at, 1, &item, NULL, NULL, &t);
}

struct item call_einsum(struct elaborator *e, const struct node *n) {
  struct einsum x = {.e = e, .node = n, .n = n->args.n - 1};
  bool ok = x.n >= 1 && x.n <= OPERANDS && n->args.at[0].value->kind == NODE_STRING;
  for (int i = 0; i < n->args.n; i++)
    ok &= !n->args.at[i].name;
  if (!ok) {
    fail(e, n->at, "einsum takes indices and one or two values: einsum(\"kd,tkd->tk\", a, b)");
    return item_poison();
  }
  ok = take_text(&x, n->args.at[0].value->text);
  for (int i = 0; i < x.n; i++) {
    x.items[i] = eval_one(e, n->args.at[i + 1].value);
    ok = ok && x.items[i].kind != ITEM_POISON && take_sizes(&x, i);
  }
  if (!ok || !find_order(&x))
    return item_poison();
  struct item both[OPERANDS] = {aligned(&x, 0), x.n > 1 ? aligned(&x, 1) : item_poison()};
  struct item product = both[0];
  if (x.n > 1)
    product = both[0].kind == ITEM_VALUE && both[1].kind == ITEM_VALUE
                  ? apply(e, OP_MUL, n->at, 2, both, NULL, NULL, NULL)
                  : item_poison();
  return product.kind == ITEM_VALUE ? sum_axes(&x, product) : product;
}
