/* build.c: `ternc build SPEC`: any stage from the parsed spec to a program. The stages are one table. */
#include "driver/bare_build.h"
#include "driver/driver.h"
#include "driver/hardware.h"
#include "driver/levels.h"
#include "driver/link.h"
#include "driver/summary.h"
#include "driver/unrolled_job.h"

#include "backends/c/c.h"
#include "backends/native/native.h"
#include "support/escape.h"
#include "support/file.h"
#include "support/progress.h"
#include "support/scratch.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  KEY_EMIT = 2000,
  KEY_WEIGHTS_FILE,
  KEY_OPTIMIZE,
  KEY_NO_DEBUG,
  KEY_LIST_TARGETS,
  KEY_JSON,
  KEY_BARE,
  KEY_BARE_WEIGHTS
};

struct build {
  struct job job;
  const struct emit *emit;
  const char *output, *weights_file;
  int optimize;
  bool no_debug, json, quiet;
  bool bare, weights_apart;
  const char *bare_use; /* what the chip must have */
  struct hw_options hardware;
};

/* ---- the stages -------------------------------------------------------------------------------------- */

static struct native_options native_options(const struct build *b) {
  struct native_options o = native_defaults;
  o.triple = b->job.options.triple;
  o.cpu = b->job.options.cpu;
  o.features = b->job.options.features;
  o.optimize = b->optimize;
  o.debug = !b->no_debug;
  o.threads = (uint32_t)b->job.options.threads;
  return o;
}

/* The model as loops: all passes, planned and lowered. What compiles C later is not known here, and taken for
 * slow at unpacking. */
static struct loops *to_loops(struct build *b, bool native) {
  struct job *j = &b->job;
  struct native_options o = native_options(b);
  bool fast = false;
  if ((native && !levels_fast_trits(j, &o, &fast)) || !job_load(j))
    return NULL;
  j->slow_trits = !fast;
  return job_pipeline(j, PIPELINE_default, PIPELINE_fixed) ? loops_lower(&j->arena, j->module, &policy_team)
                                                           : NULL;
}

static bool emit_ast(struct build *b, const char *path) {
  struct job *j = &b->job;
  struct output out;
  if (!output_open(&out, &j->diag, path))
    return false;
  if (spec_print_ast(&j->arena, &j->diag, j->options.spec, out.file))
    return output_close(&out, false);
  output_abort(&out);
  return false;
}

static bool emit_ir(struct build *b, const char *path) {
  struct job *j = &b->job;
  struct output out;
  if (!job_load(j) || (j->options.passes && !job_passes(j, j->options.passes)) ||
      !output_open(&out, &j->diag, path))
    return false;
  ir_print(j->module, out.file);
  return output_close(&out, false);
}

static bool emit_native(struct build *b, enum native_kind kind, const char *path) {
  struct loops *loops = to_loops(b, true);
  struct native_options o = native_options(b);
  return loops && native_write(&b->job.diag, loops, &o, kind, path);
}

static bool emit_llvm(struct build *b, const char *path) {
  return emit_native(b, NATIVE_LLVM, path);
}

static bool emit_asm(struct build *b, const char *path) {
  return emit_native(b, NATIVE_ASSEMBLY, path);
}

static bool emit_c(struct build *b, const char *path) {
  struct job *j = &b->job;
  if (b->bare)
    return bare_write(j, path, b->weights_apart, &b->bare_use);
  struct loops *loops = to_loops(b, false);
  struct c_options o = {.runtime = tern_file(j, "share/tern/runtime"),
                        .threads = (uint32_t)j->options.threads};
  if (!loops || !o.runtime)
    return false;
  const char *image = arena_printf(&j->arena, "%s/%s.weights", path, c_prefix(&j->arena, j->module->name));
  outputs_begin();
  return outputs_end(&j->diag,
                     c_emit(&j->diag, loops, path, &o) && (!j->checkpoint || write_image_file(j, image)));
}

