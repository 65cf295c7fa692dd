/* head.c: the loss of a call's tokens, and back through what makes their logits.
 *
 * The logits of a token are many times what they are made of. So that those of all tokens of a call never are
 * there, the operators behind the narrowest place before them go into a repeat over parts of the call: each
 * makes the logits of its tokens, their loss, and the cotangents of what they are made of, which go where
 * that was (@part.N). Gradients of weights add up from part to part. Calls of no more tokens than a part has
 * stay whole; parts of a multiple of 256 tokens give products' gradients the same bits (docs/numerics.md). */
#include "passes/training/derivative.h"

#include "passes/pass.h"

#include <string.h>

/* ---- the loss ---------------------------------------------------------------------------------------- */

/* What each token's loss is made of, [T, 1] or [T, V]. */
struct cross_entropy {
  struct value *e, *sum;  /* exp(logits - their largest), and its sum */
  struct value *hit;      /* bool: the target's place */
  struct value *of_token; /* the loss */
};

struct value *count_up(struct builder *b, int64_t n, int rank) {
  struct type t = {.elem = ELEM_F32, .rank = rank, .dim = {n}};
  for (int k = 1; k < rank; k++)
    t.dim[k] = 1;
  struct value *ones = build_const(b, 1, t);
  struct value *one = build_const(b, 1, type_scalar(ELEM_F32));
  return build2(b, OP_SUB, build_axis(b, OP_CUMSUM, ones, 0), one);
}

static struct value *as_column(struct builder *b, struct value *x, enum elem e) {
  struct type t = x->type;
  t.elem = e;
  if (x->type.elem != e)
    x = build(b, OP_CONVERT, 1, &x, NULL, &t)->out[0];
  t.rank = 2;
  t.dim[1] = 1;
  return build_reshape(b, x, t);
}

/* targets: [T, 1], as floats. */
static struct cross_entropy cross_entropy(struct builder *b, struct value *logits, struct value *targets) {
  struct cross_entropy c;
  struct value *zero = build_const(b, 0, type_scalar(ELEM_F32));
  struct value *most = build_axis(b, OP_AMAX, logits, 1);
  c.e = build1(b, OP_EXP, build2(b, OP_SUB, logits, most));
  c.sum = build_axis(b, OP_SUM, c.e, 1);
  c.hit = build2(b, OP_EQ, count_up(b, logits->type.dim[1], 1), targets);
  struct value *picked = build_axis(b, OP_SUM, build3(b, OP_SELECT, c.hit, logits, zero), 1);
  c.of_token = build2(b, OP_ADD, build2(b, OP_SUB, most, picked), build1(b, OP_LOG, c.sum));
  return c;
}

/* softmax(logits) - 1 at the target, times the token's share */
static struct value *logits_cotangent(struct builder *b, const struct cross_entropy *c, struct value *share) {
  struct value *one = build_const(b, 1, type_scalar(ELEM_F32)),
               *zero = build_const(b, 0, type_scalar(ELEM_F32));
  struct value *target = build3(b, OP_SELECT, c->hit, one, zero);
  return build2(b, OP_MUL, build2(b, OP_SUB, build2(b, OP_DIV, c->e, c->sum), target), share);
}

static struct value *weighted(struct builder *b, struct value *of_token, struct value *share) {
  return build2(b, OP_MUL, of_token, share);
}

static struct value *total(struct builder *b, struct value *weighted_losses) {
  struct value *sum = build_axis(b, OP_SUM, weighted_losses, 0);
  return build_reshape(b, sum, type_make(ELEM_F32, 1, (int64_t[]){1}));
}

/* ---- where the head begins --------------------------------------------------------------------------- */

static bool of_tokens(const struct value *v) {
  return v->type.rank > 0 && v->type.dim[0] == DIM_T;
}

typedef VEC(struct value *) value_list;

static bool listed(const value_list *list, const struct value *v) {
  for (int i = 0; i < list->n; i++)
    if (list->at[i] == v)
      return true;
  return false;
}

