/* simulation.c: runs `make` in the project's folder and reads what the test bench prints. */
#include "driver/simulation.h"

#include "support/file.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path as the programs in the project's folder see it, quoted for the shell. */
static const char *absolute(struct arena *a, const char *path) {
  char here[PATH_MAX];
  bool relative = path[0] != '/' && getcwd(here, sizeof here);
  const char *whole = relative ? arena_printf(a, "%s/%s", here, path) : path, *out = "'";
  for (; *whole; whole++)
    out = arena_printf(a, *whole == '\'' ? "%s'\\''" : "%s%c", out, *whole);
  return arena_printf(a, "%s'", out);
}

/* Whether the command did its work; what it printed is in the file `log` of the folder. */
static bool in_folder(struct job *j, const char *dir, const char *command, const char *log) {
  struct arena *a = &j->arena;
  const char *failed = arena_printf(a, "%s/failed", dir);
  const char *text = arena_printf(a, "cd %s && rm -f failed && { %s; } > %s 2>&1 || touch failed",
                                  absolute(a, dir), command, log);
  const char *argv[] = {"sh", "-c", text, NULL};
  if (!run_program(&j->diag, argv))
    return false;
  bool ok = access(failed, F_OK) != 0;
  remove(failed);
  return ok;
}

/* What the programs printed, if it can be read. */
static char *log_text(struct job *j, const char *dir, const char *log, size_t *length) {
  enum { LARGEST_LOG = 1 << 28 };
  return file_read(&j->diag, &j->arena, arena_printf(&j->arena, "%s/%s", dir, log), LARGEST_LOG, length);
}

static bool build_bench(struct job *j, const struct hw_design *h, const char *dir,
                        const struct simulation_options *o, const char **program) {
  struct arena *a = &j->arena;
  bool icarus = strcmp(o->simulator, "icarus") == 0;
  const char *binary = icarus ? arena_printf(a, "build/%s.vvp", h->name)
                              : arena_printf(a, "build/%s/V%s_tb", o->trace ? "trace" : "verilator", h->name);
  *program = icarus ? arena_printf(a, "vvp -n %s", binary) : binary;
  size_t length;
  if (in_folder(j, dir, arena_printf(a, "make -s %s", binary), "build.log"))
    return true;
  const char *text = log_text(j, dir, "build.log", &length);
  diag_error(&j->diag, "the test bench cannot be built with %s (Debian: apt-get install %s make g++):\n%s",
             o->simulator, icarus ? "iverilog" : "verilator",
             text && length > 4000 ? text + length - 4000
             : text                ? text
                                   : "");
  return false;
}

/* Lines "best STEP SEQUENCE TOKEN SCORE", "steps ...", "states ...", "unit ID CLOCKS AWAITED", at last
 * "PASS". */
static bool read_result(struct job *j, const struct hw_design *h, const struct hw_vectors *v, char *text,
                        struct simulation *r) {
  int64_t most = (v->n / h->options.batch + v->generate) * h->options.batch;
  bool pass = false;
  r->units = arena_array(&j->arena, int64_t, h->units.n + 1);
  r->best = arena_array(&j->arena, int64_t, most + 1);
  for (int64_t i = 0; i < most; i++)
    r->best[i] = -1;
  for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
    long long a, b, c, d, e;
    if (sscanf(line, "best %lld %lld %lld", &a, &b, &c) == 3) {
      int64_t at = a * h->options.batch + b;
      if (at >= 0 && at < most && r->best[at] == -1)
        r->best[at] = c;
    } else if (sscanf(line, "steps %lld cycles %lld lanes %lld awaits %lld output %lld", &a, &b, &c, &d,
                      &e) == 5) {
      r->steps = a;
      r->cycles = b;
      r->lanes = c;
      r->awaits = d;
      r->output = e;
    } else if (sscanf(line, "states %lld changed %lld", &a, &b) == 2) {
      r->states = a;
      r->changed = b;
    } else if (sscanf(line, "unit %lld %lld", &a, &b) == 2 && a >= 0 && a < h->units.n) {
      r->units[a] = b;
    }
    pass |= strcmp(line, "PASS") == 0;
  }
  return pass && r->steps * h->options.batch == most;
}

/* The simulator's text of logits, one a line, as little-endian int32. */
static bool convert_logits(struct job *j, const char *dir, const char *path) {
  struct output out;
  FILE *in = fopen(arena_printf(&j->arena, "%s/logits.txt", dir), "r");
  long long x;
  if (!in) {
    diag_error(&j->diag, "%s/logits.txt: cannot read: %s", dir, strerror(errno));
    return false;
  }
  bool ok = output_open(&out, &j->diag, path);
  while (ok && fscanf(in, "%lld", &x) == 1) {
    uint32_t u = (uint32_t)x;
    uint8_t bytes[4] = {(uint8_t)u, (uint8_t)(u >> 8), (uint8_t)(u >> 16), (uint8_t)(u >> 24)};
    fwrite(bytes, 1, sizeof bytes, out.file);
  }
  fclose(in);
  return ok && output_close(&out, false);
}

static const char *plusarg(struct arena *a, const char *name, int64_t n) {
  return n ? arena_printf(a, " +%s=%lld", name, (long long)n) : "";
}

bool simulation_run(struct job *j, const struct hw_design *h, const char *dir, const struct hw_vectors *v,
                    const struct simulation_options *o, struct simulation *r) {
  struct arena *a = &j->arena;
  const char *program;
  size_t length;
  r->simulator = o->simulator;
  if (!build_bench(j, h, dir, o, &program))
    return false;
  const char *command = arena_printf(
      a, "%s +tokens=vectors/tokens.txt +expected=vectors/expected.bin +weights=weights.bin%s%s%s%s%s%s",
      program, plusarg(a, "generate", v->generate), plusarg(a, "ends", v->ends),
      plusarg(a, "stalls", o->stalls), plusarg(a, "save_restore", o->save_restore),
      o->trace ? arena_printf(a, " +trace=%s", absolute(a, o->trace)) : "",
      o->logits ? " +logits=logits.txt" : "");
  bool ran = in_folder(j, dir, command, "run.log");
  char *text = log_text(j, dir, "run.log", &length);
  if (!text)
    return false;
  char *copy = arena_strdup(a, text);
  if (!ran || !read_result(j, h, v, copy, r)) {
    const char *fail = strstr(text, "FAIL");
    diag_error(&j->diag, "the simulated hardware differs from the interpreter:\n%s", fail ? fail : text);
    return false;
  }
  return !o->logits || convert_logits(j, dir, o->logits);
}