static bool emit_verilog(struct build *b, const char *path) {
  enum hw_machine machine;
  if (!hardware_machine(&b->job, &b->hardware, &machine))
    return false;
  if (machine == HW_UNROLLED) {
    struct unrolled *u = unrolled_job(&b->job, &b->hardware);
    return u && unrolled_job_write(&b->job, u, path, NULL, 0);
  }
  struct hw_design *h = hardware_plan(&b->job, &b->hardware);
  return h && hardware_write(&b->job, h, path, NULL);
}

/* An object in a folder of intermediate files, then `link`. */
static bool with_object(struct build *b, const char *path,
                        bool (*link)(struct build *, const char *dir, const char *object, const char *path)) {
  struct job *j = &b->job;
  if (j->options.triple) {
    diag_error(&j->diag,
               "programs, libraries and code for several processors are linked by this machine's tools; for "
               "--target %s use --emit obj with one --cpu, or --emit c and a compiler for it",
               j->options.triple);
    return false;
  }
  struct loops *loops = to_loops(b, true);
  char *dir = loops ? scratch_make(&j->diag, &j->arena) : NULL;
  struct native_options o = native_options(b);
  char *object = arena_printf(&j->arena, "%s/model.o", dir ? dir : "");
  progress_stage("compiling the code");
  bool ok = dir && levels_object(j, loops, &o, dir, object);
  progress_stage("linking");
  ok = ok && link(b, dir, object, path);
  progress_clear();
  scratch_remove(dir);
  return ok;
}

static bool to_executable(struct build *b, const char *dir, const char *object, const char *path) {
  return link_executable(&b->job, dir, object, path, b->weights_file);
}

static bool to_library(struct build *b, const char *dir, const char *object, const char *path) {
  return link_library(&b->job, dir, object, path);
}

static bool to_object(struct build *b, const char *dir, const char *object, const char *path) {
  (void)dir;
  return copy_object(&b->job, object, path);
}

static bool emit_obj(struct build *b, const char *path) {
  struct native_options o = native_options(b);
  return levels_count(&o) > 1 ? with_object(b, path, to_object) : emit_native(b, NATIVE_OBJECT, path);
}

static bool emit_exe(struct build *b, const char *path) {
  return with_object(b, path, to_executable);
}

static bool emit_lib(struct build *b, const char *path) {
  return with_object(b, path, to_library);
}

static const char *use_program(struct build *b, const char *path) {
  return use_of_program(&b->job, path, b->weights_file);
}

static const char *use_library(struct build *b, const char *path) {
  return use_of_library(&b->job, path);
}

static const char *use_c(struct build *b, const char *path) {
  if (b->bare)
    return b->bare_use;
  return arena_printf(&b->job.arena, "build it: make -C %s", shell_word(&b->job.arena, path));
}

static const char *use_hardware(struct build *b, const char *path) {
  return arena_printf(&b->job.arena, "run its test bench: make -C %s", shell_word(&b->job.arena, path));
}

static const struct emit {
  const char *name, *help;
  bool (*run)(struct build *b, const char *path);
  bool text;          /* goes to standard output unless -o says otherwise */
  const char *suffix; /* of the default output's name */
  const char *(*use)(struct build *b, const char *path); /* how to use it, for the last line; NULL: no line */
} emits[] = {
    {"ast", "the parsed spec as a tree", emit_ast, true, "", NULL},
    {"ir", "the IR as the front end makes it; with --passes, after them", emit_ir, true, "", NULL},
    {"llvm", "LLVM IR, optimised", emit_llvm, true, "", NULL},
    {"asm", "assembly", emit_asm, true, "", NULL},
    {"obj", "an object file", emit_obj, false, ".o", NULL},
    {"lib", "a folder with a static library, its header, a pkg-config file and the weights", emit_lib, false,
     "-lib", use_library},
    {"c", "a folder with C11 sources, a Makefile and the weights", emit_c, false, "-c", use_c},
    {"verilog", "a folder with a hardware project: Verilog, weights, test bench", emit_verilog, false, "-hw",
     use_hardware},
    {"exe", "one executable with the weights in it (the default)", emit_exe, false, "", use_program},
};
enum { EMITS = sizeof emits / sizeof *emits };

