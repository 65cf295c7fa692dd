/* repeats.c: going back through repeats.
 *
 * Each iteration keeps what it carried in on a tape; a repeat from the last iteration to the first computes
 * the body again and goes back through it. What else of the body is kept, so that it is not computed again,
 * is chosen in keep.c. */
#include "passes/training/derivative.h"

#include "passes/rewrite.h"

static bool on_tape(const struct value *v) {
  return v->type.elem == ELEM_F32 || elem_integer(v->type.elem);
}

static bool inside_repeat(const struct op *op) {
  for (op = op->block->parent; op; op = op->block->parent)
    if (op->code == OP_REPEAT)
      return true;
  return false;
}

const char *tape_new(struct derivative *d, struct type t, const struct op *repeat) {
  const char *kind = inside_repeat(repeat) ? "replay" : "tape";
  const char *name = arena_printf(d->m->arena, "%s.%d", kind, d->tapes++);
  return state_like(d->m, name, t, 1, &repeat->attr.count, repeat->at)->name;
}

/* Keeps what the iteration carried in, and gives it back in the repeat that goes back. */
static void through_tape(struct frame *f, struct op *repeat, struct frame *inner, struct op *back,
                         struct value_map *map) {
  struct module *m = f->d->m;
  struct builder front = builder_before(m, repeat->body->first);
  for (int i = 1; i < repeat->body->n_args; i++) {
    struct value *v = repeat->body->args[i];
    if (!on_tape(v)) {
      diag_at(m->diag, SEVERITY_ERROR, repeat->at, "this repeat carries %s, which training cannot keep",
              type_text(m->arena, m, v->type));
      f->d->ok = false;
      return;
    }
    struct attrs attr = {.symbol = tape_new(f->d, v->type, repeat)};
    build(&front, OP_WRITE, 2, (struct value *[]){v, repeat->body->args[0]}, &attr, NULL);
    struct type t = v->type;
    struct op *read = build(&inner->b, OP_READ, 1, &back->body->args[0], &attr, &t);
    read->out[0]->name = v->name;
    map_put(&f->d->scratch, map, v, read->out[0]);
  }
}

/* The repeat that goes back, while it is made: a cotangent for each value that the forward one carries, then
 * one for each that its body uses from outside. */
struct carries {
  VEC(struct value *) in;
  VEC(struct value *) yields;
  VEC(struct value *) to; /* whose cotangents the results are */
};

static struct value *carry(struct frame *f, struct op *back, struct carries *c, struct value *first,
                           struct value *to) {
  vec_push(f->d->m->arena, c->in, first);
  vec_push(f->d->m->arena, c->to, to);
  return block_arg(f->d->m, back->body, first->type, NULL);
}

/* Values from outside the body that gained something in it. */
static void carry_captured(struct frame *f, struct frame *inner, struct op *back, struct carries *c) {
  for (struct cotangent *k = inner->cotangents; k; k = k->hh.next) {
    if (value_defined_inside(k->of, back->body))
      continue;
    struct builder before = builder_before(f->d->m, back);
    struct value *zeros = build_const(&before, 0, k->value->type);
    struct value *so_far = carry(f, back, c, zeros, (struct value *)k->of);
    vec_push(f->d->m->arena, c->yields, build2(&inner->b, OP_ADD, so_far, k->value));
  }
}

static void finish(struct frame *f, struct frame *inner, struct op *back, struct carries *c) {
  struct module *m = f->d->m;
  struct type *types = arena_array(&f->d->scratch, struct type, c->in.n);
  for (int i = 0; i < c->in.n; i++)
    types[i] = c->in.at[i]->type;
  build(&inner->b, OP_YIELD, c->yields.n, c->yields.at, NULL, NULL);
  back->n_in = c->in.n;
  back->in = c->in.at;
  op_set_results(m, back, c->in.n, types);
  for (int i = 0; i < c->to.n; i++)
    cotangent_add(f, c->to.at[i], back->out[i]);
}

/* The repeat that goes back, its body still empty: it carries a cotangent for each float that the forward one
 * carries. seeds[i]: that one; NULL where there is none. */
static struct op *begin_back(struct frame *f, struct op *repeat, struct frame *inner, struct carries *c,
                             struct value **seeds) {
  struct attrs attr = {.count = repeat->attr.count, .reverse = !repeat->attr.reverse};
  for (int i = 0; i < repeat->n_in; i++)
    if (repeat->out[i]->type.elem == ELEM_F32)
      seeds[i] = cotangent_or_zeros(f, repeat->out[i]);
  struct op *back = build(&f->b, OP_REPEAT, 0, NULL, &attr, NULL);
  *inner = (struct frame){.d = f->d, .b = builder_end(f->d->m, back->body)};
  inner->b.at = repeat->at;
  block_arg(f->d->m, back->body, type_scalar(ELEM_U32), "l");
  for (int i = 0; i < repeat->n_in; i++)
    seeds[i] = seeds[i] ? carry(f, back, c, seeds[i], repeat->in[i]) : NULL;
  return back;
}

