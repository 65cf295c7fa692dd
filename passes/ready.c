/* ready.c: whether a module is what a pass needs: one function a need. */
#include "passes/pass.h"
#include "passes/rewrite.h"

#include <stdarg.h>
#include <string.h>

struct readiness {
  struct module *m;
  const struct pass *pass;
  const struct func *f; /* at work */
  bool ok;              /* only the first thing in the way is reported */
};

__attribute__((format(printf, 3, 4))) static void refuse(struct readiness *r, struct loc at,
                                                         const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  if (r->ok)
    diag_at(r->m->diag, SEVERITY_ERROR, at, "%s: %s", r->pass->name, arena_vprintf(r->m->arena, format, ap));
  va_end(ap);
  r->ok = false;
}

static const char *name_of(const struct op *op) {
  return op_info[op->code].text;
}

/* ---- operators --------------------------------------------------------------------------------------- */

static void check_unplanned(struct op *op, void *data) {
  for (int i = 0; i < op->n_out; i++)
    if (op->out[i]->at != AT_NONE)
      refuse(data, op->at, "%s: its result has its place in memory already; the pass goes before plan-memory",
             name_of(op));
}

static void check_single(struct op *op, void *data) {
  if (op->code == OP_KERNEL)
    refuse(data, op->at,
           "'%s' is a kernel; the pass takes operators that stand by themselves: it goes before fuse",
           op->attr.name);
}

static bool quantised(const struct value *v) {
  return v->type.elem == ELEM_Q8 || v->type.elem == ELEM_Q16;
}

static void check_sums(struct op *op, void *data) {
  bool product = (op->code == OP_MATMUL || op->code == OP_MATMUL_BACK) && elem_codes(op->in[0]->type.elem);
  for (int i = 0; i < op->n_out; i++)
    product |= quantised(op->out[i]);
  if (product)
    refuse(data, op->at,
           "%s: quantised values and products by weights of codes are not sums yet; run ternarize first",
           name_of(op));
}

static bool leaf_of_integers(const struct value *v) {
  return v->def && (v->def->code == OP_READ || v->def->code == OP_WEIGHT) && elem_integer(v->type.elem);
}

static void check_floats(struct op *op, void *data) {
  bool integers = op_info[op->code].flags & INTEGER;
  for (int i = 0; op->code != OP_WRITE && i < op->n_in; i++)
    integers |= leaf_of_integers(op->in[i]);
  if (integers)
    refuse(data, op->at, "%s: works on integers already; the pass takes the float form of a model",
           name_of(op));
}

/* ---- functions and declarations ---------------------------------------------------------------------- */

static bool stands_alone(const struct op *op) {
  if (op_is_product(op))
    return true;
  switch (op->code) {
  case OP_KERNEL:
  case OP_NTH:
  case OP_REPEAT: return true;
  case OP_WEIGHT:
    return op->next && op_is_product(op->next) && op->next->in[0] == op->out[0]; /* its matrix */
  default: return op_info[op->code].flags & END;
  }
}

static void check_kernels(struct readiness *r, const struct block *b) {
  for (const struct op *op = b->first; op && r->ok; op = op->next) {
    if (!stands_alone(op))
      refuse(r, op->at, "'%s' is in no kernel; run fuse first", name_of(op));
    else if (op->code == OP_REPEAT)
      check_kernels(r, op->body);
  }
}

static const char *types_text(struct readiness *r, int n, struct value *const *values) {
  const char *text = n ? "" : "nothing";
  for (int i = 0; i < n; i++)
    text = arena_printf(r->m->arena, "%s%s%s", text, i ? ", " : "",
                        type_text(r->m->arena, r->m, values[i]->type));
  return text;
}

static void check_step(struct readiness *r) {
  const struct func *step = func_find(r->m, "step");
  if (!step) {
    refuse(r, (struct loc){0}, "the module '%s' has no function 'step', from one token to logits",
           r->m->name);
    return;
  }
  const struct block *b = step->body;
  if (b->n_args != 1 || !type_equal(b->args[0]->type, type_scalar(ELEM_U32)) || b->last->n_in != 1)
    refuse(
        r, b->last->at,
        "'step' is (%s) -> %s; the pass takes a model's step, from one token to logits: (u32) -> f32[vocab]",
        types_text(r, b->n_args, b->args), types_text(r, b->last->n_in, b->last->in));
}

static void check_alone(struct readiness *r) {
  for (const struct func *f = r->m->funcs; f; f = f->next)
    if (!func_is_fold(f) && strcmp(f->name, "step") != 0)
      refuse(r, (struct loc){0},
             "the module has the function '%s' too, but the pass needs the one-token form "
             "alone: it goes before batch-time",
             f->name);
}

static void check_float_states(struct readiness *r) {
  for (const struct state *s = r->m->states; s; s = s->next)
    if (type_is_past(r->m, s->type))
      refuse(
          r, s->at,
          "'%s' is a history or a window; append, age and what is seen of it have no fixed-point form: run "
          "this model in floats",
          s->name);
    else if (s->type.elem != ELEM_F32)
      refuse(r, s->at, "the state '%s' is integers already; the pass takes the float form", s->name);
}

/* ---- all --------------------------------------------------------------------------------------------- */

static void check_func(struct readiness *r) {
  static const struct {
    unsigned need;
    void (*check)(struct op *op, void *data);
  } of_operators[] = {{NO_PLAN, check_unplanned},
                      {NO_KERNELS, check_single},
                      {ONLY_SUMS, check_sums},
                      {ONLY_FLOATS, check_floats}};
  for (size_t i = 0; i < sizeof of_operators / sizeof *of_operators; i++)
    if (r->pass->needs & of_operators[i].need)
      walk(r->f->body, of_operators[i].check, r);
  if (r->pass->needs & KERNEL_FORM)
    check_kernels(r, r->f->body);
}

bool pass_ready(struct module *m, const struct pass *p) {
  struct readiness r = {.m = m, .pass = p, .ok = true};
  if (p->needs & ONE_STEP)
    check_step(&r);
  if (p->needs & STEP_ALONE)
    check_alone(&r);
  if (p->needs & ONLY_FLOATS)
    check_float_states(&r);
  for (r.f = m->funcs; r.f && r.ok; r.f = r.f->next)
    if (!func_is_fold(r.f))
      check_func(&r);
  return r.ok;
}