/* ---- the command line -------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {0, 0, 0, 0, "What to make:", 1},
    {"emit", KEY_EMIT, "ast|ir|llvm|asm|obj|lib|c|verilog|exe", 0,
     "what to make, as listed below (default exe)", 1},
    {"output", 'o', "PATH", 0,
     "where it goes; '-' is standard output (default: text there, else a file named after the "
     "spec)",
     1},
    {"weights-file", KEY_WEIGHTS_FILE, "FILE", 0,
     "writes the weights image to FILE instead of into the executable", 1},
    {"optimize", 'O', "LEVEL", 0, "0 to 3, as clang's -O (default 3)", 1},
    {"bare", KEY_BARE, 0, 0,
     "with --emit c: one .c and one .h that need no library, for chips without an operating system", 1},
    {"bare-weights", KEY_BARE_WEIGHTS, "array|file", 0,
     "where the weights of --bare go: into the .c as an array (default), or into a file of their bytes "
     "beside it",
     1},
    {"no-debug", KEY_NO_DEBUG, 0, 0, "leaves out the line tables that lead debuggers to the spec", 1},
    {"json", KEY_JSON, 0, 0, "prints what was written, and how large it is, as JSON to standard output", 1},
    {"quiet", 'q', 0, 0, "does not say what was written", 1},
    {"list-targets", KEY_LIST_TARGETS, 0, 0, "lists the CPUs that --cpu takes", 1},
    {0}};

static const struct emit *find_emit(struct argp_state *state, const char *name) {
  const char *names[EMITS];
  for (int i = 0; i < EMITS; i++) {
    names[i] = emits[i].name;
    if (strcmp(name, emits[i].name) == 0)
      return &emits[i];
  }
  const char *near = diag_nearest(name, names, EMITS);
  argp_error(
      state,
      "--emit: there is no stage '%s'%s%s%s; it is one of ast, ir, llvm, asm, obj, lib, c, verilog, exe",
      name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
  return NULL;
}

static void check_bare(const struct build *b, struct argp_state *state) {
  const struct compile_options *o = &b->job.options;
  if (b->emit->run != emit_c)
    argp_error(state, "--bare goes with --emit c");
  if (!o->weights)
    argp_error(state, "--bare needs --weights DIR: a chip has the weights in its program");
  bool batch = o->batch_given && o->batch > 0;
  if (o->threads || o->chunk || batch)
    argp_error(state, "--%s does not go with --bare, whose code is one thread's step of one token",
               o->threads ? "threads"
               : o->chunk ? "chunk"
                          : "batch");
  if (o->triple || o->cpu || o->features)
    argp_error(state, "--target, --cpu and --features do not go with --bare: its C is for any processor");
}

/* What goes together. */
static void check(struct argp_state *state, const struct build *b) {
  if (!b->job.options.spec && (!b->job.options.weights || b->emit->run == emit_ast))
    argp_error(
        state,
        "a SPEC (a .tern file) is expected, or --weights DIR whose config.json tells of a shipped one");
  if (b->job.options.spec && strcmp(b->job.options.spec, "-") == 0 && !b->output && !b->emit->text)
    argp_error(state, "a SPEC from standard input gives the output no name; give it one with -o");
  if (b->bare)
    check_bare(b, state);
  if (b->weights_file && (b->emit->run != emit_exe || !b->job.options.weights))
    argp_error(state, "--weights-file goes with --emit exe and --weights");
  if (b->json && (b->output ? strcmp(b->output, "-") == 0 : b->emit->text))
    argp_error(state, "--json takes standard output, where the %s goes; give it a file with -o",
               b->emit->name);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct build *b = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &b->job;
    state->child_inputs[1] = &b->hardware;
    break;
  case KEY_EMIT: b->emit = find_emit(state, arg); break;
  case 'o': b->output = arg; break;
  case KEY_WEIGHTS_FILE: b->weights_file = arg; break;
  case 'O':
    if (strlen(arg) != 1 || *arg < '0' || *arg > '3')
      argp_error(state, "-O takes 0, 1, 2 or 3, not '%s'", arg);
    b->optimize = *arg - '0';
    break;
  case KEY_BARE: b->bare = true; break;
  case KEY_BARE_WEIGHTS:
    b->weights_apart = strcmp(arg, "file") == 0;
    if (!b->weights_apart && strcmp(arg, "array") != 0)
      argp_error(state, "--bare-weights takes array or file, not '%s'", arg);
    b->bare = true;
    break;
  case KEY_NO_DEBUG: b->no_debug = true; break;
  case KEY_JSON: b->json = true; break;
  case 'q': b->quiet = true; break;
  case KEY_LIST_TARGETS: native_list_targets(stdout); exit(fflush(stdout) ? 1 : 0);
  case ARGP_KEY_ARG:
    if (b->job.options.spec)
      argp_error(state, "one SPEC is expected; '%s' is a second one", arg);
    b->job.options.spec = arg;
    break;
  case ARGP_KEY_END: check(state, b); break;
  default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static char *help(int key, const char *text, void *input) {
  (void)input;
  if (key != ARGP_KEY_HELP_POST_DOC)
    return (char *)text;
  struct arena a = {0};
  const char *list = "Stages of --emit:\n";
  for (int i = 0; i < EMITS; i++)
    list = arena_printf(&a, "%s  %-7s %s\n", list, emits[i].name, emits[i].help);
  char *copy = xstrdup(list);
  arena_free(&a);
  return copy;
}

/* The spec's name without its folder and ".tern", in this folder. */
static const char *default_output(struct build *b) {
  const char *slash = strrchr(b->job.options.spec, '/'), *base = slash ? slash + 1 : b->job.options.spec;
  const char *dot = strrchr(base, '.');
  size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
  return b->emit->text ? "-" : arena_printf(&b->job.arena, "%.*s%s", (int)n, base, b->emit->suffix);
}

static const struct argp_child children[] = {{&compile_argp, 0, NULL, 0}, {&hardware_argp, 0, NULL, 0}, {0}};
const struct argp build_argp = {options,  parse, "[SPEC]", "Compiles a model. " SPEC_LEFT_OUT "\v",
                                children, help,  NULL};

/* Says what became of it, unless it went to standard output. */
static bool report(struct build *b, const char *path) {
  struct summary s = {.kind = b->emit->name, .path = path, .also = b->weights_file};
  if (strcmp(path, "-") == 0)
    return true;
  if (b->json)
    return summary_json(&b->job, &s);
  if (!b->emit->use || b->quiet)
    return true;
  s.use = b->emit->use(b, path);
  summary_print(&b->job, &s);
  return true;
}

/* That an output is an input is told before there is any work. */
static bool announce(struct build *b, const char *path) {
  struct diag *d = &b->job.diag;
  return output_announce(d, path) && (!b->weights_file || output_announce(d, b->weights_file));
}

int build_main(int argc, char **argv) {
  struct build b = {.emit = &emits[EMITS - 1], .optimize = 3};
  job_start(&b.job);
  argp_parse(&build_argp, argc, argv, 0, NULL, &b);
  if (!b.job.options.spec && !job_open(&b.job))
    return job_end(&b.job, 1);
  const char *of_hardware = b.emit->run == emit_verilog ? NULL : hardware_given(&b.hardware);
  if (of_hardware)
    diag_note(&b.job.diag, "%s is for --emit verilog: it is ignored", of_hardware);
  const char *path = b.output ? b.output : default_output(&b);
  bool ok = announce(&b, path) && b.emit->run(&b, path) && report(&b, path);
  return job_end(&b.job, ok ? 0 : 1);
}