/* What the operators from `first` to `last` take of the tokens from before them. */
static value_list crossing(struct arena *a, const struct op *first, const struct op *last) {
  value_list made = {0}, found = {0};
  for (const struct op *op = first; op != last->next; op = op->next) {
    for (int i = 0; i < op->n_in; i++)
      if (of_tokens(op->in[i]) && !listed(&made, op->in[i]) && !listed(&found, op->in[i]))
        vec_push(a, found, op->in[i]);
    for (int i = 0; i < op->n_out; i++)
      vec_push(a, made, op->out[i]);
  }
  return found;
}

/* Numbers a token; -1: some are no floats. */
static int64_t width(const value_list *list) {
  int64_t sum = 0;
  for (int i = 0; i < list->n; i++) {
    if (list->at[i]->type.elem != ELEM_F32)
      return -1;
    sum += type_count(list->at[i]->type, NULL);
  }
  return sum;
}

/* The first operator of the head, whose last one is `last`: behind the narrowest place, the latest of such.
 * NULL: none is half as narrow as the logits. */
static struct op *find_head(struct arena *a, struct op *last, const struct value *logits) {
  struct op *found = NULL;
  int64_t least = type_count(logits->type, NULL) / 2 + 1;
  for (struct op *op = last; op && !op->body && !op_changes(op->code); op = op->prev) {
    value_list list = crossing(a, op, last);
    int64_t n = width(&list);
    if (n >= 0 && n < least && list.n) {
      least = n;
      found = op;
    }
  }
  return found;
}

/* ---- parts ------------------------------------------------------------------------------------------- */

struct call_parts {
  struct frame *f;    /* around them */
  struct frame inner; /* in one */
  struct op *repeat;
  int64_t dim;
  struct value_map map; /* from values of all tokens to those of a part */
};

static struct type part_type(const struct call_parts *p, struct type t) {
  if (t.rank && t.dim[0] == DIM_T)
    t.dim[0] = p->dim;
  return t;
}

/* A state as long as the call. */
static const char *part_state(struct derivative *d, struct type t, struct loc at) {
  return state_like(d->m, arena_printf(d->m->arena, "part.%d", d->parts++), t, 0, NULL, at)->name;
}

static void put_all(struct frame *f, struct value *v, const char *state) {
  build(&f->b, OP_WRITE, 1, &v, &(struct attrs){.symbol = state}, NULL);
}

static struct value *get_all(struct frame *f, const char *state) {
  return build(&f->b, OP_READ, 0, NULL, &(struct attrs){.symbol = state}, NULL)->out[0];
}

static struct value *get_part(struct call_parts *p, const char *state, struct type whole) {
  struct type t = part_type(p, whole);
  return build(&p->inner.b, OP_READ, 1, p->repeat->body->args, &(struct attrs){.symbol = state}, &t)->out[0];
}

static void put_part(struct call_parts *p, struct value *v, const char *state) {
  struct value *in[] = {v, p->repeat->body->args[0]};
  build(&p->inner.b, OP_WRITE, 2, in, &(struct attrs){.symbol = state}, NULL);
}

static bool begin_parts(struct call_parts *p, struct frame *f, int64_t size) {
  struct module *m = f->d->m;
  int64_t most = dim_of(m, DIM_T)->most;
  *p = (struct call_parts){.f = f, .dim = dim_parts(m, DIM_T, size)};
  if (!p->dim) {
    diag_error(m->diag, "differentiate: there is no room for the dimension of parts of a call");
    return f->d->ok = false;
  }
  struct attrs attr = {.count = (most + size - 1) / size, .group = p->dim};
  p->repeat = build(&f->b, OP_REPEAT, 0, NULL, &attr, NULL);
  p->inner = (struct frame){.d = f->d, .b = builder_end(m, p->repeat->body)};
  p->inner.b.at = f->b.at;
  block_arg(m, p->repeat->body, type_scalar(ELEM_U32), "part");
  return true;
}

