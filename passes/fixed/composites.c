/* composites.c: operators that are made of others become their bodies, where fixed-point has no rule of their
 * own.
 *
 * requires   ternarize (not planned memory, no kernels).
 * maintains  every value, bit for bit: a body is the operator's definition (ir/composites.h).
 * breaks     nothing.
 *
 * It stands right before fixed-point, and before the float model is run to see how large its values get: so
 * the values inside a body are seen too. Back ends make bodies of all composites themselves. */
#include "ir/composites.h"

#include "passes/fixed/fixed.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

struct expanding {
  struct module *m;
  bool changed;
};

static void visit(struct op *op, void *data) {
  struct expanding *e = data;
  use_forwarded(op);
  if (!(op_info[op->code].flags & COMPOSITE) || fixed_rule_named(op->code))
    return;
  struct builder b = builder_before(e->m, op);
  forward_op(op, composite_step(&b, op, op->in).value);
  e->changed = true;
}

/* A body may name further composites. */
bool pass_composites(struct module *m, const struct pass_context *c) {
  (void)c;
  for (struct func *f = m->funcs; f; f = f->next) {
    struct expanding e = {m, !func_is_fold(f)};
    while (e.changed) {
      e.changed = false;
      walk(f->body, visit, &e);
      settle_forwarded(f->body);
    }
  }
  return true;
}
