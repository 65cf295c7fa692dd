/* batch_time.c: from the form for one token, `step`, the forms for many: `prefill`, of one sequence, and
 * `batch`, one of each of several sequences.
 *
 * requires   no kernels. Works on the spec's own operators as well as after ternarize.
 * maintains  `step`, untouched. prefill(tokens: u32[T]) -> f32[K, vocab] gives what T calls of step one after
 *            another give for the last K of them, bit for bit, and leaves the same states.
 *            batch(tokens: u32[B]) -> f32[B, vocab] gives what a call of step on each of B sequences gives,
 *            and leaves their states.
 * breaks     nothing.
 *
 * What depends on the token gets a leading axis, T or B; weights and what is made of them alone do not.
 * Operators on trailing axes stay as they are; where operands of different rank broadcast, axes of length 1
 * go between the leading one and the shorter one's own; axis attributes move by one.
 *
 * In `batch` a read or write of a state is one of a row for each sequence, [B, ...], and every operator stays
 * where it was: sequences know nothing of each other. Only what has no form for several tokens at once (a row
 * of a table that is computed) stands in a scan by itself. It is made when the context or the
 * module's text asks for it (`batch N`), also where there can be no prefill.
 *
 * What a token sees of its sequence. Appending takes all tokens of a call at once: each sees the rows up to
 * its own only. What has such rows as an axis stands in a scan, in which one token is at hand; nothing goes
 * from one of its iterations to the next, so threads share its tokens.
 *
 * What follows is about `prefill`.
 *
 * Recurrences. In each block, what lies between a read and a write of one state goes into a `scan` over the
 * tokens (recurrence.c); all else takes all tokens at once, before it or after it. In the published model
 * that leaves one multiply-add in the scan.
 *
 * The tail. Whatever in the function's own body no later state depends on is only wanted for the last K
 * tokens: there values pass through `tail` on their way in. In a language model that is the final norm and
 * the head, whose matrix is the largest.
 *
 * A recurrence that contains a product or a repeat (h enters a matrix whose result makes the next h; a state
 * shared by layers) goes through the tokens in a repeat of its own (serial.c). All else of the model keeps
 * its form for many tokens. Where there can be none such (tokens see a past in it, a third repeat would nest,
 * or the form is one that is trained), no prefill form is made, and T's most is 0.
 *
 * Neither form is made (and B's most is 0 too) where a value has no axis to spare. */
#include "passes/forms/site.h"
#include "passes/pass.h"
#include "passes/rewrite.h"
#include <string.h>

/* ---- whether there can be the form ------------------------------------------------------------------- */

/* A past inside repeats must have an instance for each iteration: those of two iterations over one would have
 * to be appended to token by token in turn. */
static bool own_instance(const struct op *op) {
  for (const struct op *r = op->block->parent; r; r = r->block->parent) {
    bool found = false;
    for (int i = op_changes(op->code); i < op->n_in; i++)
      found |= op->in[i] == r->body->args[0];
    if (!found)
      return false;
  }
  return true;
}

/* A row of a table that differs from token to token, or several rows; what is as long as a past; and a repeat
 * whose iterations share a state. */
static bool alone(const struct op *op, void *data) {
  const struct batching *b = data;
  if (has_past(b->m, op) || batch_is_serial(b, op))
    return true;
  return op->code == OP_INDEX &&
         (batch_varies(b, op->in[0]) || (batch_varies(b, op->in[1]) && op->in[1]->type.rank));
}

static bool is_shared_past(const struct op *op) {
  return (op->code == OP_APPEND || op->code == OP_SEEN) && !own_instance(op);
}

static void check(struct op *op, void *data) {
  struct batching *b = data;
  bool chosen = op->code == OP_MATMUL && elem_codes(op->in[0]->type.elem); /* ternarize comes first */
  if (chosen && batch_varies(b, op->in[0]))
    b->possible = false;
  if (is_shared_past(op) || op->code == OP_KERNEL || op->code == OP_SCAN || op->code == OP_TAIL)
    b->possible = false;
  for (int i = 0; i < op->n_out; i++)
    if (batch_varies(b, op->out[i]) && op->out[i]->type.rank == MAX_RANK &&
        !type_is_past(b->m, op->out[i]->type))
      b->possible = false;
}

/* ---- values in the new form -------------------------------------------------------------------------- */

struct type lead_type(struct type t, int64_t lead, int ones) {
  struct type l = {.elem = t.elem, .rank = t.rank + 1 + ones, .dim = {lead}};
  for (int i = 0; i < ones; i++)
    l.dim[1 + i] = 1;
  for (int i = 0; i < t.rank; i++)
    l.dim[1 + ones + i] = t.dim[i];
  return l;
}

