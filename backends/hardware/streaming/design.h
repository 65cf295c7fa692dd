/* design.h: a planned streaming machine: buffers, units with their datapaths, the schedule with exact cycles,
 * the weight stream. Made by plan.c and the files it names, printed by the print_*.c files; a report or a
 * resource model needs nothing else.
 *
 * Time. A phase issues one iteration a clock (or one every `words` clocks when its weights take several words
 * of the stream). A node's `time` is how many clocks after its iteration's issue its register holds its
 * value; 0: combinational from the counters, TIME_ALWAYS: constant during the phase. A phase of n iterations
 * takes n * max(1, words) + depth clocks (with an ideal stream), a kernel the sum of its phases and
 * KERNEL_OVERHEAD.
 *
 * Integers are signed and as wide as their interval needs. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_DESIGN_H
#define TERN_BACKENDS_HARDWARE_STREAMING_DESIGN_H

#include "backends/hardware/streaming/streaming.h"

struct interval {
  int64_t lo, hi;
};

enum { TIME_ALWAYS = -1, MAX_LEVELS = 8 };

/* ---- buffers --------------------------------------------------------------------------------------- */

enum hw_place { HW_SCRATCH, HW_LOCAL, HW_STATE, HW_TOKEN, HW_LOGITS };

/* A memory of the machine: `words` words of `vector` elements for each sequence; instance k of a state begins
 * at word k * instance_words. HW_TOKEN and HW_LOGITS are no memories. */
struct hw_buffer {
  const char *name; /* unique, a Verilog identifier */
  const char *spec; /* the state's name in the spec; else the value's */
  enum hw_place place;
  enum memory_format format;
  struct interval range;
  int bits;
  int64_t elements, instances, instance_words, words;
  int reads;            /* read ports that kernels need at once */
  bool sum_in, sum_out; /* the sum engine reads codes from it, writes sums to it */
  const struct state *state;
  int64_t offset;             /* the planned place */
  const struct kernel *owner; /* HW_LOCAL */
  int id;
};

/* ---- datapath -------------------------------------------------------------------------------------- */

enum hw_node_kind {
  HW_NODE_CONST,
  HW_NODE_INDEX,  /* the value of an index, or index < bound: from counters */
  HW_NODE_LOAD,   /* an element of a buffer */
  HW_NODE_WEIGHT, /* a field of the phase's record */
  HW_NODE_OP,
  HW_NODE_ACC, /* the accumulator after this iteration */
  HW_NODE_HELD /* a node of an earlier phase */
};

struct hw_phase;

struct hw_node {
  enum hw_node_kind kind;
  const struct expr *expr;
  enum opcode code;
  struct hw_node *in[3];
  int n_in;
  int level; /* loops of the phase that it changes with */
  bool wide; /* a value a lane */
  struct interval range;
  int bits;
  int start; /* of a shared operator: when its operands go in */
  int time, latency;
  int needed;                /* the last time at which somebody looks at it */
  bool held;                 /* a later phase uses it */
  int64_t value;             /* HW_NODE_CONST */
  struct hw_buffer *buffer;  /* HW_NODE_LOAD */
  int port;                  /* HW_NODE_LOAD: which read port */
  bool whole;                /* HW_NODE_LOAD: a lane an element of the word; else one element for all */
  const struct index *index; /* HW_NODE_LOAD: of lane 0; HW_NODE_WEIGHT: of the element in its tensor */
  int64_t field;             /* HW_NODE_WEIGHT: its first bit in the record */
  struct hw_node *source;    /* HW_NODE_HELD */
  struct accumulator *acc;
  struct hw_node *element; /* HW_NODE_ACC */
  int acc_level;           /* HW_NODE_ACC: its loop, 1 .. levels */
  bool across;             /* HW_NODE_ACC: over lanes, by a tree */
  bool late;               /* comes of such an accumulator of the same phase */
  const char *name;
  int id; /* in the kernel */
};

