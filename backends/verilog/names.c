/* names.c: identifiers of Verilog. */
#include "backends/verilog/names.h"

#include <ctype.h>
#include <string.h>

const char *verilog_name(struct arena *a, const char *text) {
  static const char *const keywords[] = {
      "always",     "and",     "assign",   "begin",   "buf",     "case",     "deassign", "default",
      "defparam",   "disable", "edge",     "else",    "end",     "event",    "for",      "force",
      "forever",    "fork",    "function", "if",      "initial", "inout",    "input",    "integer",
      "join",       "module",  "nand",     "negedge", "nor",     "not",      "or",       "output",
      "parameter",  "posedge", "pulldown", "pullup",  "real",    "reg",      "release",  "repeat",
      "signed",     "specify", "supply0",  "supply1", "table",   "task",     "time",     "tri",
      "unsigned",   "use",     "vectored", "wait",    "wand",    "while",    "wire",     "wor",
      "xnor",       "xor",     "cell",     "config",  "design",  "generate", "instance", "library",
      "scalared",   "small",   "large",    "medium",  "weak0",   "weak1",    "strong0",  "strong1",
      "localparam", "logic",   "bit",      "byte",    "int",     "do",       "return",   "final",
      "clk",        "ce"};
  char *s = arena_strdup(a, isdigit((unsigned char)*text) || !*text ? arena_printf(a, "_%s", text) : text);
  for (char *p = s; *p; p++)
    if (!isalnum((unsigned char)*p))
      *p = '_';
  for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
    if (strcmp(s, keywords[i]) == 0)
      return arena_printf(a, "%s_", s);
  return s;
}