struct value *site_get(struct site *p, const struct value *v) {
  struct batched *m = batch_made(p->b, v);
  if (!m->varies || m->value->type.dim[0] == p->lead)
    return m->value;
  if (!m->tail) {
    m->tail = build1(&p->at, OP_TAIL, m->value);
    m->tail->name = v->name;
  }
  return m->tail;
}

/* The value with a leading axis, wherever it comes from. */
static struct value *get_rows(struct site *p, const struct value *v) {
  struct value *x = site_get(p, v);
  if (batch_varies(p->b, v))
    return x;
  struct type t = lead_type(v->type, p->lead, 0);
  return build(&p->at, OP_BROADCAST, 1, &x, NULL, &t)->out[0];
}

/* Ready to broadcast against a value that has `rank` axes in step. */
static struct value *get_aligned(struct site *p, const struct value *v, int rank) {
  struct value *x = site_get(p, v);
  if (!batch_varies(p->b, v) || v->type.rank >= rank)
    return x;
  return build_reshape(&p->at, x, lead_type(v->type, p->lead, rank - v->type.rank));
}

/* ---- one operator for all tokens --------------------------------------------------------------------- */

static struct value *emit_axis(struct site *p, const struct op *op, struct value **in) {
  struct attrs attr = op->attr;
  attr.axis++;
  return build(&p->at, op->code, op->n_in, in, &attr, NULL)->out[0];
}

static struct value *emit_map(struct site *p, const struct op *op, struct value **in) {
  for (int i = 0; i < op->n_in; i++)
    in[i] = get_aligned(p, op->in[i], op->out[0]->type.rank);
  struct type t = lead_type(op->out[0]->type, p->lead, 0);
  return build(&p->at, op->code, op->n_in, in, &op->attr, &t)->out[0];
}

static struct value *emit_reshape(struct site *p, const struct op *op, struct value **in) {
  return build_reshape(&p->at, in[0], lead_type(op->out[0]->type, p->lead, 0));
}

static struct value *emit_transpose(struct site *p, const struct op *op, struct value **in) {
  struct attrs attr = {0};
  for (int i = 0; i < op->in[0]->type.rank; i++)
    attr.perm[1 + i] = op->attr.perm[i] + 1;
  return build(&p->at, OP_TRANSPOSE, 1, in, &attr, NULL)->out[0];
}

static struct value *emit_concat(struct site *p, const struct op *op, struct value **in) {
  for (int i = 0; i < op->n_in; i++)
    in[i] = get_rows(p, op->in[i]);
  return emit_axis(p, op, in);
}

/* matmul by a matrix that varies: one matrix a token. */
static struct value *emit_matmul(struct site *p, const struct op *op, struct value **in) {
  if (!batch_varies(p->b, op->in[0]))
    return build(&p->at, OP_MATMUL, 2, in, NULL, NULL)->out[0];
  return expand_product(&p->at, get_aligned(p, op->in[0], op->in[1]->type.rank + 1), in[1]);
}

static struct value *emit_plain(struct site *p, const struct op *op, struct value **in) {
  return build(&p->at, op->code, op->n_in, in, &op->attr, NULL)->out[0];
}

typedef struct value *emit_handler(struct site *p, const struct op *op, struct value **in);

/* The state of each sequence, the number of each token. Its operands are indices: the same for all. */
static struct value *emit_read(struct site *p, const struct op *op, struct value **in) {
  struct type t = lead_type(op->out[0]->type, p->lead, 0);
  return build(&p->at, op->code, op->n_in, in, &op->attr, &t)->out[0];
}

/* By what the operator does to axes. */
static emit_handler *handler(const struct op *op) {
  switch (op->code) {
  case OP_RESHAPE: return emit_reshape;
  case OP_BROADCAST: return emit_map; /* axes go where broadcasting against the result would put them */
  case OP_TRANSPOSE: return emit_transpose;
  case OP_CONCAT: return emit_concat;
  case OP_MATMUL: return emit_matmul;
  case OP_POSITION:
  case OP_READ: return emit_read;
  default: break;
  }
  unsigned flags = op_info[op->code].flags, attrs = op_info[op->code].attrs;
  return flags & MAP ? emit_map : attrs & A_AXIS ? emit_axis : emit_plain;
}

/* An operator that no token changes. */
static struct value *emit_same(struct site *p, const struct op *op, struct value **in) {
  return build(&p->at, op->code, op->n_in, in, &op->attr, &op->out[0]->type)->out[0];
}

void site_emit(struct site *p, const struct op *op) {
  struct value **in = arena_array(&p->b->scratch, struct value *, op->n_in);
  for (int i = 0; i < op->n_in; i++)
    in[i] = site_get(p, op->in[i]);
  struct batched *m = batch_made(p->b, op->out[0]);
  p->at.at = op->at;
  m->value = (m->varies ? handler(op) : emit_same)(p, op, in);
  m->value->name = op->out[0]->name;
  m->value->frac = op->out[0]->frac;
}