/* The operators from `first` on once more, for the tokens of a part; they go away where they were. */
static void move_in(struct call_parts *p, struct op *first, struct op *last) {
  struct op *end = last->next;
  for (struct op *op = first, *next; op != end; op = next) {
    next = op->next;
    struct op *copy = op_clone(&p->inner.b, op, &p->map);
    for (int i = 0; i < copy->n_out; i++)
      copy->out[i]->type = part_type(p, copy->out[i]->type);
    op_unlink(op);
  }
}

/* Of a part: the logits' loss and cotangent, and back. */
static void through_part(struct call_parts *p, struct value *logits, struct value *targets,
                         struct value *share, const char *losses) {
  struct op *last = p->inner.b.block->last;
  struct cross_entropy c = cross_entropy(&p->inner.b, logits, targets);
  put_part(p, weighted(&p->inner.b, c.of_token, share), losses);
  if (!p->f->d->back)
    return;
  cotangent_add(&p->inner, logits, logits_cotangent(&p->inner.b, &c, share));
  go_back(&p->inner, last);
}

static struct head in_parts(struct frame *f, struct op *first, struct op *last, struct value *logits,
                            struct value *targets, struct value *share, int64_t size) {
  struct derivative *d = f->d;
  struct call_parts p;
  struct head h = {.before = first->prev};
  value_list in = crossing(&d->scratch, first, last);
  const char **states = arena_array(&d->scratch, const char *, in.n);
  struct type column = share->type;
  const char *target = part_state(d, column, f->b.at), *shares = part_state(d, column, f->b.at),
             *losses = part_state(d, column, f->b.at);
  for (int i = 0; i < in.n; i++)
    put_all(f, in.at[i], states[i] = part_state(d, in.at[i]->type, f->b.at));
  put_all(f, targets, target);
  put_all(f, share, shares);
  if (!begin_parts(&p, f, size))
    return h;
  for (int i = 0; i < in.n; i++)
    map_put(&d->scratch, &p.map, in.at[i], get_part(&p, states[i], in.at[i]->type));
  move_in(&p, first, last);
  struct value *part_targets = get_part(&p, target, column), *part_share = get_part(&p, shares, column);
  through_part(&p, map_value(&p.map, logits), part_targets, part_share, losses);
  for (int i = 0; i < in.n && d->back; i++)
    put_part(&p, cotangent_or_zeros(&p.inner, map_value(&p.map, in.at[i])), states[i]);
  close_repeat(f, &p.inner, p.repeat);
  for (int i = 0; i < in.n && d->back; i++)
    cotangent_add(f, in.at[i], get_all(f, states[i]));
  h.loss = total(&f->b, get_all(f, losses));
  return h;
}

/* ---- either way -------------------------------------------------------------------------------------- */

static struct head whole(struct frame *f, struct op *last, struct value *logits, struct value *targets,
                         struct value *share) {
  struct cross_entropy c = cross_entropy(&f->b, logits, targets);
  struct value *loss = total(&f->b, weighted(&f->b, c.of_token, share));
  if (f->d->back)
    cotangent_add(f, logits, logits_cotangent(&f->b, &c, share));
  return (struct head){.before = last, .loss = loss};
}

struct head head_loss(struct frame *f, struct func *fn, struct value *logits, bool back) {
  f->d->back = back;
  struct module *m = f->d->m;
  int64_t tokens = DIM_T, size = f->d->logits > 0 ? f->d->logits : LOGITS_DEFAULT;
  struct op *last = fn->body->last;
  struct value *targets = block_arg(m, fn->body, type_make(ELEM_U32, 1, &tokens), "targets");
  struct value *share = block_arg(m, fn->body, type_make(ELEM_F32, 1, &tokens), "share");
  struct op *first = dim_of(m, DIM_T)->most > size ? find_head(&f->d->scratch, last, logits) : NULL;
  targets = as_column(&f->b, targets, ELEM_F32);
  share = as_column(&f->b, share, ELEM_F32);
  if (first && logits->def)
    return in_parts(f, first, last, logits, targets, share, size);
  return whole(f, last, logits, targets, share);
}
