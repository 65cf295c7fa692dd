/* module.c: what the targets that get to a module do with it; contracts in fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include "backends/c/c.h"
#include "backends/lower/loops.h"
#include "ir/interp/interp.h"
#include "tests/random/random_model.h"

enum { FEW_NUMBERS = 200000, FEW_TOKENS = 4 };

static double numbers(struct type t, int n_counts, const int64_t *counts) {
  double n = 1;
  for (int i = 0; i < t.rank; i++)
    n *= t.dim[i] > 0 ? (double)t.dim[i] : FEW_TOKENS;
  for (int i = 0; i < n_counts; i++)
    n *= (double)counts[i];
  return n;
}

/* Numbers that the block makes, those of repeats as often as they run. */
static double work(const struct block *b) {
  double n = 0;
  for (const struct op *op = b->first; op; op = op->next) {
    for (int i = 0; i < op->n_out; i++)
      n += numbers(op->out[i]->type, 0, NULL);
    for (int i = 0; op->code == OP_MATMUL && i < op->n_in; i++)
      n += numbers(op->in[i]->type, 0, NULL);
    if (op->code == OP_CURVE)
      n += (double)(1 << op->attr.segments);
    if (op->body)
      n += (op->code == OP_REPEAT ? (double)op->attr.count : FEW_TOKENS) * (1 + work(op->body));
  }
  return n;
}

bool fuzz_small(const struct module *m) {
  double n = 0;
  for (const struct weight *w = m->weights; w; w = w->next)
    n += numbers(w->type, w->n_counts, w->counts);
  for (const struct state *s = m->states; s; s = s->next)
    n += numbers(s->type, s->n_counts, s->counts);
  for (const struct func *f = m->funcs; f; f = f->next)
    n += work(f->body);
  return n < FEW_NUMBERS;
}

static bool takes_tokens(const struct module *m, const char *name, int rank) {
  const struct func *f = func_find(m, name);
  return f && f->body->n_args == 1 && f->body->args[0]->type.elem == ELEM_U32 &&
         f->body->args[0]->type.rank == rank && f->body->last->n_in == 1;
}

void fuzz_interpret(struct module *m) {
  static const uint32_t tokens[3], rows[3] = {0, 1, 2};
  const struct tensor *out;
  if (!fuzz_small(m) || !takes_tokens(m, "step", 0))
    return;
  struct weight_source source = random_source();
  struct interp *in = interp_new(m, &source, false);
  if (!in)
    return;
  interp_run(in, "step", tokens, 1, 1, &out);
  if (takes_tokens(m, "prefill", 1))
    interp_run(in, "prefill", tokens, 3, 2, &out);
  interp_sequences(in, 3);
  if (takes_tokens(m, "batch", 1))
    interp_run_batch(in, rows, tokens, 3, &out);
  interp_free(in);
}

static char *text_of(const struct module *m, size_t *n) {
  char *text;
  FILE *f = open_memstream(&text, n);
  fuzz_check(f);
  ir_print(m, f);
  fuzz_check(fclose(f) == 0);
  return text;
}

void fuzz_print_parse(const struct module *m) {
  struct fuzz f = {0}; /* messages to standard error: there must be none */
  size_t n, again_n;
  char *text = text_of(m, &n);
  struct module *again = ir_parse(&f.arena, &f.diag, diag_add_source(&f.diag, "printed", text, n));
  fuzz_check(again && !f.diag.errors);
  char *again_text = text_of(again, &again_n);
  fuzz_check(strcmp(text, again_text) == 0);
  free(again_text);
  fuzz_end(&f);
  free(text);
}

void fuzz_lower(struct fuzz *f, struct module *m) {
  struct loops *loops = loops_lower(&f->arena, m, &policy_team);
  if (!loops)
    return;
  loops_print(loops, fuzz_nowhere());
  c_print(fuzz_nowhere(), loops, &(struct c_options){.runtime = "runtime"});
}
