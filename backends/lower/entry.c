/* entry.c: the entries of a model and their ports: the signatures of its functions, as buffers. */
#include "backends/lower/lower.h"

#include <string.h>

struct entry *loops_entry(const struct loops *l, const char *name) {
  for (int i = 0; i < l->entries.n; i++)
    if (strcmp(l->entries.at[i]->name, name) == 0)
      return l->entries.at[i];
  return NULL;
}

/* ---- ports ----------------------------------------------------------------------------------- */

/* names: of the entry's ports so far. Values of one name have ports of different names. */
static void add_port(struct names *names, struct entry *e, const char *name, enum port_access access,
                     const struct value *v) {
  const char *own = names_fresh(names, name, "", NULL);
  vec_push(names->arena, e->ports, (struct entry_port){own, access, v->type, v->frac});
}

static void add_ports(struct arena *a, const struct module *m, struct entry *e) {
  const struct block *b = e->func->body;
  struct names names = {.arena = a};
  for (int i = 0; i < b->n_args; i++)
    add_port(&names, e, b->args[i]->name ? b->args[i]->name : arena_printf(a, "argument%d", i), PORT_IN,
             b->args[i]);
  for (int i = 0; i < b->last->n_in; i++) {
    struct result r = func_result(e->func, i);
    if (r.updates < 0)
      add_port(&names, e, r.name, PORT_OUT, b->last->in[i]);
    else
      e->ports.at[r.updates].access = PORT_UPDATED;
  }
  e->sequences = func_sequences(m, e->func);
  if (!e->sequences)
    return;
  struct value rows = {.type = type_lead(type_scalar(ELEM_U32), e->sequences), .frac = FRAC_NONE};
  add_port(&names, e, "rows", PORT_ROWS, &rows);
}

static int port_of_result(const struct entry *e, int result) {
  struct result r = func_result(e->func, result);
  if (r.updates >= 0)
    return r.updates;
  int port = e->func->body->n_args;
  for (int i = 0; i < result; i++)
    port += func_result(e->func, i).updates < 0;
  return port;
}

int port_of_value(const struct entry *e, const struct value *v) {
  if (!v->def && !v->block->parent)
    return v->index;
  return v->at <= AT_OUTPUT ? port_of_result(e, (int)(AT_OUTPUT - v->at)) : -1;
}

struct type positions_type(const struct entry *e) {
  struct type one = type_scalar(ELEM_U32);
  return e->sequences                   ? type_lead(one, e->sequences)
         : func_has_dim(e->func, DIM_T) ? type_lead(one, DIM_T)
                                        : one;
}

int port_of_rows(const struct entry *e) {
  return e->ports.n - 1;
}

/* ---- entries --------------------------------------------------------------------------------- */

struct entry *entry_new(struct arena *a, const struct module *m, const struct func *f, int number) {
  struct entry *e = arena_new(a, struct entry);
  e->name = f->name;
  e->func = f;
  e->number = (uint32_t)number;
  add_ports(a, m, e);
  return e;
}
