/* name.c: what a module may be called. */
#include "backends/hardware/adder_graph/adder_graph.h"
#include "support/escape.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 100 };

bool adder_graph_is_name(const char *name) {
  size_t length = strlen(name);
  if (length == 0 || length > LONGEST || isdigit((unsigned char)*name))
    return false;
  for (size_t i = 0; i < length; i++)
    if (!isalnum((unsigned char)name[i]) && name[i] != '_')
      return false;
  return !is_verilog_keyword(name);
}
