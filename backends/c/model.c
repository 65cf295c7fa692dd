/* model.c: what stands around the kernels: the entries, which call them in the order of the schedule with
 * barriers between them, and the constant struct tern_model NAME_model by which a program finds everything:
 * the one name of the file that other files see. */
#include "backends/c/print_c.h"

#include <string.h>

/* ---- entries --------------------------------------------------------------------------------- */

struct entry_printer {
  struct c_printer p;
  const struct module *module;
  int depth;
};

static const char *const repeat_names[MAX_REPEATS] = {"layer", "part"};

static void print_call(struct entry_printer *s, const struct call *c) {
  const struct kernel *k = c->kernel;
  if (c->barrier)
    print_line(&s->p, "team_wait(args);");
  print_line(&s->p, "trace(args, thread, %u);", k->number);
  print_line(&s->p, "%s(args, %s, %s, thread, threads);", k->name, s->depth > 0 ? repeat_names[0] : "0",
             s->depth > 1 ? repeat_names[1] : "0");
  print_line(&s->p, "trace(args, thread, UINT32_MAX);");
}

/* "24", or as many as the call's tokens have parts. */
static const char *iterations(struct entry_printer *s, const struct call *c) {
  if (!c->parts)
    return arena_printf(s->p.arena, "%lld", (long long)c->count);
  const struct dim *d = dim_of(s->module, c->parts);
  return arena_printf(s->p.arena, "(args->sizes[%d] + %lldu) / %lldu", (int)(-1 - d->parts),
                      (long long)d->most - 1, (long long)d->most);
}

static void print_schedule(struct entry_printer *s, const struct call *c) {
  for (; c; c = c->next) {
    if (c->kernel) {
      print_call(s, c);
      continue;
    }
    const char *i = repeat_names[s->depth++];
    if (c->reverse)
      print_line(&s->p, "for (uint32_t %s = %s; %s-- > 0;) {", i, iterations(s, c), i);
    else
      print_line(&s->p, "for (uint32_t %s = 0; %s < %s; %s++) {", i, i, iterations(s, c), i);
    s->p.indent++;
    print_schedule(s, c->body);
    s->p.indent--;
    print_line(&s->p, "}");
    s->depth--;
  }
}

static void print_entry(FILE *out, struct arena *a, const struct module *m, const struct entry *e) {
  struct entry_printer s = {.p = {.out = out, .arena = a}, .module = m};
  fprintf(out, "static void %s(const struct tern_args *args, uint32_t thread, uint32_t threads) {\n",
          e->symbol);
  s.p.indent = 1;
  print_schedule(&s, e->schedule);
  fputs("}\n\n", out);
}

/* ---- tables ---------------------------------------------------------------------------------- */

struct table_printer {
  FILE *out;
  struct arena *arena;
  const struct loops *loops;
};

static const char *kernel_symbol(const struct table_printer *c, uint64_t number) {
  const struct kernel *k = c->loops->kernels;
  while (k->number != number)
    k = k->next;
  return k->name;
}

static const char *number_text(const struct table_printer *c, const struct member *m, uint64_t n) {
  switch (m->kind) {
  case MEMBER_U32:
  case MEMBER_U64: return arena_printf(c->arena, "%lluu", (unsigned long long)n);
  case MEMBER_I32: return arena_printf(c->arena, "%lld", (long long)n);
  default: return "0";
  }
}

static const char *cell_text(const struct table_printer *c, const struct member *m, const struct cell *cell) {
  switch (cell->kind) {
  case CELL_TEXT: return c_string(c->arena, cell->text);
  case CELL_TABLE: return arena_printf(c->arena, "tern_%s", cell->table->name);
  case CELL_KERNEL: return kernel_symbol(c, cell->number);
  case CELL_ENTRY: return c->loops->entries.at[cell->number]->symbol;
  case CELL_BETTER: return "0";
  default: return number_text(c, m, cell->number);
  }
}

/* With the members' names above it, since rows are wide. */
static void print_table(const struct table_printer *c, const struct table *t) {
  for (int k = 0; k < t->record->n; k++)
    fprintf(c->out, "%s%s", k ? ", " : "/* ", t->record->members[k].name);
  fprintf(c->out, " */\nstatic const %s tern_%s[] = {\n", t->record->type, t->name);
  for (int i = 0; i < t->n_rows; i++) {
    fputs("    {", c->out);
    for (int k = 0; k < t->record->n; k++)
      fprintf(c->out, "%s%s", k ? ", " : "",
              cell_text(c, &t->record->members[k], &t->cells[i * t->record->n + k]));
    fputs("},\n", c->out);
  }
  fputs("};\n\n", c->out);
}

/* Members that are 0 need not be said. */
static void print_members(const struct table_printer *c, const struct cell *model) {
  for (int i = 0; i < record_model.n; i++) {
    const char *text = cell_text(c, &record_model.members[i], &model[i]);
    if (strcmp(text, "0") != 0 && strcmp(text, "0u") != 0)
      fprintf(c->out, "    .%s = %s,\n", record_model.members[i].name, text);
  }
}

void print_model(FILE *out, const struct loops *l, uint32_t threads) {
  struct arena a = {0};
  struct table_printer c = {out, &a, l};
  struct description d = describe(&a, l, &(struct code_facts){.target = "C11", .threads = threads});
  const char *name = c_prefix(&a, l->module->name);
  for (int i = 0; i < l->entries.n; i++)
    print_entry(out, &a, l->module, l->entries.at[i]);
  for (int i = 0; i < d.tables.n; i++)
    print_table(&c, d.tables.at[i]);
  fprintf(out, "extern const struct tern_model %s_model;\nconst struct tern_model %s_model = {\n", name,
          name);
  print_members(&c, d.model);
  fputs("};\n", out);
  arena_free(&a);
}
