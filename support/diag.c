/* diag.c: printing of diagnostics, with the source line and a caret counted in terminal columns. */
#include "support/diag.h"

#include "runtime/text/nearest.h"
#include "support/escape.h"
#include "support/progress.h"
#include <string.h>
#include <utf8proc.h>

uint16_t diag_add_source(struct diag *d, const char *name, const char *text, size_t length) {
  vec_push(&d->arena, d->sources, (struct source){arena_strdup(&d->arena, name), text, length});
  return (uint16_t)d->sources.n;
}

/* Start and length of line `line` (from 1) of a text; false when it has fewer lines. */
static bool find_line(const struct source *s, uint32_t line, const char **start, size_t *length) {
  const char *p = s->text, *end = s->text + s->length;
  for (uint32_t i = 1; i < line; i++) {
    p = memchr(p, '\n', (size_t)(end - p));
    if (!p)
      return false;
    p++;
  }
  const char *stop = memchr(p, '\n', (size_t)(end - p));
  *start = p;
  *length = (size_t)((stop ? stop : end) - p);
  return true;
}

/* A message, whatever names from files are in it. */
static void put_message(FILE *out, const char *s) {
  for (size_t n = strlen(s), step; n; s += step, n -= step) {
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &c);
    step = k > 0 ? (size_t)k : 1;
    if (k <= 0 || (is_harmful(c) && c != '\n' && c != '\t'))
      fputc('?', out);
    else
      fwrite(s, 1, step, out);
  }
}

/* Writes one source line: tabs become a blank, bytes that are not printable text become '?'. When `marks` is
 * given it gets a caret under column `from` and tildes up to `to`, in step with what was written. */
static void put_line(FILE *out, const char *s, size_t n, size_t from, size_t to, bool marks) {
  for (size_t i = 0; i < n || (marks && i <= from);) {
    utf8proc_int32_t c = ' ';
    utf8proc_ssize_t step = 1;
    int width = 1;
    if (i < n) {
      step = utf8proc_iterate((const utf8proc_uint8_t *)s + i, (utf8proc_ssize_t)(n - i), &c);
      if (step <= 0)
        step = 1, c = '?';
      else if (c == '\t')
        c = ' ';
      else if (is_harmful(c))
        c = '?';
      width = utf8proc_charwidth(c);
    }
    if (marks) {
      if (i > from && i >= to)
        break;
      for (int k = 0; k < width; k++)
        fputc(i < from ? ' ' : i == from && k == 0 ? '^' : '~', out);
    } else {
      utf8proc_uint8_t buffer[4];
      fwrite(buffer, 1, (size_t)utf8proc_encode_char(c, buffer), out);
    }
    i += (size_t)step;
  }
  fputc('\n', out);
}

static void diag_v(struct diag *d, enum severity s, struct loc at, const char *format, va_list ap) {
  static const char *const names[] = {"note", "warning", "error"};
  FILE *out = d->out ? d->out : stderr;
  if (s == SEVERITY_ERROR && d->lenient)
    s = SEVERITY_WARNING;
  if (s == SEVERITY_ERROR)
    d->errors++;
  if (s == SEVERITY_WARNING)
    d->warnings++;
  if (d->errors > DIAG_MAX_ERRORS)
    return;
  const struct source *source = at.file && at.file <= d->sources.n ? &d->sources.at[at.file - 1] : NULL;
  if (out == stderr)
    progress_clear();
  struct arena a = {0};
  if (source)
    put_message(out, arena_printf(&a, "%s:%u:%u: ", source->name, at.line, at.column));
  fprintf(out, "%s: ", names[s]);
  put_message(out, arena_vprintf(&a, format, ap));
  fputc('\n', out);
  arena_free(&a);
  const char *line;
  size_t length;
  if (source && source->text && at.line && find_line(source, at.line, &line, &length)) {
    size_t from = at.column ? at.column - 1u : 0, to = at.end > at.column ? at.end - 1u : from + 1;
    fputs("    ", out);
    put_line(out, line, length, 0, 0, false);
    fputs("    ", out);
    put_line(out, line, length, from < length ? from : length, to < length ? to : length, true);
  }
}

void diag_at(struct diag *d, enum severity s, struct loc at, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  diag_v(d, s, at, format, ap);
  va_end(ap);
}

void diag_error(struct diag *d, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  diag_v(d, SEVERITY_ERROR, (struct loc){0}, format, ap);
  va_end(ap);
}

void diag_note(struct diag *d, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  diag_v(d, SEVERITY_NOTE, (struct loc){0}, format, ap);
  va_end(ap);
}

void diag_finish(struct diag *d) {
  if (d->errors > DIAG_MAX_ERRORS)
    fprintf(d->out ? d->out : stderr, "%d more errors were not shown\n", d->errors - DIAG_MAX_ERRORS);
}

void diag_free(struct diag *d) {
  arena_free(&d->arena);
  *d = (struct diag){0};
}

const char *diag_nearest(const char *word, const char *const *candidates, int n) {
  return nearest_word(word, candidates, n);
}
