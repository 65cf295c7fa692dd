/* log.c: one row a step, as JSON for programs and as a line for people. */
#include "training/log.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/core/base.h"
#include "runtime/core/claim.h"
#include "support/file.h"

/* ---- JSON -------------------------------------------------------------------------------------------- */

static void set_real(json_t *o, const char *key, double x) {
  if (isfinite(x))
    json_object_set_new(o, key, json_real(x));
}

static json_t *row_json(const struct log_row *r) {
  json_t *o = json_pack("{s:I}", "step", (json_int_t)r->step);
  set_real(o, "loss", r->loss);
  set_real(o, "bits_per_byte", r->bits);
  set_real(o, "held_out_loss", r->held_loss);
  set_real(o, "held_out_bits_per_byte", r->held_bits);
  set_real(o, "rate", r->rate);
  set_real(o, "norm", r->norm);
  json_object_set_new(o, "tokens", json_integer((json_int_t)r->tokens));
  set_real(o, "tokens_per_s", r->tokens_per_s);
  set_real(o, "seconds", r->seconds);
  json_object_set_new(o, "memory", json_integer((json_int_t)proc_bytes("/proc/self/status", "VmHWM")));
  return o;
}

static double real_of(const json_t *o, const char *key) {
  const json_t *x = json_object_get(o, key);
  return json_is_number(x) ? json_number_value(x) : NAN;
}

static struct log_row row_of(const json_t *o) {
  return (struct log_row){.step = (uint64_t)json_integer_value(json_object_get(o, "step")),
                          .tokens = (uint64_t)json_integer_value(json_object_get(o, "tokens")),
                          .loss = real_of(o, "loss"),
                          .bits = real_of(o, "bits_per_byte"),
                          .rate = real_of(o, "rate"),
                          .norm = real_of(o, "norm"),
                          .tokens_per_s = real_of(o, "tokens_per_s"),
                          .seconds = real_of(o, "seconds"),
                          .held_loss = real_of(o, "held_out_loss"),
                          .held_bits = real_of(o, "held_out_bits_per_byte")};
}

/* ---- the file ---------------------------------------------------------------------------------------- */

static bool is_row(const json_t *o) {
  const json_t *step = json_object_get(o, "step");
  return json_is_integer(step) && json_integer_value(step) >= 0;
}

/* Reads the rows up to step `from`; where they end. What follows was written after the checkpoint, or cut off
 * in the middle. */
static long read_rows(struct log *log, uint64_t from, const char *path) {
  char line[4096];
  long end = 0;
  int damaged = 0, lost = 0; /* lines; those of them that rows follow */
  while (fgets(line, sizeof line, log->file)) {
    json_t *o = strchr(line, '\n') ? json_loads(line, 0, NULL) : NULL;
    bool is_good = is_row(o), is_later = is_good && row_of(o).step > from;
    damaged += !is_good;
    if (is_good && !is_later) {
      vec_push(&log->arena, log->rows, row_of(o));
      end = ftell(log->file);
      lost = damaged;
    }
    json_decref(o);
    if (is_later)
      break;
  }
  if (lost)
    diag_note(log->diag,
              "%s: has %d lines that are no rows of a training; they stay, and are not in the curve", path,
              lost);
  return end;
}

static bool failed(struct log *log, const char *path) {
  diag_error(log->diag, "%s: cannot be written: %s", path, strerror(errno));
  return false;
}

bool log_open(struct log *log, struct diag *d, const char *folder, uint64_t from) {
  *log = (struct log){.diag = d, .folder = folder};
  if (!folder)
    return true;
  struct stat st;
  const char *path = arena_printf(&log->arena, "%s/log.jsonl", folder);
  if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
    diag_error(d, "%s: is not a regular file, and the rows of the training go there; move it", path);
    return false;
  }
  if (!output_announce(d, path)) /* it may be what is learned from */
    return false;
  claim_drop(path);
  log->file = fopen(path, "r+e");
  if (!log->file && errno == ENOENT)
    log->file = fopen(path, "w+e");
  if (!log->file)
    return failed(log, path);
  long end = from ? read_rows(log, from, path) : 0;
  if (fseek(log->file, end, SEEK_SET) != 0 || ftruncate(fileno(log->file), end) != 0)
    return failed(log, path);
  return true;
}

