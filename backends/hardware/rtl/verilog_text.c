/* verilog_text.c: pieces of Verilog that do not depend on a design. */
#include "backends/hardware/rtl/verilog_text.h"

#include "support/escape.h"
#include <string.h>

void verilog_comment(FILE *out, struct arena *a, int indent, const char *text) {
  enum { LINE = 116 };
  while (*text) {
    size_t n = strcspn(text, "\n"), most = (size_t)(LINE - 2 * indent);
    size_t take = n;
    if (take > most) {
      take = most;
      while (take > 1 && text[take] != ' ')
        take--;
    }
    const char *part = comment_text(a, arena_strndup(a, text, take));
    fprintf(out, "%*s//%s%s\n", 2 * indent, "", take ? " " : "", part);
    text += take;
    text += *text == ' ' || *text == '\n';
  }
}

int unsigned_bits(int64_t most) {
  int bits = 1;
  while (bits < 62 && most >> bits)
    bits++;
  return bits;
}

int address_bits(int64_t n) {
  return unsigned_bits(n > 1 ? n - 1 : 1);
}

const char *literal(struct arena *a, int64_t value, int width) {
  if (value >= 0)
    return arena_printf(a, "%d'd%lld", width, (long long)value);
  uint64_t mask = width >= 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
  return arena_printf(a, "%d'h%llx", width, (unsigned long long)((uint64_t)value & mask));
}