/* The body once more, in `inner`. */
static void compute_again(struct frame *f, struct frame *inner, struct op *repeat, struct op *first,
                          struct value_map *map, twin_list *twins) {
  for (struct op *op = first; op != repeat->body->last; op = op->next) {
    struct op *again = op_clone(&inner->b, op, map);
    if (op->code != OP_APPEND)
      vec_push(&f->d->scratch, *twins, (struct twin){op, again});
  }
  scans_use_again(inner, inner->b.block);
  scans_keep_start(f, repeat->body);
}

/* The rows are there since the body went forward: nothing is appended again. */
static void append_nothing(struct op *first, const struct op *last) {
  for (struct op *op = first, *next; op; op = next) {
    next = op == last ? NULL : op->next;
    if (op->code == OP_APPEND)
      op_unlink(op);
  }
}

/* Back through the body: from the seeds to the cotangents of what the iteration began with. */
static void through_body(struct frame *inner, struct op *repeat, struct value_map *map, struct carries *c,
                         struct value **seeds) {
  struct op *last = inner->b.block->last;
  for (int i = 0; i < repeat->n_in; i++)
    if (seeds[i])
      cotangent_add(inner, map_value(map, repeat->body->last->in[i]), seeds[i]);
  struct op *first = inner->b.block->first;
  go_back(inner, last);
  append_nothing(first, last);
  for (int i = 0; i < repeat->n_in; i++)
    if (seeds[i])
      vec_push(inner->d->m->arena, c->yields,
               cotangent_or_zeros(inner, map_value(map, repeat->body->args[1 + i])));
}

void go_back_repeat(struct frame *f, struct op *repeat) {
  struct carries c = {0};
  struct value_map map = {0};
  struct frame inner;
  twin_list twins = {0};
  struct value **seeds = arena_array(&f->d->scratch, struct value *, repeat->n_in);
  f->b.at = repeat->at;
  struct op *back = begin_back(f, repeat, &inner, &c, seeds);
  map_put(&f->d->scratch, &map, repeat->body->args[0], back->body->args[0]);
  struct op *first = repeat->body->first;
  through_tape(f, repeat, &inner, back, &map);
  if (!f->d->ok)
    return;
  compute_again(f, &inner, repeat, first, &map, &twins);
  through_body(&inner, repeat, &map, &c, seeds);
  carry_captured(f, &inner, back, &c);
  finish(f, &inner, back, &c);
  keep_values(f, repeat, back, &twins);
}

void close_repeat(struct frame *f, struct frame *inner, struct op *repeat) {
  struct carries c = {0};
  carry_captured(f, inner, repeat, &c);
  finish(f, inner, repeat, &c);
}

/* ---- groups ------------------------------------------------------------------------------------------ */

static void note_repeat(struct op *op, void *found) {
  *(bool *)found |= op->code == OP_REPEAT;
}

/* Only two nest. */
static bool can_group(const struct op *repeat, int64_t group) {
  bool nested = inside_repeat(repeat);
  walk(repeat->body, note_repeat, &nested);
  return !nested && !repeat->attr.reverse && group > 1 && repeat->attr.count % group == 0;
}

/* The operators of the body go into the body of a new one in it. */
static void nest(struct module *m, struct op *outer, int64_t group) {
  struct block *body = outer->body;
  struct op *first = body->first, *end = body->last;
  struct builder b = builder_before(m, first);
  b.at = outer->at;
  struct op *inner = build(&b, OP_REPEAT, outer->n_in, body->args + 1, &(struct attrs){.count = group}, NULL);
  struct value *j = block_arg(m, inner->body, type_scalar(ELEM_U32), "j");
  struct builder in = builder_end(m, inner->body);
  in.at = outer->at;
  struct value *pair[] = {body->args[0], j};
  struct value *l = build(&in, OP_NTH, 2, pair, &(struct attrs){.group = group}, NULL)->out[0];
  l->name = body->args[0]->name;
  struct type *types = arena_array(m->arena, struct type, outer->n_in);
  for (int i = 0; i < outer->n_in; i++) {
    types[i] = outer->out[i]->type;
    block_arg(m, inner->body, types[i], body->args[1 + i]->name);
  }
  for (struct op *op = first, *next; op; op = next) {
    next = op->next;
    op_move_end(op, inner->body);
  }
  for (int i = 0; i < outer->n_in; i++)
    replace_uses(inner->body, body->args[1 + i], inner->body->args[1 + i]);
  replace_uses(inner->body, body->args[0], l);
  l->def->in[0] = body->args[0];
  op_set_results(m, inner, outer->n_in, types);
  struct builder after = builder_end(m, body);
  after.at = end->at;
  build(&after, OP_YIELD, inner->n_out, inner->out, NULL, NULL);
}

void group_repeats(struct derivative *d, struct block *b) {
  for (struct op *op = b->first; op; op = op->next)
    if (op->code == OP_REPEAT && can_group(op, d->recompute.group)) {
      op->attr.count /= d->recompute.group;
      nest(d->m, op, d->recompute.group);
    }
}
