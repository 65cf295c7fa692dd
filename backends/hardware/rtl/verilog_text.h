/* verilog_text.h: what both machines print Verilog with. Texts are in the arena. */
#ifndef TERN_BACKENDS_HARDWARE_RTL_VERILOG_TEXT_H
#define TERN_BACKENDS_HARDWARE_RTL_VERILOG_TEXT_H

#include "support/arena.h"
#include <stdio.h>

/* A comment over lines of at most 118 characters, `indent` steps of two blanks inside. */
void verilog_comment(FILE *out, struct arena *a, int indent, const char *text);

/* Bits of an unsigned number up to `most`, at least 1. */
int unsigned_bits(int64_t most);
/* Bits of an address of n words, at least 1. */
int address_bits(int64_t n);

/* A constant of `width` bits: 4'd5; negative ones in two's complement: 4'hb. */
const char *literal(struct arena *a, int64_t value, int width);

#endif
