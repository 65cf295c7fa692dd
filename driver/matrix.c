/* matrix.c: reads a ternary matrix. */
#include "driver/matrix.h"

#include "support/file.h"
#include <string.h>

enum { MOST_BYTES = 1 << 28 };

struct matrix_reader {
  struct diag *diag;
  const char *at, *end, *line_start;
  uint32_t line;
  uint16_t file;
};

static bool fail(struct matrix_reader *r, const char *from, const char *to, const char *message) {
  int64_t column = from - r->line_start + 1, end = to - r->line_start + 1;
  struct loc at = {.file = r->file, .line = r->line};
  at.column = (uint16_t)(column < UINT16_MAX ? column : UINT16_MAX);
  at.end = (uint16_t)(end < UINT16_MAX ? end : UINT16_MAX);
  diag_at(r->diag, SEVERITY_ERROR, at, "%s", message);
  return false;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct matrix_reader *r) {
  while (r->at < r->end && is_blank(*r->at))
    r->at++;
}

static bool at_line_end(struct matrix_reader *r) {
  skip_blanks(r);
  return r->at == r->end || *r->at == '\n';
}

static void next_line(struct matrix_reader *r) {
  if (r->at < r->end)
    r->at++;
  r->line_start = r->at;
  r->line++;
}

/* The end of the word that begins here. */
static const char *word_end(const struct matrix_reader *r) {
  const char *p = r->at;
  while (p < r->end && !is_blank(*p) && *p != '\n')
    p++;
  return p;
}

static bool read_size(struct matrix_reader *r, const char *what, int most, int *size) {
  char message[80];
  snprintf(message, sizeof message, "expected the number of %s, 1 .. %d", what, most);
  if (at_line_end(r))
    return fail(r, r->at, r->at, message);
  const char *word = r->at, *end = word_end(r);
  int n = 0;
  for (; r->at < end && *r->at >= '0' && *r->at <= '9' && n <= most; r->at++)
    n = 10 * n + *r->at - '0';
  if (r->at != end || n < 1 || n > most)
    return fail(r, word, end, message);
  *size = n;
  return true;
}

static bool read_entry(struct matrix_reader *r, int8_t *entry) {
  const char *word = r->at, *end = word_end(r);
  size_t length = (size_t)(end - word);
  bool negative = length == 2 && *word == '-', plus = length == 2 && *word == '+';
  char digit = negative || plus ? word[1] : *word;
  if ((length != 1 && !negative && !plus) || (digit != '0' && digit != '1'))
    return fail(r, word, end, "an entry is -1, 0 or 1");
  *entry = (int8_t)(negative ? -(digit - '0') : digit - '0');
  r->at = end;
  return true;
}

static bool read_row(struct matrix_reader *r, int row, int columns, int8_t *entry) {
  char message[96];
  if (r->at == r->end) {
    snprintf(message, sizeof message, "the file ends before row %d", row + 1);
    return fail(r, r->at, r->at, message);
  }
  for (int j = 0; j < columns; j++) {
    if (at_line_end(r)) {
      snprintf(message, sizeof message, "row %d ends after %d of %d entries", row + 1, j, columns);
      return fail(r, r->at, r->at, message);
    }
    if (!read_entry(r, &entry[j]))
      return false;
  }
  if (at_line_end(r))
    return true;
  snprintf(message, sizeof message, "row %d has more than %d entries", row + 1, columns);
  return fail(r, r->at, word_end(r), message);
}

static bool read_end(struct matrix_reader *r, int rows) {
  char message[64];
  while (r->at < r->end && at_line_end(r))
    next_line(r);
  if (r->at >= r->end)
    return true;
  snprintf(message, sizeof message, "expected the end of the file after %d rows", rows);
  return fail(r, r->at, word_end(r), message);
}

int8_t *matrix_read(struct diag *d, struct arena *a, const char *path, int most, int *rows, int *columns) {
  size_t length;
  char *text = text_read(d, a, path, MOST_BYTES, &length);
  if (!text)
    return NULL;
  struct matrix_reader r = {.diag = d, .at = text, .end = text + length, .line_start = text, .line = 1};
  r.file = diag_add_source(d, path, text, length);
  if (!read_size(&r, "rows", most, rows) || !read_size(&r, "columns", most, columns))
    return NULL;
  if (!at_line_end(&r)) {
    fail(&r, r.at, word_end(&r), "expected the end of the line after the numbers of rows and columns");
    return NULL;
  }
  int8_t *matrix = arena_array(a, int8_t, (size_t)*rows *(size_t)*columns);
  for (int i = 0; i < *rows; i++) {
    next_line(&r);
    if (!read_row(&r, i, *columns, matrix + (size_t)i * (size_t)*columns))
      return NULL;
  }
  return read_end(&r, *rows) ? matrix : NULL;
}