static void emit_write(struct site *p, const struct op *op) {
  struct value **in = arena_array(&p->b->scratch, struct value *, op->n_in);
  p->at.at = op->at;
  for (int i = 0; i < op->n_in; i++)
    in[i] = i == 0 ? get_rows(p, op->in[i]) : site_get(p, op->in[i]);
  build(&p->at, op->code, op->n_in, in, &op->attr, NULL);
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

static bool emit_block(struct site *p, const struct block *from);

static bool emit_repeat(struct site *p, const struct op *op) {
  struct module *m = p->b->m;
  struct value **in = arena_array(&p->b->scratch, struct value *, op->n_in), **captured;
  struct type *types = arena_array(&p->b->scratch, struct type, op->n_in);
  int n = captured_values(&p->b->scratch, op, &captured);
  p->at.at = op->at;
  for (int i = 0; i < n; i++)
    site_get(p, captured[i]); /* tails are made here, not at every iteration */
  for (int i = 0; i < op->n_in; i++) {
    in[i] = batch_varies(p->b, op->out[i]) ? get_rows(p, op->in[i]) : site_get(p, op->in[i]);
    types[i] = in[i]->type;
  }
  struct op *repeat = build(&p->at, OP_REPEAT, op->n_in, in, &op->attr, NULL);
  for (int i = 0; i < op->body->n_args; i++) {
    const struct value *old = op->body->args[i];
    struct value *argument = block_arg(m, repeat->body, i ? types[i - 1] : old->type, old->name);
    argument->frac = old->frac;
    batch_made(p->b, old)->value = argument;
  }
  struct site inner = {
      .b = p->b, .at = builder_end(m, repeat->body), .lead = p->lead, .repeats = p->repeats + 1};
  if (!emit_block(&inner, op->body))
    return false;
  for (int i = 0; i < op->n_in; i++)
    in[i] = batch_varies(p->b, op->out[i]) ? get_rows(&inner, op->body->last->in[i])
                                           : site_get(&inner, op->body->last->in[i]);
  build(&inner.at, OP_YIELD, op->n_in, in, NULL, NULL);
  op_set_results(m, repeat, op->n_in, types);
  for (int i = 0; i < op->n_out; i++) {
    batch_made(p->b, op->out[i])->value = repeat->out[i];
    repeat->out[i]->name = op->out[i]->name;
  }
  return true;
}

static bool emit_single(struct site *p, const struct op *op) {
  if (op->code == OP_REPEAT)
    return emit_repeat(p, op);
  (op_changes(op->code) ? emit_write : site_emit)(p, op);
  return true;
}

static bool emit_part(struct site *p, const struct component *part) {
  op_list ops = {.at = part->ops.at, .n = part->ops.n};
  return part->scan ? emit_serial(p, &ops) : emit_single(p, ops.at[0]);
}

static bool emit_block(struct site *p, const struct block *from) {
  struct parts *parts = find_parts(p->b, from, alone);
  for (int part = 0; part < parts->n; part++)
    if (!emit_part(p, &parts->at[part]))
      return false;
  return true;
}

/* ---- the tail ---------------------------------------------------------------------------------------- */

struct serial {
  struct batching *b;
  bool found;
};

static void find_serial(struct op *op, void *data) {
  struct serial *s = data;
  s->found |= op_changes(op->code) || alone(op, s->b);
}

/* Whether the operator, or one in its body, must see all T tokens: it writes a state, or is in a scan. */
static bool needs_all(struct batching *b, struct op *op) {
  struct serial s = {.b = b};
  find_serial(op, &s);
  if (op->body)
    walk(op->body, find_serial, &s);
  return s.found;
}

/* Of each part of the function's body, whether it works on all T tokens; the rest on the last K. */
static bool *find_early(struct batching *b, const struct parts *parts) {
  bool *early = arena_array(&b->scratch, bool, parts->n);
  for (int p = parts->n - 1; p >= 0; p--) { /* parts come after what they need */
    const struct component *part = &parts->at[p];
    early[p] |= part->scan || b->whole;
    for (int k = 0; k < part->ops.n && !early[p]; k++)
      early[p] = needs_all(b, part->ops.at[k]);
    for (int i = 0; i < part->needs.n && early[p]; i++)
      early[part->needs.at[i]] = true;
  }
  return early;
}

static bool emit_tokens(struct site *p, const struct block *from) {
  struct parts *parts = find_parts(p->b, from, alone);
  bool *early = find_early(p->b, parts);
  for (int late = 0; late < 2; late++)
    for (int part = 0; part < parts->n; part++) {
      p->lead = late ? DIM_K : DIM_T;
      if (early[part] == !late && !emit_part(p, &parts->at[part]))
        return false;
    }
  p->lead = p->b->whole ? DIM_T : DIM_K;
  return true;
}

static bool emit_body(struct site *p, const struct block *from) {
  if (!(p->b->sequences ? emit_block : emit_tokens)(p, from))
    return false;
  struct value *result = get_rows(p, from->last->in[0]);
  p->at.at = from->last->at;
  build(&p->at, OP_RETURN, 1, &result, NULL, NULL);
  return true;
}

/* ---- the pass ---------------------------------------------------------------------------------------- */

/* The body of the form, or NULL. */
static struct block *batch(struct batching *b, struct func *step) {
  int64_t lead = b->sequences ? DIM_B : DIM_T;
  batch_find_varying(b, step);
  walk(step->body, check, b);
  if (!b->possible)
    return NULL;
  struct block *body = block_new(b->m, NULL);
  struct value *token = step->body->args[0];
  batch_made(b, token)->value = block_arg(b->m, body, lead_type(token->type, lead, 0), "tokens");
  struct site p = {.b = b, .at = builder_end(b->m, body), .lead = lead};
  return emit_body(&p, step->body) ? body : NULL;
}

/* What somebody asked for, or `otherwise`. */
static int64_t asked(int64_t most, int64_t otherwise) {
  return most > 0 ? most : otherwise;
}

enum training_lead { TAIL, SEQUENCES, WHOLE }; /* prefill, batch, and what is trained */

/* *made: there is the form now. *stuck: what has no place in it, where that is known. False after a
 * diagnostic.
 */
static bool make_form(struct module *m, struct func *step, const char *name, enum training_lead lead,
                      bool *made, const struct op **stuck) {
  struct batching b = {
      .m = m, .form = name, .sequences = lead == SEQUENCES, .whole = lead == WHOLE, .possible = true};
  struct block *body = batch(&b, step);
  if (body)
    func_add(m, name)->body = body;
  *made = body != NULL;
  *stuck = b.stuck;
  arena_free(&b.scratch);
  return body || !b.possible;
}

bool pass_batch_time(struct module *m, const struct pass_context *c) {
  struct func *step = func_find(m, "step");
  struct dim *tokens = dim_of(m, DIM_T), *rows = dim_of(m, DIM_B);
  int64_t chunk = asked(c->chunk, tokens->most), batch = asked(c->batch, rows->most);
  const struct op *stuck;
  bool ok = true, made;
  if (!func_find(m, "prefill")) {
    tokens->most = asked(chunk, CHUNK_DEFAULT);
    ok = make_form(m, step, "prefill", TAIL, &made, &stuck);
    tokens->most = made ? tokens->most : 0;
  }
  if (ok && batch > 0 && !func_find(m, "batch")) {
    ok = make_form(m, step, "batch", SEQUENCES, &made, &stuck);
    rows->most = made ? batch : 0;
  }
  return ok;
}

/* A weight that a computed index chooses: its gradient would go to one of many. */
struct chosen {
  struct module *m;
  bool found;
};

static void refuse_chosen(struct op *op, void *data) {
  struct chosen *c = data;
  for (int i = 0; op->code == OP_WEIGHT && i < op->n_in && !c->found; i++)
    if (op->in[i]->def && op->in[i]->def->code != OP_CONST) {
      diag_at(c->m->diag, SEVERITY_ERROR, op->at,
              "training-form: '%s' is chosen by an index that is computed for each token, and such weights "
              "cannot be trained",
              op->attr.symbol);
      c->found = true;
    }
}

/* `train` and `loss`: as prefill, but with the logits of all tokens. What they compute is what differentiate
 * takes. */
bool pass_training_form(struct module *m, const struct pass_context *c) {
  struct func *step = func_find(m, "step");
  struct dim *tokens = dim_of(m, DIM_T);
  const struct op *stuck = NULL;
  bool made;
  if (func_find(m, "train"))
    return true;
  struct chosen chosen = {.m = m};
  walk(step->body, refuse_chosen, &chosen);
  if (chosen.found)
    return false;
  if (!make_form(m, step, "train", WHOLE, &made, &stuck) ||
      (made && !make_form(m, step, "loss", WHOLE, &made, &stuck)))
    return false;
  tokens->most = asked(asked(c->chunk, tokens->most), CHUNK_DEFAULT);
  if (!made)
    diag_at(m->diag, SEVERITY_ERROR, stuck ? stuck->at : (struct loc){0},
            "this model cannot be trained: a recurrence contains a product by a weight or a repeat, so "
            "there is no form for many tokens");
  return made;
}
