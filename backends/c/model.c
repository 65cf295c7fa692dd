/* model.c: what stands around the kernels: the forms, which call them in the order of the schedule with
 * barriers between them, and the constant struct tern_model NAME_model by which a program finds everything:
 * the one name of the file that other files see. */
#include "backends/c/emit.h"

#include "ir/layout.h"

/* ---- forms ----------------------------------------------------------------------------------- */

struct schedule {
  struct printer p;
  int depth;
};

static const char *const repeat_names[MAX_REPEATS] = {"layer", "part"};

static void print_call(struct schedule *s, const struct call *c) {
  const struct kernel *k = c->kernel;
  if (c->barrier)
    print_line(&s->p, "team_wait(args);");
  print_line(&s->p, "trace(args, thread, %u);", k->number);
  print_line(&s->p, "%s(args, %s, %s, thread, threads);", k->name, s->depth > 0 ? repeat_names[0] : "0",
             s->depth > 1 ? repeat_names[1] : "0");
  print_line(&s->p, "trace(args, thread, UINT32_MAX);");
}

static void print_schedule(struct schedule *s, const struct call *c) {
  for (; c; c = c->next) {
    if (c->kernel) {
      print_call(s, c);
      continue;
    }
    const char *i = repeat_names[s->depth++];
    print_line(&s->p, "for (uint32_t %s = 0; %s < %lld; %s++) {", i, i, (long long)c->count, i);
    s->p.indent++;
    print_schedule(s, c->body);
    s->p.indent--;
    print_line(&s->p, "}");
    s->depth--;
  }
}

static void print_form(FILE *out, struct arena *a, const struct form *f) {
  struct schedule s = {.p = {.out = out, .arena = a}};
  fprintf(out, "static void %s(const struct tern_args *args, uint32_t thread, uint32_t threads) {\n",
          f->name);
  s.p.indent = 1;
  print_schedule(&s, f->schedule);
  fputs("}\n\n", out);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void print_fills(FILE *out, struct arena *a, const struct state_fill *fills, int n) {
  if (n == 0)
    return;
  fputs("/* What a sequence's state starts as: runs of elements. */\n"
        "static const struct tern_fill fills[] = {\n",
        out);
  for (int i = 0; i < n; i++)
    fprintf(out, "    {%lld, %lld, %d, 0x%08xu}, /* %s */\n", (long long)fills[i].at,
            (long long)fills[i].count, elem_bytes(fills[i].elem), fill_bits(&fills[i]),
            fills[i].elem == ELEM_F32 ? float_text(a, fills[i].value)
                                      : arena_printf(a, "%.0f", fills[i].value));
  fputs("};\n\n", out);
}

static void print_kernels(FILE *out, struct arena *a, const struct loops *l) {
  fputs("static const struct tern_kernel_info kernels[] = {\n", out);
  for (const struct kernel *k = l->kernels; k; k = k->next) {
    static const char *const forms[] = {
        [FORM_STEP] = "TERN_STEP", [FORM_PREFILL] = "TERN_PREFILL", [FORM_BATCH] = "TERN_BATCH"};
    fprintf(out, "    {%s, %s, %s, %u, %s, %llu},\n", c_string(a, kernel_title(k)), k->name,
            c_string(a, source_name(a, l->module, k->at.file)), (unsigned)k->at.line, forms[k->form],
            (unsigned long long)k->weight_bytes);
  }
  fputs("};\n\n", out);
}

static void print_text(FILE *out, struct arena *a, const char *member, const char *text) {
  fprintf(out, "    .%s = %s,\n", member, c_string(a, text ? text : ""));
}

static void print_number(FILE *out, const char *member, uint64_t n) {
  if (n)
    fprintf(out, "    .%s = %lluu,\n", member, (unsigned long long)n);
}

static uint64_t planned(int64_t bytes) {
  return bytes < 0 ? 0 : (uint64_t)bytes;
}

void print_model(FILE *out, const struct loops *l, uint32_t threads) {
  struct arena a = {0};
  const struct module *m = l->module;
  struct state_fill *fills;
  const struct weight *table = row_table(m);
  const char *name = c_prefix(&a, m->name);
  int n_fills = state_fills(&a, m, &fills), frac;
  print_form(out, &a, l->step);
  if (l->prefill)
    print_form(out, &a, l->prefill);
  if (l->batch)
    print_form(out, &a, l->batch);
  print_fills(out, &a, fills, n_fills);
  print_kernels(out, &a, l);
  fprintf(out, "extern const struct tern_model %s_model;\nconst struct tern_model %s_model = {\n", name,
          name);
  fputs("    .abi = TERN_ABI,\n", out);
  print_text(out, &a, "name", m->name);
  print_text(out, &a, "spec", m->spec);
  print_text(out, &a, "target", "C11");
  print_text(out, &a, "compiler", "ternc " TERN_VERSION);
  print_text(out, &a, "dims", params_text(&a, m));
  print_number(out, "layout", layout_hash(m));
  print_number(out, "state_shape", state_hash(m));
  print_number(out, "parameters", parameter_count(m));
  print_number(out, "weights_bytes", planned(m->weights_bytes));
  print_number(out, "state_bytes", planned(m->state_bytes));
  print_number(out, "step_scratch", (uint64_t)l->step->scratch);
  print_number(out, "prefill_scratch", l->prefill ? (uint64_t)l->prefill->scratch : 0);
  print_number(out, "batch_scratch", l->batch ? (uint64_t)l->batch->scratch : 0);
  print_number(out, "step_own", (uint64_t)l->step->own);
  print_number(out, "weight_bytes_per_token", l->weight_bytes_per_token);
  print_number(out, "table_at", table ? (uint64_t)table->offset : 0);
  print_number(out, "table_bytes", table ? (uint64_t)weight_bytes(table) : 0);
  print_number(out, "vocab", (uint64_t)logits_width(m));
  print_number(out, "chunk", l->prefill ? (uint64_t)m->chunk : 0);
  print_number(out, "sequences", l->batch ? (uint64_t)m->batch : 0);
  print_number(out, "threads", threads);
  if (logits_are_integers(m, &frac))
    fprintf(out, "    .logits = TERN_LOGITS_I32,\n    .logits_frac = %d,\n", frac);
  print_number(out, "barriers", (uint64_t)l->step->barriers);
  fprintf(out, "    .step = step,\n%s%s", l->prefill ? "    .prefill = prefill,\n" : "",
          l->batch ? "    .batch = batch,\n" : "");
  if (n_fills)
    fprintf(out, "    .fills = fills,\n    .n_fills = %d,\n", n_fills);
  fprintf(out, "    .kernels = kernels,\n    .n_kernels = %d,\n};\n", l->n_kernels);
  arena_free(&a);
}
