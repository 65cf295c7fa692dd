/* bare.c: a model as C for chips without an operating system: NAME.c and NAME.h.
 *
 * It is one thread's step and nothing else. What kernels need of runtime/kernels is copied into NAME.c, which
 * includes nothing but <stdint.h>; all of that is static, and what others see begins with the model's name,
 * so that two models link together. */
#include "backends/c/bare_parts.h"

#include "support/escape.h"
#include "support/file.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- facts ----------------------------------------------------------------------------------- */

/* Scratch for the tables of a sum of integers: tables of runtime/kernels/bare.h. */
enum { TABLE_BYTES = 4 * 256 * 2 };

bool sum_takes_tables(const struct kernel *k) {
  return k->in->format != FORMAT_F32 && (k->stored == STORE_TILE2 || k->stored == STORE_TILE3);
}

static bool uses_tables(const struct loops *l) {
  for (const struct kernel *k = l->kernels; k; k = k->next)
    if (k->kind == KERNEL_TERNARY_SUM && sum_takes_tables(k))
      return true;
  return false;
}

static bool computes_floats(const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next)
    if ((s->kind == STMT_LET && s->expr->elem == ELEM_F32) ||
        (s->kind == STMT_LOOP && computes_floats(s->loop->body)))
      return true;
  return false;
}

static bool has_floats(const struct loops *l) {
  for (const struct kernel *k = l->kernels; k; k = k->next)
    if (k->kind == KERNEL_TERNARY_SUM ? k->in->format == FORMAT_F32 : computes_floats(k->body))
      return true;
  return false;
}

/* An array has elements. */
static int64_t whole_words(int64_t bytes) {
  return bytes < 4 ? 4 : (bytes + 3) / 4 * 4;
}

/* Where a model asks how many tokens came before, its state ends with that number, a word. */
static bool counts_tokens(const struct loops *l) {
  for (const struct kernel *k = l->kernels; k; k = k->next)
    if (k->entry == language_step(l) && asks_position(k))
      return true;
  return false;
}

struct bare_sizes bare_sizes(const struct loops *l) {
  const struct module *m = l->module;
  return (struct bare_sizes){.weights = whole_words(m->weights_bytes),
                             .state = whole_words(m->state_bytes) + 4 * counts_tokens(l),
                             .scratch =
                                 whole_words(language_step(l)->scratch) + (uses_tables(l) ? TABLE_BYTES : 0),
                             .logits = 4 * logits_width(m)};
}

static char *in_capitals(struct arena *a, const char *name) {
  char *upper = arena_strdup(a, name);
  for (char *p = upper; *p; p++)
    *p = (char)toupper((unsigned char)*p);
  return upper;
}

/* ---- text ------------------------------------------------------------------------------------ */

void bare_text(FILE *out, const struct bare *b, const char *text) {
  for (;;) {
    size_t n = strcspn(text, "$");
    fwrite(text, 1, n, out);
    text += n;
    if (!*text)
      return;
    const char *spec = b->loops->module->spec ? b->loops->module->spec : "a specification";
    spec = comment_text(b->arena, spec);
    fputs(text[1] == 'n' ? b->name : text[1] == 'N' ? b->upper : text[1] == 'l' ? b->logit : spec, out);
    text += 2;
  }
}

static const char title[] =
    "/* $n.c: the model $n of $s as C for chips, written by ternc " TERN_VERSION ".\n"
    " *\n"
    " * C11 that needs no library. Compilers make calls of memcpy and memset, which a program "
    "without a C library\n"
    " * has itself. $n.h says how it is used. */\n";

static const char floats[] =
    "#if !defined(__GNUC__) || defined(__clang__)\n"
    "#pragma STDC FP_CONTRACT OFF\n"
    "#else\n"
    "#pragma GCC optimize(\"fp-contract=off\") /* every operation is rounded by itself */\n"
    "#endif\n";

static const char order[] = "#if defined __BYTE_ORDER__ && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__\n"
                            "#error \"the weights are laid out for little-endian processors\"\n"
                            "#endif\n"
                            "\n";

