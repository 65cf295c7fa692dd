/* c.c: the folder of a C project: NAME.c, program.c, ops.h, Makefile, README, and the runtime's sources. */
#include "backends/c/c.h"

#include "backends/c/print_c.h"
#include "ir/curve.h"
#include "support/file.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- NAME.c ---------------------------------------------------------------------------------- */

/* What stands before the kernels, whatever the model. */
static const char preamble[] =
    " *\n"
    " * One function a kernel: loops over buffers at fixed places of the arguments' memory. The entries "
    "call\n"
    " * them in order; runtime/model.h says how entries are called. */\n"
    "#if !defined(__GNUC__) || defined(__clang__)\n"
    "#pragma STDC FP_CONTRACT OFF /* gcc has -ffp-contract=off for it */\n"
    "#else\n"
    "/* gcc 12 writes a store as an offset from the difference of two buffers of one memory, then takes\n"
    " * the function that makes it for one without effect, and leaves out its call. */\n"
    "#pragma GCC optimize(\"no-ivopts\")\n"
    "#endif\n"
    "\n"
    "#include \"ops.h\"\n"
    "#include \"runtime/kernels/ternary.h\"\n"
    "#include \"runtime/model.h\"\n"
    "\n"
    "/* Sums of int8 codes by the best instructions that the compiler may use (-march=native); all give the\n"
    " * same bits. */\n"
    "#if defined(__GNUC__) && defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)\n"
    "#define SUM(name) tern_ternary_##name##_vnni\n"
    "#elif defined(__GNUC__) && defined(__AVXVNNI__)\n"
    "#define SUM(name) tern_ternary_##name##_avxvnni\n"
    "#elif defined(__GNUC__) && defined(__AVX2__)\n"
    "#define SUM(name) tern_ternary_##name##_avx2\n"
    "#elif defined(__GNUC__) && defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)\n"
    "#define SUM(name) tern_ternary_##name##_neon\n"
    "#else\n"
    "#define SUM(name) tern_ternary_##name\n"
    "#endif\n"
    "#define SUM_I8 SUM(sum_i8)\n"
    "#define SUM3_I8 SUM(sum3_i8)\n"
    "#define SUM4_I8 SUM(sum4_i8)\n"
    "#define SUM8_I8 SUM(sum8_i8)\n"
    "\n"
    "/* All threads of the team are here before any goes on. */\n"
    "static inline void team_wait(const struct tern_args *args) {\n"
    "  if (args->barrier)\n"
    "    args->barrier(args->team);\n"
    "}\n"
    "\n"
    "/* The thread enters the kernel of that number, or leaves it: UINT32_MAX. */\n"
    "static inline void trace(const struct tern_args *args, uint32_t thread, uint32_t kernel) {\n"
    "  if (args->trace)\n"
    "    args->trace(args->tracer, thread, kernel);\n"
    "}\n"
    "\n";

/* The points of each curve, at even steps over its domain. */
void print_curves(FILE *out, const struct loops *l) {
  struct arena a = {0};
  struct curve_use *uses;
  int n_uses = curve_uses(&a, l, &uses);
  for (int i = 0; i < n_uses; i++) {
    int64_t *y = arena_array(&a, int64_t, (1 << uses[i].attr->segments) + 1);
    int n = curve_table(uses[i].attr, y);
    fprintf(out, "static const uint32_t tern_%s[] = {", uses[i].name);
    for (int k = 0; k < n; k++)
      fprintf(out, "%s%lldu", k == 0 ? "\n    " : k % 8 ? ", " : ",\n    ", (long long)y[k]);
    fputs("};\n\n", out);
  }
  arena_free(&a);
}

const char *const c_training_sources[C_TRAINING_SOURCES] = {"gradient", "scatter", "pack", "ternarize"};

static const char training[] = "#include \"runtime/kernels/training.h\"\n\n";

void c_print(FILE *out, const struct loops *l, const struct c_options *o) {
  const struct module *m = l->module;
  struct arena a = {0};
  const char *name = comment_text(&a, m->name);
  const char *spec = comment_text(&a, m->spec ? m->spec : "a specification");
  fprintf(out, "/* %s.c: the model %s of %s, written by ternc " TERN_VERSION ".\n", c_prefix(&a, m->name),
          name, spec);
  arena_free(&a);
  fputs(preamble, out);
  if (loops_call(l))
    fputs(training, out);
  print_curves(out, l);
  for (const struct kernel *k = l->kernels; k; k = k->next)
    print_kernel(out, l, k, NULL);
  print_model(out, l, o->threads);
}

