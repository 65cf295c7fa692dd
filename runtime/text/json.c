/* json.c: escapes what JSON strings may not hold. */
#include "runtime/text/json.h"

#include <math.h>
#include <string.h>

#include "runtime/text/utf8.h"

void print_json_bytes(FILE *out, const char *text, size_t n) {
  const unsigned char *p = (const unsigned char *)text, *end = p + n;
  fputc('"', out);
  while (p < end) {
    uint32_t length = utf8_character(p, (size_t)(end - p));
    if (length == 0)
      fputs("\\ufffd", out);
    else if (*p == '"' || *p == '\\')
      fprintf(out, "\\%c", *p);
    else if (*p < 0x20 || *p == 0x7f)
      fprintf(out, "\\u%04x", *p);
    else
      fwrite(p, 1, length, out);
    p += length ? length : 1;
  }
  fputc('"', out);
}

void print_json_text(FILE *out, const char *text) {
  print_json_bytes(out, text, strlen(text));
}

void print_json_real(FILE *out, double value) {
  if (isfinite(value))
    fprintf(out, "%.17g", value);
  else
    fputs("null", out);
}
