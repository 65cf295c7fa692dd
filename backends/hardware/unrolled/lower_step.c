/* lower_step.c: walks the step, with its repeats unrolled: weights, states, regions, and the units that nodes
 * belong to. A unit is a block of the spec: an operator belongs to the block of the weight or state that was
 * named last above it; each matrix of ternary sums has a unit of its own. */
#include "backends/hardware/unrolled/lower_step.h"

#include "backends/hardware/unrolled/emission.h"
#include <string.h>

enum { MOST_ELEMENTS = 1 << 22, ROUNDS = 4 };

struct scalars *unrolled_scalars(struct step_lowering *l, const struct value *v) {
  return &l->values.at[v->id];
}

static void give_ids(struct value *const *values, int n, int *next) {
  for (int i = 0; i < n; i++)
    values[i]->id = (*next)++;
}

static void give_op_ids(struct op *op, void *data) {
  give_ids(op->out, op->n_out, data);
  if (op->body)
    give_ids(op->body->args, op->body->n_args, data);
}

/* ---- units ------------------------------------------------------------------------------------------- */

/* "layers.0.attn.h" -> "layers.0.attn"; of a name without a dot nothing is left. */
static const char *path_of(struct arena *a, const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? arena_strndup(a, name, (size_t)(dot - name)) : "";
}

/* The block around the one that has a weight, where there is one: "layers.0.attn.f.weight" ->
 * "layers.0.attn", "head.weight" -> "head"; of the rows of several weights, the first one's. */
static const char *block_of(struct arena *a, const char *name) {
  const char *own = path_of(a, arena_strndup(a, name, strcspn(name, "+"))), *outer = path_of(a, own);
  return *outer ? outer : own;
}

/* The path of a sum's weight; of the rows of several weights, "a.i.weight+a.f.weight", "a.i_f". */
static const char *sum_path(struct arena *a, const char *name) {
  const char *plus = strchr(name, '+');
  const char *path = path_of(a, plus ? arena_strndup(a, name, (size_t)(plus - name)) : name);
  while (plus) {
    const char *next = strchr(plus + 1, '+');
    const char *more = path_of(a, next ? arena_strndup(a, plus + 1, (size_t)(next - plus - 1)) : plus + 1);
    const char *dot = strrchr(more, '.');
    path = arena_printf(a, "%s_%s", path, dot ? dot + 1 : more);
    plus = next;
  }
  return path;
}

static void enter(struct step_lowering *l, const char *path, const char *what) {
  net_set_unit(l->net, verilog_name(l->net->arena, *path ? path : "model"), what);
}

static void enter_block(struct step_lowering *l, const char *path) {
  struct arena *a = l->net->arena;
  enter(l, path,
        *path ? arena_printf(a, "what the block '%s' computes beside ternary sums", path)
              : "the model's own operators");
}

/* ---- symbols ----------------------------------------------------------------------------------------- */

/* The instance that the index operands choose; they are constants once repeats are unrolled. -1 after a
 * diagnostic. */
static int64_t instance_of(struct step_lowering *l, const struct op *op, int first, int n_counts,
                           const int64_t *counts) {
  int64_t instance = 0, v;
  for (int i = 0; i < n_counts; i++) {
    if (!net_is_const(l->net, unrolled_scalars(l, op->in[first + i])->at[0], &v) || v < 0 || v >= counts[i]) {
      diag_at(l->m->diag, SEVERITY_ERROR, op->at,
              "the unrolled machine cannot choose '%s' by a computed index", op->attr.symbol);
      return -1;
    }
    instance = instance * counts[i] + v;
  }
  return instance;
}

static int64_t integer_at(const struct tensor *t, int64_t i) {
  switch (t->type.elem) {
  case ELEM_I16: return t->i16[i];
  case ELEM_I32: return t->i32[i];
  default: return t->i8[i]; /* I8, TERNARY */
  }
}

static bool lower_weight(struct step_lowering *l, const struct op *op) {
  const struct weight *w = weight_find(l->m, op->attr.symbol);
  int64_t instance = instance_of(l, op, 0, w->n_counts, w->counts);
  if (instance >= 0 && w->type.elem == ELEM_F32)
    diag_at(l->m->diag, SEVERITY_ERROR, op->at,
            "the weight '%s' is read as floats here; hardware has integers only (is the pass fixed-point "
            "left out?)",
            w->name);
  const struct tensor *t =
      instance < 0 || w->type.elem == ELEM_F32 ? NULL : interp_weight(l->weights, w, instance);
  if (!t)
    return false;
  const char *name = symbol_instance(l->net->arena, w->name, w->n_counts, w->counts, instance);
  if (w->origin != WEIGHT_FOLDED)
    enter_block(l, block_of(l->net->arena, name));
  struct scalars *y = unrolled_scalars(l, op->out[0]);
  for (int64_t i = 0; i < y->n; i++)
    y->at[i] = net_const(l->net, integer_at(t, i));
  return true;
}