/* ---- the folder ------------------------------------------------------------------------------ */

struct c_project {
  struct diag *d;
  struct arena arena;
  const struct loops *loops;
  const struct c_options *options;
  const char *dir;
  const char *name;          /* the model's: of files, and before what other programs see */
  VEC(const char *) runtime; /* files below the folder of the runtime's sources, sorted */
};

static bool write_file(struct c_project *p, const char *name,
                       void (*print)(FILE *out, const struct c_project *p)) {
  struct output o;
  if (!output_open(&o, p->d, arena_printf(&p->arena, "%s/%s", p->dir, name)))
    return false;
  print(o.file, p);
  return output_close(&o, false);
}

static bool copy_file(struct c_project *p, const char *name) {
  enum { LARGEST_SOURCE = 1 << 24 };
  struct output o;
  size_t length;
  const char *to = arena_printf(&p->arena, "%s/runtime/%s", p->dir, name);
  char *text = file_read(p->d, &p->arena, arena_printf(&p->arena, "%s/%s", p->options->runtime, name),
                         LARGEST_SOURCE, &length);
  if (!text || !output_open(&o, p->d, to))
    return false;
  fwrite(text, 1, length, o.file);
  return output_close(&o, false);
}

static bool is_source(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot && (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0 || strcmp(dot, ".def") == 0);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool list_sources(struct c_project *p, const char *folder) {
  const char *path = arena_printf(&p->arena, "%s/%s", p->options->runtime, folder);
  DIR *dir = opendir(path);
  if (!dir) {
    diag_error(p->d, "%s: cannot read the folder of the runtime's sources: %s", path, strerror(errno));
    return false;
  }
  for (const struct dirent *e; (e = readdir(dir));)
    if (is_source(e->d_name))
      vec_push(&p->arena, p->runtime,
               arena_printf(&p->arena, "%s%s%s", folder, *folder ? "/" : "", e->d_name));
  closedir(dir);
  return true;
}

/* Of the runtime, the program's part: the library interface belongs to --emit lib. */
static const char *const runtime_folders[] = {"", "core", "text", "command"};
enum { RUNTIME_FOLDERS = sizeof runtime_folders / sizeof *runtime_folders };

static bool list_runtime(struct c_project *p) {
  for (int i = 0; i < RUNTIME_FOLDERS; i++)
    if (!list_sources(p, runtime_folders[i]))
      return false;
  qsort(p->runtime.at, (size_t)p->runtime.n, sizeof *p->runtime.at, compare_names);
  return true;
}

static void print_source(FILE *out, const struct c_project *p) {
  c_print(out, p->loops, p->options);
}

/* A file of its own, since a program that has several models has this name once. */
static void print_program(FILE *out, const struct c_project *p) {
  fprintf(out,
          "/* program.c: the model that the program around it runs. */\n"
          "#include \"runtime/model.h\"\n\n"
          "extern const struct tern_model %s_model;\n"
          "extern const struct tern_model *const tern_program_model;\n"
          "const struct tern_model *const tern_program_model = &%s_model;\n",
          p->name, p->name);
}

static void print_ops(FILE *out, const struct c_project *p) {
  (void)p;
  fputs(ops_head, out);
  fputs(ops_operators, out);
  fputs(ops_tail, out);
}

static void print_makefile(FILE *out, const struct c_project *p) {
  const char *name = p->name;
  fprintf(out,
          "# Builds lib%s.a, the model's kernels, which need only libm, and %s, the program around them.\n"
          "# -ffp-contract=off keeps every float operation rounded by itself: the results are then the same "
          "bits\n"
          "# with every compiler and on every machine.\n"
          "# make CFLAGS='-O3 -march=native' uses this machine's vector instructions and is much faster.\n"
          "CFLAGS = -O3\n"
          "FLAGS = -std=c11 -ffp-contract=off -I. $(CFLAGS)\n"
          "CORE = %s.o program.o runtime/kernels/ternary.o runtime/kernels/ternary_avx2.o \\\n"
          "       runtime/kernels/ternary_avxvnni.o runtime/kernels/ternary_vnni.o "
          "runtime/kernels/ternary_neon.o",
          name, name, name);
  for (int i = 0; loops_call(p->loops) && i < C_TRAINING_SOURCES; i++)
    fprintf(out, "%s runtime/kernels/%s.o", i ? "" : " \\\n      ", c_training_sources[i]);
  fputs("\nPROGRAM =", out);
  for (int i = 0; i < p->runtime.n; i++) {
    size_t n = strlen(p->runtime.at[i]);
    if (p->runtime.at[i][n - 1] == 'c')
      fprintf(out, " \\\n\truntime/%.*s.o", (int)n - 2, p->runtime.at[i]);
  }
  fprintf(out,
          "\n\n"
          "all: lib%s.a %s\n\n"
          "lib%s.a: $(CORE)\n\t$(AR) rcs $@ $(CORE)\n\n"
          "%s: $(PROGRAM) lib%s.a\n\t$(CC) $(LDFLAGS) -o $@ $(PROGRAM) lib%s.a -lpthread -lm\n\n"
          ".c.o:\n\t$(CC) $(FLAGS) -c -o $@ $<\n\n"
          "clean:\n\trm -f $(CORE) $(PROGRAM) lib%s.a %s\n\n"
          ".PHONY: all clean\n",
          name, name, name, name, name, name, name, name);
}

static void print_readme(FILE *out, const struct c_project *p) {
  const char *name = p->name;
  fprintf(
      out,
      "%s as C11, written by ternc " TERN_VERSION ".\n\n"
      "  make                                  builds lib%s.a and the program %s\n"
      "  ./%s --weights-file %s.weights        runs it (--help lists what it can do)\n\n"
      "%s.c      one function a kernel, the forms that call them, the constant struct tern_model %s_model\n"
      "program.c   which model the program runs\n"
      "ops.h       element-wise operators\n"
      "runtime/    model.h is the interface of the code above; kernels/ the ternary sums, exp and log; the "
      "rest\n"
      "            is the program: core/ threads and files, text/ tokenizer and sampling, command/ its "
      "options\n"
      "%s.weights  the weights, when ternc was given a checkpoint\n\n"
      "To call the model from another program link lib%s.a and libm, and see runtime/model.h: the model is\n"
      "%s_model, the only name that %s.c shows. Several models go into one program: link the libraries of "
      "all.\n"
      "Any C11 compiler will do; the results are the same bits everywhere.\n",
      name, name, name, name, name, name, name, name, name, name, name);
}

static bool copy_training(struct c_project *p) {
  bool ok = copy_file(p, "kernels/training.h");
  for (int i = 0; ok && i < C_TRAINING_SOURCES; i++)
    ok = copy_file(p, arena_printf(&p->arena, "kernels/%s.h", c_training_sources[i])) &&
         copy_file(p, arena_printf(&p->arena, "kernels/%s.c", c_training_sources[i]));
  return ok;
}

static bool write_project(struct c_project *p) {
  static const char *const kernels[] = {"kernels/math.h",           "kernels/integer.h",
                                        "kernels/ternary.h",        "kernels/ternary.c",
                                        "kernels/ternary_inline.h", "kernels/ternary_ymm.h",
                                        "kernels/ternary_rows.h",   "kernels/ternary_tables.h",
                                        "kernels/ternary_avx2.c",   "kernels/ternary_avxvnni.c",
                                        "kernels/ternary_vnni.c",   "kernels/ternary_neon.c"};
  struct arena *a = &p->arena;
  const char *source = arena_printf(a, "%s.c", p->name);
  bool ok = list_runtime(p) && output_folder(p->d, p->dir);
  for (int i = 0; ok && i < RUNTIME_FOLDERS; i++)
    ok = output_folder(p->d, arena_printf(a, "%s/runtime/%s", p->dir, runtime_folders[i]));
  ok = ok && output_folder(p->d, arena_printf(a, "%s/runtime/kernels", p->dir));
  for (int i = 0; ok && i < p->runtime.n; i++)
    ok = copy_file(p, p->runtime.at[i]);
  for (size_t i = 0; ok && i < sizeof kernels / sizeof *kernels; i++)
    ok = copy_file(p, kernels[i]);
  ok = ok && (!loops_call(p->loops) || copy_training(p));
  return ok && write_file(p, source, print_source) && write_file(p, "program.c", print_program) &&
         write_file(p, "ops.h", print_ops) && write_file(p, "Makefile", print_makefile) &&
         write_file(p, "README", print_readme);
}

bool c_emit(struct diag *d, const struct loops *l, const char *dir, const struct c_options *o) {
  struct c_project p = {.d = d, .loops = l, .options = o, .dir = dir};
  p.name = c_prefix(&p.arena, l->module->name);
  outputs_begin();
  bool ok = outputs_end(d, write_project(&p));
  arena_free(&p.arena);
  return ok;
}
