/* names.h: identifiers of Verilog, for both machines. */
#ifndef TERN_BACKENDS_VERILOG_NAMES_H
#define TERN_BACKENDS_VERILOG_NAMES_H

#include "support/arena.h"

/* A name made an identifier: what is not a letter, digit or _ becomes _; never a keyword of Verilog or
 * SystemVerilog, nor `clk` or `ce`. In the arena. */
const char *verilog_name(struct arena *a, const char *text);

#endif