static const char evaluation[] = "#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16\n"
                                 "#error \"float expressions must be evaluated as float: on 32-bit x86 "
                                 "compile with -msse2 -mfpmath=sse\"\n"
                                 "#endif\n"
                                 "\n";

static const char place[] = "#ifdef $N_SECTION\n"
                            "__attribute__((section($N_SECTION)))\n"
                            "#endif\n"
                            "const uint32_t $n_weights[$N_WEIGHTS_BYTES / 4] = {";

static const char override[] = "#ifndef $N_WEIGHTS\n"
                               "#define $N_WEIGHTS ((const uint8_t *)$n_weights)\n"
                               "#endif\n"
                               "\n";

static const char arrays[] = "#ifdef $N_STATIC\n"
                             "uint32_t $n_state[$N_STATE_BYTES / 4], $n_scratch[$N_SCRATCH_BYTES / 4];\n"
                             "$l $n_logits[$N_VOCAB];\n"
                             "#endif\n"
                             "\n";

static const char best[] = "\n"
                           "uint32_t $n_best(const $l *logits) {\n"
                           "  uint32_t best = 0;\n"
                           "  for (uint32_t i = 1; i < $N_VOCAB; i++)\n"
                           "    if (logits[i] > logits[best])\n"
                           "      best = i;\n"
                           "  return best;\n"
                           "}\n";

/* ---- weights --------------------------------------------------------------------------------- */

static void print_weights(FILE *out, const struct bare *b) {
  const uint8_t *w = b->options->weights;
  if (w) {
    bare_text(out, b, place);
    for (int64_t i = 0; i < b->sizes.weights; i += 4)
      fprintf(out, "%s0x%x,", i % 32 ? "" : "\n",
              w[i] | (unsigned)w[i + 1] << 8 | (unsigned)w[i + 2] << 16 | (unsigned)w[i + 3] << 24);
    fputs("};\n\n", out);
  }
  bare_text(out, b, override);
  bare_text(out, b, arrays);
}

/* ---- init and step --------------------------------------------------------------------------- */

static void print_fill(FILE *out, const struct state_fill *f) {
  int bytes = elem_bytes(f->elem);
  const char *type = bytes == 1 ? "uint8_t" : bytes == 2 ? "tern_u16" : "tern_u32";
  long long first = (long long)f->at / bytes;
  fprintf(out, "  for (int32_t i = %lld; i < %lld; i++)\n    ((%s *)state)[i] = 0x%xu;\n", first,
          first + (long long)f->count, type, (unsigned)fill_bits(f) & (0xffffffffu >> (32 - 8 * bytes)));
}

static void print_init(FILE *out, const struct bare *b) {
  struct state_fill *fills;
  int n = state_fills(b->arena, b->loops->module, &fills);
  bare_text(out, b, "void $n_init(void *state) {\n");
  bool counts = counts_tokens(b->loops);
  if (n == 0 && !counts)
    fputs("  (void)state;\n", out);
  if (counts)
    fprintf(out, "  ((tern_u32 *)state)[%lld] = 0;\n", (long long)b->sizes.state / 4 - 1);
  for (int i = 0; i < n; i++)
    print_fill(out, &fills[i]);
  fputs("}\n\n", out);
}

static void print_calls(struct c_printer *p, const struct call *c, int depth) {
  for (; c; c = c->next) {
    if (c->kernel) {
      print_line(p, "%s(%s);", c->kernel->name, kernel_arguments(p, c->kernel, depth));
      continue;
    }
    const char *i = depth ? "part" : "layer"; /* MAX_REPEATS is 2 */
    print_line(p, "for (int32_t %s = 0; %s < %lld; %s++) {", i, i, (long long)c->count, i);
    p->indent++;
    print_calls(p, c->body, depth + 1);
    p->indent--;
    print_line(p, "}");
  }
}