static struct known_range type_range(enum elem e) {
  return e == ELEM_I8    ? (struct known_range){INT8_MIN, INT8_MAX, 0}
         : e == ELEM_I16 ? (struct known_range){INT16_MIN, INT16_MAX, 0}
                         : (struct known_range){INT32_MIN, INT32_MAX, 0};
}

static struct known_range initial_range(const struct state *s) {
  int64_t init = (int64_t)s->init;
  return (struct known_range){init, init, init ? __builtin_ctzll((uint64_t)init) : 62};
}

/* What an element of a state, `number` in the netlist, is taken to be before a token. */
static struct known_range assumed_range(const struct step_lowering *l, const struct state *s, int number) {
  return l->known ? l->known[number] : l->from_init ? initial_range(s) : type_range(s->type.elem);
}

static struct lowered_state *add_state(struct step_lowering *l, const struct state *s, int64_t instance) {
  struct arena *a = l->net->arena;
  struct lowered_state x = {.state = s, .instance = instance, .first = l->net->states.n};
  const char *name = verilog_name(a, symbol_instance(a, s->name, s->n_counts, s->counts, instance));
  x.now.n = type_count(s->type, NULL);
  x.now.at = arena_array(a, ref, x.now.n);
  for (int64_t i = 0; i < x.now.n; i++) {
    int number = l->net->states.n;
    struct known_range r = assumed_range(l, s, number);
    net_state(l->net, arena_printf(a, "%s_%lld", name, (long long)i), r.lo, r.hi, (int64_t)s->init, r.zeros);
    x.now.at[i] = l->net->states.at[number].value;
  }
  vec_push(a, l->states, x);
  return &l->states.at[l->states.n - 1];
}

static struct lowered_state *state_of(struct step_lowering *l, const struct op *op, int first) {
  const struct state *s = state_find(l->m, op->attr.symbol);
  int64_t instance = instance_of(l, op, first, s->n_counts, s->counts);
  if (instance < 0)
    return NULL;
  if (!elem_integer(s->type.elem)) {
    diag_at(l->m->diag, SEVERITY_ERROR, op->at,
            "the state '%s' holds floats; hardware has integers only (is the pass fixed-point left out?)",
            s->name);
    return NULL;
  }
  const char *name = symbol_instance(l->net->arena, s->name, s->n_counts, s->counts, instance);
  enter_block(l, path_of(l->net->arena, name));
  for (int i = 0; i < l->states.n; i++)
    if (l->states.at[i].state == s && l->states.at[i].instance == instance)
      return &l->states.at[i];
  return add_state(l, s, instance);
}

static bool lower_read(struct step_lowering *l, const struct op *op) {
  const struct lowered_state *s = state_of(l, op, 0);
  if (s)
    memcpy(unrolled_scalars(l, op->out[0])->at, s->now.at, sizeof *s->now.at * (size_t)s->now.n);
  return s != NULL;
}

