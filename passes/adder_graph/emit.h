/* emit.h: what the two files of Verilog share. */
#ifndef TERN_PASSES_ADDER_GRAPH_EMIT_H
#define TERN_PASSES_ADDER_GRAPH_EMIT_H

#include "passes/adder_graph.h"

/* Bits of each output in y: those of the widest. */
int verilog_output_width(const struct adder_graph *g);
/* Bits in x below input number `before`. */
int verilog_input_bits(const struct adder_graph *g, int before);

/* bench.c */
void verilog_write_test(const struct adder_file *f, FILE *out);
void verilog_write_matrix(const struct adder_file *f, FILE *out);

#endif