struct hw_store {
  const struct buffer *planned; /* as the kernel names it */
  struct hw_buffer *buffer;
  struct hw_node *value;
  const struct index *index;
  bool whole;
  int level;
  int time; /* its port is registered a clock later */
  struct loc at;
};

struct hw_level { /* a loop of a nest, or around phases */
  struct loop *loop;
  int64_t extent, steps; /* iterations, and counts of the counter: ceil(extent / lanes) */
  bool wide;             /* the vector loop, `lanes` elements at once */
  int counter;           /* number in the kernel */
};

/* A pipeline: a nest of loops, or one iteration. */
struct hw_phase {
  int id;
  int n_outer;  /* loops around that run the phase again */
  int n_levels; /* of all levels; those from n_outer on are issued by the phase itself */
  struct hw_level *levels[MAX_LEVELS];
  bool single; /* no loops of its own: registers hold, divisions take their time */
  int lanes;
  VEC(struct hw_node *) nodes;
  VEC(struct hw_store *) stores;
  int64_t record_bits;
  int words;          /* of the stream, for each iteration */
  bool dynamic;       /* reads rows chosen by the token */
  int64_t iterations; /* each time it runs */
  int64_t runs;       /* in a run of the kernel */
  int depth;
  int64_t cycles; /* of one run */
};

/* Phases in order; a loop repeats those from `first` to `last`. */
struct hw_loop {
  struct hw_level *level;
  int first, last;
  int outer; /* the loop around it, or -1 */
};

/* ---- units and the schedule ------------------------------------------------------------------------ */

/* Operators that the phases of a single iteration share: one unit a kernel, as wide as its users need. */
enum shared_unit { SHARED_MULSHIFT, SHARED_IDIV, SHARED_ISQRT, SHARED_ILOG2, SHARED_COUNT };
struct hw_shared {
  int users;               /* 0: there is no such unit */
  int in[3], out;          /* bits */
  int64_t e_least, e_most; /* SHARED_MULSHIFT */
  int latency;             /* from operands to the unit's result; the user's register is a clock later */
};

enum hw_unit_kind { HW_UNIT_KERNEL, HW_UNIT_SUM };

struct hw_unit {
  enum hw_unit_kind kind;
  const struct kernel *kernel;
  const char *name;   /* unique, a Verilog identifier */
  const char *module; /* HW_UNIT_KERNEL: the module's, which begins with the design's name */
  int id;             /* in the sequencer's program */
  /* HW_UNIT_KERNEL */
  VEC(struct hw_phase *) phases;
  VEC(struct hw_loop) loops;
  VEC(struct hw_level *) counters;
  struct hw_shared shared[SHARED_COUNT];
  VEC(struct hw_buffer *) reads, writes, locals; /* distinct */
  int n_nodes;
  bool uses_i, uses_j;
  int64_t i_count, j_count; /* trip counts of the repeats around its calls; 1 for none */
  /* HW_UNIT_SUM: rows m; the chunks of each segment cover `chunks * lanes` elements from word `first_word` of
   * the codes on; total r goes to element out_first + r * out_step. */
  struct hw_buffer *in, *out;
  int64_t m, n, group;
  int64_t first_word, chunks, out_first, out_step;
  int64_t first_column, columns; /* of the matrix, that the segment covers */
  int64_t skipped;               /* columns of the first word before them */
  int64_t row;                   /* of the operand's rows */
  bool last_segment;
  const struct weight *weight;
  int64_t cycles; /* of a run, all sequences, from start to done */
  int64_t words;  /* of the stream that a run takes */
  int64_t busy;   /* of the cycles, those in which all lanes have a weight word */
  int64_t runs;   /* in a step */
};

struct hw_row { /* of the program */
  struct hw_unit *unit;
  int64_t i, j;
};