/* Parameters that no kernel uses are named, so that compilers do not warn. */
static void print_step(FILE *out, const struct bare *b) {
  struct c_printer p = {
      .out = out, .arena = b->arena, .taken.arena = b->arena, .indent = 1, .all = b->loops, .weights = ""};
  bare_text(out, b,
            "void $n_step(void *state_memory, void *scratch_memory, uint32_t token, $l *logits) {\n"
            "  uint8_t *state = state_memory, *scratch = scratch_memory;\n"
            "  (void)state, (void)scratch, (void)token;\n");
  bool counts = counts_tokens(b->loops);
  int64_t context = context_length(b->loops->module);
  if (counts)
    fprintf(out, "  uint32_t *position = (uint32_t *)(void *)(state + %lld);\n",
            (long long)b->sizes.state - 4);
  if (counts && context)
    bare_text(out, b, "  if (*position == $N_CONTEXT)\n    return;\n");
  print_calls(&p, language_step(b->loops)->schedule, 0);
  if (counts)
    fputs("  ++*position;\n", out);
  fputs("}\n", out);
}

/* ---- NAME.c ---------------------------------------------------------------------------------- */

static void print_kernels(FILE *out, const struct bare *b) {
  const char *weights = arena_printf(b->arena, "%s_WEIGHTS", b->upper);
  print_curves(out, b->loops);
  for (const struct kernel *k = b->loops->kernels; k; k = k->next)
    if (k->entry == language_step(b->loops))
      print_kernel(out, b->loops, k, weights);
  print_init(out, b);
  print_step(out, b);
  bare_text(out, b, best);
}

/* The code is printed first, to see what it needs. */
static bool print_source(FILE *out, const struct bare *b) {
  char *code = NULL;
  size_t length = 0;
  FILE *f = or_die(open_memstream(&code, &length));
  print_kernels(f, b);
  or_die(fclose(f) == 0 ? code : NULL);
  bare_text(out, b, title);
  if (b->floats)
    bare_text(out, b, floats);
  bare_text(out, b, "#include \"$n.h\"\n\n");
  fputs(order, out);
  if (b->floats)
    fprintf(out, "#include <float.h>\n\n%s", evaluation);
  bool ok = bare_library(out, b, code);
  print_weights(out, b);
  fwrite(code, 1, length, out);
  free(code);
  return ok;
}

/* ---- the folder ------------------------------------------------------------------------------ */

static bool write_source(struct bare *b, const char *path) {
  struct output o;
  if (!output_open(&o, b->d, path))
    return false;
  if (print_source(o.file, b))
    return output_close(&o, false);
  output_abort(&o);
  return false;
}

static bool write_header(struct bare *b, const char *path) {
  struct output o;
  if (!output_open(&o, b->d, path))
    return false;
  bare_header(o.file, b);
  return output_close(&o, false);
}

/* Addresses are computed in 32 bits. */
bool bare_fits(struct diag *d, const struct loops *l) {
  const int64_t most = INT32_MAX;
  if (!language_step(l)) {
    diag_error(d, "%s is no language model, which C for chips is made of: %s", l->module->name,
               language_step_is);
    return false;
  }
  struct bare_sizes s = bare_sizes(l);
  if (s.weights <= most && s.state <= most && s.scratch <= most && s.logits <= most)
    return true;
  diag_error(d,
             "--bare is for models of less than 2 GiB, and %s has %lld bytes of weights, %lld of state and "
             "%lld of scratch; --emit c without --bare takes it",
             l->module->name, (long long)s.weights, (long long)s.state, (long long)s.scratch);
  return false;
}

bool bare_emit(struct diag *d, const struct loops *l, const char *dir, const struct bare_options *o) {
  struct arena a = {0};
  if (!bare_fits(d, l))
    return false;
  struct bare b = {.arena = &a, .d = d, .loops = l, .options = o, .sizes = bare_sizes(l)};
  b.name = c_prefix(&a, l->module->name);
  b.upper = in_capitals(&a, b.name);
  b.logit = logits_are_integers(l->module, &b.frac) ? "int32_t" : "float";
  b.floats = has_floats(l);
  outputs_begin();
  bool ok = output_folder(d, dir) && write_header(&b, arena_printf(&a, "%s/%s.h", dir, b.name)) &&
            write_source(&b, arena_printf(&a, "%s/%s.c", dir, b.name));
  ok = outputs_end(d, ok);
  arena_free(&a);
  return ok;
}
