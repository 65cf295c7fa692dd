/* adder_graph.h: a constant ternary matrix as a graph of additions and subtractions with shared partial sums.
 *
 *   y[j] = sum over i of matrix[i][j] * x[i],   matrix[i][j] in {-1, 0, 1}
 *
 * A graph is a list of values. The first are the inputs x; each further one, a node, is +-a +-b of values
 * before it, never both negative (with three_input also +-a +-b +-c). No node repeats another, none is
 * unused. Every value has an interval that contains all it can be when the inputs are in theirs, and is a
 * signed two's complement number just wide enough for it: nothing overflows.
 *
 * The result depends on nothing but the arguments: the same on every machine, whatever its speed. */
#ifndef TERN_BACKENDS_HARDWARE_ADDER_GRAPH_ADDER_GRAPH_H
#define TERN_BACKENDS_HARDWARE_ADDER_GRAPH_ADDER_GRAPH_H

#include "support/arena.h"
#include "support/diag.h"

enum {
  ADDER_MAX_SIDE = 4096,     /* inputs, outputs */
  ADDER_MAX_INPUT_BITS = 32, /* width of an input */
  ADDER_MAX_DEPTH = 40,      /* arrival levels and depth limits */
  ADDER_MAX_EFFORT = 1000,
  ADDER_OPERANDS = 3,
  ADDER_SHIFT_LENGTH = 3, /* registers in a row that synthesis makes a shift register */
};

/* The value +-graph->value[value]. */
struct adder_ref {
  int32_t value; /* -1: zero; as an operand: none */
  bool negative;
};

struct adder_value {
  struct adder_ref in[ADDER_OPERANDS]; /* of a node; the third is seldom there */
  int64_t lo, hi;                      /* what the value can be */
  int16_t width;                       /* bits, sign included */
  int16_t depth; /* adders on the longest way from an input, arrival of inputs counted */
};

struct adder_graph {
  struct arena arena; /* everything below lives in it */
  int inputs, outputs, nodes;
  struct adder_value *value; /* [inputs + nodes]: inputs first; a node's operands come before it */
  struct adder_ref *output;  /* [outputs] */
  int depth;                 /* greatest depth of an output */
  int negations;      /* outputs that are a value negated: the user of the graph subtracts instead of adding,
                         or negates, which costs one more adder */
  int64_t adder_bits; /* sum of the nodes' widths */
  int three_input;    /* nodes with three operands, counted in `nodes` too */
};

struct adder_options {
  int input_bits;         /* of signed inputs without an interval; 0: 8, which is [-128, 127] */
  const int64_t *lo, *hi; /* [inputs] intervals, in 32 bits; NULL: by input_bits */
  const int *arrival;     /* [inputs] level at which an input is there; NULL: 0 */
  int depth;              /* no output is deeper; 0: one level more than the least possible */
  int effort;             /* 0: one greedy search; N: N times the usual annealing after it */
  bool three_input;       /* joins adders used once with their users: half of a LUT6 is free */
};

/* The least depth that any graph of two-input adders for this matrix has: balanced trees. */
int adder_graph_least_depth(const int8_t *matrix, int inputs, int outputs, const int *arrival);

/* matrix is [inputs][outputs], row-major. The graph has been checked by adder_graph_check. NULL after a
 * diagnostic: a size, an interval or an entry out of range, a depth that cannot be kept. */
struct adder_graph *adder_graph_build(struct diag *d, const int8_t *matrix, int inputs, int outputs,
                                      const struct adder_options *o);
void adder_graph_free(struct adder_graph *g);

/* The whole proof, without running anything: shape (operands before users, signs, counts), coefficients (an
 * adder graph is linear: the coefficient vector of every output, computed symbolically, is the column of the
 * matrix), intervals (recomputed from the inputs; inside the value's interval, which its width holds) and
 * depths. The first fault is a diagnostic "adder graph: ...". */
bool adder_graph_check(struct diag *d, const struct adder_graph *g, const int8_t *matrix);

/* ---- time ------------------------------------------------------------------------------------------------
 *
 * A pipeline: stage 0 is the input register, stage k > 0 up to `levels` adders one after another and the
 * registers after them. A value made in stage s that stage u uses has registers at the ends of stages s to
 * u - 1, an output to the end of the last stage; a negated output is negated before its last register. All
 * inputs come in the same clock, whatever their `arrival`. A new x every clock, y `latency` clocks later. */
struct adder_schedule {
  int levels, stages; /* stages after stage 0 */
  int latency;        /* clock edges from x at the ports to y at the ports: stages + 1 */
  int *stage;         /* [inputs + nodes] where a value is made */
  int *last;          /* [inputs + nodes] the last stage whose registers hold it; stage - 1 if none does */
  int64_t register_bits;
  /* of these, in rows of ADDER_SHIFT_LENGTH and more of which only the last is read; and such rows of one bit
   */
  int64_t shift_bits, shifts;
};

/* levels 1 .. ADDER_MAX_DEPTH. Nodes are moved between stages where that saves registers. In the graph's
 * arena. */
struct adder_schedule *adder_graph_schedule(struct adder_graph *g, int levels);

/* Interval and width of output j, its sign included; width 1 of an output that is zero. */
int adder_graph_output_width(const struct adder_graph *g, int j);

/* ---- cost ------------------------------------------------------------------------------------------------
 *
 * Measured with Yosys (docs/hardware.md): LUTs follow the adder bits within the bounds given here. Flip-flops
 * are the register bits; where LUTs can be shift registers, rows of registers are one LUT a bit instead. */
struct adder_family {
  const char *name, *title, *lut;
  double low, high; /* LUTs an adder bit */
  bool shifts;      /* LUTs can be shift registers */
};
extern const struct adder_family adder_families[];
extern const int n_adder_families;

struct adder_cells {
  int64_t luts_low, luts_high; /* with those that are shift registers */
  int64_t shifts;              /* LUTs that are shift registers */
  int64_t ffs;
};
struct adder_cells adder_graph_cells(const struct adder_graph *g, const struct adder_schedule *s,
                                     const struct adder_family *f);

/* Adder bits with those of the negations, each of which is an adder. */
int64_t adder_graph_logic_bits(const struct adder_graph *g);

/* ---- Verilog ---------------------------------------------------------------------------------------------
 *
 * Verilog-2005 of a schedule, as files NAME.v (the pipeline) and NAME_stage<k>.v (what stage k adds), each
 * with one module of its file's name, and the test bench NAME_test.v with NAME_test.hex, the matrix. Ports of
 * NAME: clk, ce (clock enable), x = all inputs side by side, input 0 lowest, each as wide as it is; y = all
 * outputs, output 0 lowest, each as wide as the widest. */
struct adder_file {
  const char *name; /* without a folder */
  void (*write)(const struct adder_file *f, FILE *out);
  const struct adder_graph *graph;
  const struct adder_schedule *schedule;
  const int8_t *matrix;
  const char *module;
  int stage;
};

/* Letters, digits and _, no digit first, no keyword of Verilog or SystemVerilog. */
bool adder_graph_is_name(const char *name);

/* The files of module `name`, which adder_graph_is_name; in the graph's arena. */
const struct adder_file *adder_graph_verilog(struct adder_graph *g, const struct adder_schedule *s,
                                             const int8_t *matrix, const char *name, int *n);

#endif