struct hw_design {
  struct arena *arena;
  const struct loops *loops;
  const struct module *module;
  struct hw_options options; /* defaults filled in */
  int word_bits;             /* S */
  int code_bits, sum_bits;   /* of the sum engine: its operands, its sums */
  const char *name;          /* the model's, an identifier */
  VEC(struct hw_buffer *) buffers;
  VEC(struct hw_unit *) units;
  VEC(struct hw_row) rows;
  struct hw_buffer *token, *logits;
  int64_t vocab;
  int logit_bits;
  int in_flight;        /* logits that may still come when no further iteration is issued */
  int logit_room;       /* words of the FIFO that they leave through */
  int64_t most_m;       /* rows of the tallest sum */
  int prefix_rows;      /* program rows whose words come from tables chosen by the token */
  int64_t step_cycles;  /* with an ideal stream, from the sequencer's start to its end */
  int64_t step_words;   /* of the stream */
  int64_t table_rows;   /* rows of those tables */
  int64_t prefix_words; /* of one token's rows of them */
  int64_t linear_words, image_words;
};

enum {
  KERNEL_OVERHEAD = 1, /* clocks of a kernel beside its phases */
  ROW_OVERHEAD = 1,    /* of the sequencer from a run's end to the next one's start */
  RESULT_OVERHEAD = 5, /* from the last logit to the first of the best tokens */
  STEP_OVERHEAD = 0
};

/* ---- interval.c: what values can be */
int bits_of(struct interval range); /* of a signed integer, at least 1 */
int64_t format_bits(enum memory_format f);
struct interval interval_of_format(enum memory_format f);
struct interval interval_of_bits(int bits);
struct interval interval_join(struct interval a, struct interval b);
struct interval interval_of_op(const struct hw_node *n);
/* What an accumulator of `count` elements can be. */
struct interval interval_of_acc(enum accumulate how, struct interval element, int64_t count);
/* p: a phase whose counters stand for the loops' variables; NULL: the variables themselves. */
struct interval interval_of_index(const struct hw_unit *u, const struct hw_phase *p, const struct index *x);
/* Narrows the buffers to what is stored in them, and the nodes with them. */
void hw_narrow(struct hw_design *h);

/* ---- module_limits.c: whether every operator is within what the library's modules take. False after a
 * diagnostic.
 */
bool hw_within_limits(const struct hw_design *h, struct diag *d);

/* ---- memories.c: the memory behind a kernel's buffer; makes it at its first use. NULL after a diagnostic.
 */
struct hw_buffer *hw_buffer_of(struct hw_design *h, struct diag *d, const struct kernel *k,
                               const struct buffer *b);
/* The element's number in that memory, where instances begin on words of their own. */
struct index *hw_place_of(struct hw_design *h, const struct hw_buffer *to, const struct buffer *b,
                          const struct index *at);
/* Numbers of words and ports. */
void hw_size_buffers(struct hw_design *h);

/* ---- datapath.c: a kernel's phases. False after a diagnostic. */
bool hw_lower_kernel(struct hw_design *h, struct diag *d, struct hw_unit *u);
/* The unit that a node of that phase shares, or SHARED_COUNT. */
enum shared_unit hw_shared_by(const struct hw_phase *p, const struct hw_node *n);
/* ---- latency.c: times of all nodes, depths, ports, records, cycles */
void hw_time_kernel(struct hw_design *h, struct hw_unit *u);
/* ---- sum_commands.c: a sum's units, one for each row of its operand and each group. False after a
 * diagnostic. */
bool hw_add_sums(struct hw_design *h, struct diag *d, const struct kernel *k, int64_t i_count,
                 int64_t j_count);
/* Codes that the engine loads a clock: whole parts of a chunk. */
int hw_load(const struct hw_design *h);
/* Clocks from a command to the last sum's write, and rows of `lanes` weights. */
void hw_time_sum(struct hw_design *h, struct hw_unit *u);

/* ---- sequencer.c: units, the rows of the program. False after a diagnostic. */
bool hw_schedule(struct hw_design *h, struct diag *d);
/* What an index multiplies the token's number by: elements of a row; 0: it does not depend on the token. */
int64_t hw_row_of(const struct index *x);
bool unit_stores_logits(const struct hw_unit *u);
/* Cycles and words of a step, once the units' are known. False after a diagnostic. */
bool hw_add_up(struct hw_design *h, struct diag *d);

#endif
