/* adder_verilog.h: what the two files of Verilog share. */
#ifndef TERN_BACKENDS_HARDWARE_ADDER_GRAPH_ADDER_VERILOG_H
#define TERN_BACKENDS_HARDWARE_ADDER_GRAPH_ADDER_VERILOG_H

#include "backends/hardware/adder_graph/adder_graph.h"

/* Bits of each output in y: those of the widest. */
int verilog_output_width(const struct adder_graph *g);
/* Bits in x below input number `before`. */
int verilog_input_bits(const struct adder_graph *g, int before);

/* adder_bench.c */
void verilog_write_test(const struct adder_file *f, FILE *out);
void verilog_write_matrix(const struct adder_file *f, FILE *out);

#endif