static bool lower_write(struct step_lowering *l, const struct op *op) {
  struct lowered_state *s = state_of(l, op, 1);
  if (!s)
    return false;
  memcpy(s->now.at, unrolled_scalars(l, op->in[0])->at, sizeof *s->now.at * (size_t)s->now.n);
  return true;
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

static bool make_room(struct step_lowering *l, const struct value *v, struct loc at) {
  struct scalars *s = unrolled_scalars(l, v);
  int64_t n = type_count(v->type, NULL);
  if (n > MOST_ELEMENTS && v->type.elem != ELEM_TERNARY) {
    diag_at(l->m->diag, SEVERITY_ERROR, at,
            "a value of %lld elements is too large to be unrolled; --hw=streaming takes any size",
            (long long)n);
    return false;
  }
  if (s->n != n)
    *s = (struct scalars){n, arena_array(l->net->arena, ref, n ? n : 1)};
  return true;
}

static bool lower_block(struct step_lowering *l, const struct block *b);

static void copy_scalars(struct step_lowering *l, const struct value *to, const struct value *from) {
  struct scalars *y = unrolled_scalars(l, to), *x = unrolled_scalars(l, from);
  memcpy(y->at, x->at, sizeof *y->at * (size_t)y->n);
}

static bool lower_repeat(struct step_lowering *l, const struct op *op) {
  const struct block *b = op->body;
  for (int i = 0; i < b->n_args; i++)
    if (!make_room(l, b->args[i], op->at))
      return false;
  for (int i = 0; i < op->n_in; i++)
    copy_scalars(l, op->out[i], op->in[i]);
  for (int64_t k = 0; k < op->attr.count; k++) {
    unrolled_scalars(l, b->args[0])->at[0] = net_const(l->net, k);
    for (int i = 0; i < op->n_in; i++)
      copy_scalars(l, b->args[1 + i], op->out[i]);
    if (!lower_block(l, b))
      return false;
    for (int i = 0; i < op->n_out; i++)
      copy_scalars(l, op->out[i], b->last->in[i]);
  }
  return true;
}

static bool lower_kernel(struct step_lowering *l, const struct op *op) {
  if (!lower_block(l, op->body))
    return false;
  for (int i = 0; i < op->n_out; i++)
    copy_scalars(l, op->out[i], op->body->last->in[i]);
  return true;
}

/* The sum's unit; what follows goes on in the unit of its weight's path. */
static bool lower_sum(struct step_lowering *l, const struct op *op) {
  struct arena *a = l->net->arena;
  struct type t = op->in[0]->type;
  const struct op *leaf = op->in[0]->def;
  const struct weight *w = weight_find(l->m, leaf->attr.symbol);
  int64_t instance = instance_of(l, leaf, 0, w->n_counts, w->counts);
  if (instance < 0)
    return false;
  if (elem_code_bits(w->type.elem)) {
    diag_at(l->m->diag, SEVERITY_ERROR, op->at,
            "'%s' is i%d, and the unrolled machine multiplies by ternary weights only", w->name,
            elem_code_bits(w->type.elem));
    return false;
  }
  const char *name = symbol_instance(a, w->name, w->n_counts, w->counts, instance);
  enter(l, arena_printf(a, "%s_sum", sum_path(a, name)),
        arena_printf(a, "sums of %lld inputs for %lld outputs, by the weight '%s'", (long long)t.dim[1],
                     (long long)t.dim[0], name));
  bool ok = unrolled_lower_op(l, op);
  enter_block(l, block_of(a, name));
  return ok;
}

static bool lower_any(struct step_lowering *l, const struct op *op) {
  switch (op->code) {
  case OP_WEIGHT: return lower_weight(l, op);
  case OP_READ: return lower_read(l, op);
  case OP_WRITE: return lower_write(l, op);
  case OP_REPEAT: return lower_repeat(l, op);
  case OP_KERNEL: return lower_kernel(l, op);
  case OP_TERNARY_SUM: return lower_sum(l, op);
  default: return unrolled_lower_op(l, op);
  }
}

static void name_result(struct step_lowering *l, const struct value *v) {
  const char *name = v->name ? verilog_name(l->net->arena, v->name) : NULL;
  const struct scalars *s = unrolled_scalars(l, v);
  for (int64_t i = 0; name && i < s->n && v->type.elem != ELEM_TERNARY; i++)
    net_name(l->net, s->at[i], name, i);
}

static bool lower_block(struct step_lowering *l, const struct block *b) {
  for (const struct op *op = b->first; op && op != b->last; op = op->next) {
    for (int i = 0; i < op->n_out; i++)
      if (!make_room(l, op->out[i], op->at))
        return false;
    if (!lower_any(l, op))
      return false;
    if (l->net->too_wide) {
      diag_at(l->m->diag, SEVERITY_ERROR, op->at,
              "'%s' needs numbers of more than 62 bits here; the unrolled machine has none so wide",
              op_info[op->code].text);
      return false;
    }
    for (int i = 0; i < op->n_out && op->code != OP_WEIGHT && op->code != OP_READ; i++)
      name_result(l, op->out[i]);
  }
  return true;
}

/* ---- the step ---------------------------------------------------------------------------------------- */

static struct known_range join(struct known_range a, struct known_range b) {
  return (struct known_range){a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi,
                              a.zeros < b.zeros ? a.zeros : b.zeros};
}

static bool covers(struct known_range a, struct known_range b) {
  return a.lo <= b.lo && a.hi >= b.hi && (a.zeros <= b.zeros || b.lo == b.hi);
}

/* Closes the loops; *reached: what each element can be before the first token or after one, if before it the
 * elements are what they were assumed to be. */
static void close_states(struct step_lowering *l, struct known_range *reached) {
  for (int i = 0; i < l->states.n; i++) {
    const struct lowered_state *s = &l->states.at[i];
    for (int64_t k = 0; k < s->now.n; k++) {
      int number = s->first + (int)k;
      const struct net_node *next = net_at(l->net, s->now.at[k]);
      reached[number] = join(initial_range(s->state),
                             (struct known_range){next->lo, next->hi, net_zeros(l->net, s->now.at[k])});
      net_state_next(l->net, number, s->now.at[k]);
    }
  }
}

/* One lowering, into an empty netlist. */
static bool lower_once(struct step_lowering *l, struct arena *a, int ids, struct scalars *out,
                       struct known_range **reached) {
  const struct func *f = func_find(l->m, "step");
  const struct value *token = f->body->args[0], *result = f->body->last->in[0];
  enum net_multiplier multiplier = l->net->multiplier;
  net_init(l->net, a);
  l->net->multiplier = multiplier;
  l->values.n = l->states.n = 0;
  for (int i = 0; i < ids; i++)
    vec_push(a, l->values, (struct scalars){0, NULL});
  enter_block(l, "");
  if (!make_room(l, token, result->def->at))
    return false;
  unrolled_scalars(l, token)->at[0] = net_token(l->net, type_count(result->type, NULL));
  if (!lower_block(l, f->body))
    return false;
  *out = *unrolled_scalars(l, result);
  *reached = arena_array(a, struct known_range, l->net->states.n + 1);
  close_states(l, *reached);
  return true;
}

/* Ranges from below: at first the initial values, then whatever is reached from them, alike for all elements
 * of a state. *settled when nothing more is reached; a state that creeps up to where it saturates does not
 * settle. */
static bool grow_ranges(struct step_lowering *l, struct arena *a, int ids, struct scalars *out,
                        bool *settled) {
  *settled = false;
  for (int round = 0; round < ROUNDS && !*settled; round++) {
    struct known_range *reached, *next;
    if (!lower_once(l, a, ids, out, &reached))
      return false;
    next = arena_array(a, struct known_range, l->net->states.n + 1);
    *settled = true;
    for (int i = 0; i < l->states.n; i++) {
      const struct lowered_state *s = &l->states.at[i];
      struct known_range all = assumed_range(l, s->state, s->first);
      for (int64_t k = 0; k < s->now.n; k++) {
        *settled &= covers(assumed_range(l, s->state, s->first + (int)k), reached[s->first + k]);
        all = join(all, reached[s->first + k]);
      }
      for (int64_t k = 0; k < s->now.n; k++)
        next[s->first + k] = all;
    }
    if (!*settled)
      l->known = next;
  }
  return true;
}

/* Ranges from above: whatever holds before a token, what is reached from it holds too. */
static bool narrow_ranges(struct step_lowering *l, struct arena *a, int ids, struct scalars *out) {
  for (int round = 0;; round++) {
    struct known_range *reached;
    bool narrower = false;
    if (!lower_once(l, a, ids, out, &reached))
      return false;
    for (int i = 0; i < l->states.n; i++)
      for (int64_t k = 0; k < l->states.at[i].now.n; k++) {
        int number = l->states.at[i].first + (int)k;
        narrower |= !covers(reached[number], assumed_range(l, l->states.at[i].state, number));
      }
    if (!narrower || round + 1 == ROUNDS)
      return true;
    l->known = reached;
  }
}

bool unrolled_lower(struct module *m, struct interp *weights, struct arena *a, enum net_multiplier multiplier,
                    struct netlist *net, struct scalars *out) {
  struct func *f = func_find(m, "step");
  struct step_lowering l = {.m = m, .net = net, .weights = weights, .from_init = true};
  bool settled;
  int ids = 0;
  give_ids(f->body->args, f->body->n_args, &ids);
  walk(f->body, give_op_ids, &ids);
  net->multiplier = multiplier;
  if (!grow_ranges(&l, a, ids, out, &settled))
    return false;
  l.from_init = false;
  if (!settled)
    l.known = NULL;
  return narrow_ranges(&l, a, ids, out);
}