/* ---- the terminal ------------------------------------------------------------------------------------ */

static const char *time_text(struct arena *a, double seconds) {
  uint64_t s = (uint64_t)(seconds + 0.5);
  if (s >= 3600)
    return arena_printf(a, "%llu:%02u h", (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60));
  return arena_printf(a, "%u:%02u min", (unsigned)(s / 60), (unsigned)(s % 60));
}

static const char *line_text(const struct log *log, struct arena *a, const struct log_row *r) {
  const char *text = arena_printf(a, "step %llu", (unsigned long long)r->step);
  if (log->steps)
    text = arena_printf(a, "%s/%llu", text, (unsigned long long)log->steps);
  if (isfinite(r->loss))
    text = arena_printf(a, "%s  loss %.4f", text, r->loss);
  if (isfinite(r->bits))
    text = arena_printf(a, "%s  %.3f bits/byte", text, r->bits);
  if (isfinite(r->held_loss))
    text = arena_printf(a, "%s  held-out loss %.4f", text, r->held_loss);
  if (isfinite(r->held_bits))
    text = arena_printf(a, "%s  %.3f bits/byte", text, r->held_bits);
  if (isfinite(r->tokens_per_s))
    text = arena_printf(a, "%s  %.0f tokens/s", text, r->tokens_per_s);
  if (isfinite(r->tokens_per_s) && log->steps >= r->step && r->step > 0 && r->tokens > 0)
    text = arena_printf(a, "%s  %s left", text,
                        time_text(a, (double)(log->steps - r->step) * ((double)r->tokens / (double)r->step) /
                                         r->tokens_per_s));
  return arena_printf(a, "%s  %llu MB", text,
                      (unsigned long long)(proc_bytes("/proc/self/status", "VmHWM") >> 20));
}

enum { LINE_SECONDS = 10 }; /* between two lines that are not drawn over */

/* On a terminal one line, drawn over; elsewhere a line now and then, and each look at the held-out text. */
static void tell(struct log *log, const struct log_row *r) {
  struct arena a = {0};
  double now = seconds_now();
  bool terminal = isatty(STDERR_FILENO), held = isfinite(r->held_loss);
  bool due = held || log->rows.n == 1 || now - log->told >= (terminal ? 0.1 : LINE_SECONDS) ||
             (log->steps && r->step == log->steps);
  if (!log->quiet && due) {
    fprintf(stderr, terminal ? "\r\033[K%s%s" : "%s%s", line_text(log, &a, r), terminal && !held ? "" : "\n");
    log->told = now;
    log->drawn = terminal && !held;
  }
  arena_free(&a);
}

/* ---- rows -------------------------------------------------------------------------------------------- */

bool log_add(struct log *log, const struct log_row *row) {
  bool ok = true;
  int reason = 0;
  vec_push(&log->arena, log->rows, *row);
  if (log->file) {
    json_t *o = row_json(row);
    ok = json_dumpf(o, log->file, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 &&
         fputc('\n', log->file) != EOF && fflush(log->file) == 0;
    reason = errno;
    json_decref(o);
  }
  tell(log, row);
  errno = reason;
  return ok || failed(log, arena_printf(&log->arena, "%s/log.jsonl", log->folder));
}

bool log_draw(struct log *log) {
  struct output out;
  if (!log->folder || log->rows.n == 0)
    return true;
  if (!output_open(&out, log->diag, arena_printf(&log->arena, "%s/loss.svg", log->folder)))
    return false;
  curve_print(out.file, log->rows.at, log->rows.n, log->folder);
  return output_close(&out, false);
}

bool log_close(struct log *log) {
  if (log->drawn)
    fputc('\n', stderr);
  bool ok = log_draw(log);
  if (log->file && fclose(log->file) != 0)
    ok = failed(log, arena_printf(&log->arena, "%s/log.jsonl", log->folder));
  arena_free(&log->arena);
  *log = (struct log){0};
  return ok;
}
