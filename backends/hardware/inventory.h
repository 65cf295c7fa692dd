/* inventory.h: what a hardware design consists of. Each machine fills it from its plan, before
 * anything is written; the resource model, the projections and the reports read it: they know no other
 * description of a design.
 *
 * A design is a list of units. A unit is an instance of a module that a report has a line for: a kernel, the
 * sum engine, a buffer, a layer of an unrolled model. It has parts: adders, registers, multipliers, memories
 * and instances of library modules (backends/hardware/library/modules), whose own parts the model knows.
 * Streams join units and are drawn. The schedule counts clocks.
 *
 * Widths are in bits, times in clocks, memory in bytes. Strings are in the arena or constant. */
#ifndef TERN_BACKENDS_HARDWARE_INVENTORY_H
#define TERN_BACKENDS_HARDWARE_INVENTORY_H

#include "support/arena.h"
#include "support/diag.h"

/* ---- parts --------------------------------------------------------------------------------------------- */

enum part_kind {
  PART_ADD, /* a sum or difference of `bits` bits, `other` of which add two bits: at the rest one operand is
               constant. Bits below, that pass through unchanged, count in neither */
  PART_ADD_SUB, /* the same where a signal chooses between sum and difference */
  PART_ADD_IF,  /* the same where `other` operands (1 or 2) are masked and inverted by two signals first */
  PART_INVERT,  /* `bits` bits that only adders and comparisons take inverted: subtrahends */
  PART_LESS,    /* a < b, the wider with `bits` bits */
  PART_EQUAL,   /* a == b, `bits` bits */
  PART_CLAMP,   /* `other` bits brought into the range of `bits` bits */
  PART_FIT, /* the same, written as two comparisons with constants: with PART_CONST these, else the choices */
  PART_MUL, /* bits x other, signed, with `depth` register bits before and behind that DSP blocks can take */
  PART_REG, /* a register of `bits` bits */
  PART_DELAY, /* `other` registers of `bits` bits in a row, without reset: LUTs where they are shift registers
               */
  PART_MUX,   /* `bits` outputs, each one of `other` inputs chosen by a binary number */
  PART_CASE,  /* the same by a case over many numbers, whose result a register with an enable takes */
  PART_PICK,  /* the same by a comparison an input, as a loop over them is written */
  PART_SHIFT, /* barrel shifter: `bits` outputs, `other` bits of amount; `depth` choices between bits that
                 differ, if not of all bits at each stage; `free` of them a gate that a LUT has an input for,
                 where a choice leaves one */
  PART_LOGIC, /* `bits` gates (and, or, xor) of `other` inputs each */
  PART_RAM,   /* depth words of `lanes` lanes of `bits` bits with a write enable each; one write port, `other`
                 read ports; reads are registered and have an enable */
  PART_ROM,   /* depth words of `bits` bits, `other` read ports, registered */
  PART_LIBRARY, /* an instance of a library module */
  PART_KINDS
};

enum part_flags {
  PART_CONST = 1,       /* ADD, LESS, EQUAL: one operand is constant */
  PART_INVERTED = 2,    /* LESS: the inverse of an operand costs nothing, it comes out of logic */
  PART_RESET = 4,       /* REG: cleared by aresetn */
  PART_ENABLE = 8,      /* REG, DELAY: holds without enable */
  PART_LONE = 16,       /* REG, DELAY: no logic before the first register either */
  PART_PRODUCT = 32,    /* DELAY: behind a product, whose DSP block may have the first two */
  PART_UNCLOCKED = 64,  /* ROM: neither address nor result is registered: logic */
  PART_ADDRESSED = 128, /* ROM: the address is a register that is counted elsewhere, the result is not */
  PART_LUTRAM = 256,    /* RAM, ROM: ram_style "distributed" */
  PART_BLOCK = 512,     /* "block" */
  PART_ULTRA = 1024,    /* "ultra" */
  PART_LEFT = 2048,     /* SHIFT: to the left, into a register */
  PART_KNOWN = 4096     /* ROM: `luts` says what it takes as logic */
};

struct inv_param {
  const char *name;
  int64_t value;
};

struct inv_part {
  enum part_kind kind;
  unsigned flags;
  int64_t count; /* equal parts */
  int bits, other, lanes;
  int64_t depth;
  int64_t free;
  int luts[2];        /* ROM whose contents are known, as logic: LUTs of 4, of 6 inputs */
  const char *module; /* PART_LIBRARY: "tern_mulshift" */
  const struct inv_param *param;
  int n_param;
};

/* ---- units --------------------------------------------------------------------------------------------- */

enum inv_kind {
  INV_KERNEL,  /* element-wise work, norms, gates, recurrence */
  INV_SUM,     /* ternary sums: the sum engine, or an adder graph */
  INV_LAYER,   /* unrolled: a block of the spec with all in it */
  INV_BUFFER,  /* activations */
  INV_STATE,   /* the recurrence's memory */
  INV_WEIGHTS, /* weights on chip */
  INV_READER,  /* the bus master and its queue */
  INV_CONTROL, /* sequencer, registers, streams of tokens */
  INV_TOP_K,   /* head's end: top-k, argmax */
  INV_KINDS
};

struct inv_unit {
  struct inventory *in;
  int id;
  enum inv_kind kind;
  const char *name; /* from the spec where it has one: "layers.attn.g"; shown in reports */
  const char *path; /* the instance, from the top module down, joined by points: "core.norm"; unique. "": the
                       top module itself, with all that no other unit has. A unit has what is below its
                       instance and in no unit of its own */
  const char *module; /* the module, of the file "rtl/MODULE.v" */
  const char *what;   /* one line: what it does; may be NULL */
  struct loc at;      /* its place in the spec; file 0: none */
  VEC(struct inv_part) parts;
  /* schedule, of a step that serves all sequences */
  int64_t runs;   /* times it runs in a step; 0: it runs all the time */
  int64_t cycles; /* clocks of the step in which it runs and nothing else does; they add up to the step's */
  int64_t busy;   /* of these, clocks in which all lanes have work */
  int64_t weight_bytes; /* of the stream, in a step */
  int64_t ram_bits;     /* read and written on chip in a step; 0: unknown */
  int latency;          /* clocks from its input to its output; 0 where that has no meaning */
};

const char *inv_kind_name(enum inv_kind kind); /* "kernel" */

/* A connection that a drawing shows. */
struct inv_stream {
  int from, to;     /* units' ids; -1: the outside world */
  const char *name; /* "weights", "codes" */
  int bits;         /* of a word */
  int64_t words;    /* in a step; 0: unknown or not constant */
  bool handshake;   /* valid and ready */
};

enum inv_machine { INV_STREAMING, INV_UNROLLED };

struct inventory {
  struct arena *arena;
  enum inv_machine machine;
  const char *model;            /* the model's name, an identifier */
  const char *top;              /* the top module */
  const char *bench;            /* top module of the project's test bench, in sim/ */
  const char *const *bench_run; /* its arguments, ended by NULL; paths from the project's folder */
  VEC(struct inv_unit *) units;
  VEC(struct inv_stream) streams;

  double clock_mhz;     /* target */
  int lanes;            /* ternary weights a clock; 0: unrolled */
  int vector;           /* elements a clock of kernels; 0: unrolled */
  int sequences;        /* in flight: sequences of the streaming machine, interleave of the unrolled one */
  int word_bits;        /* of the weight stream; 0: none */
  int64_t step_cycles;  /* clocks of a step (one token of every sequence) with an ideal stream; unrolled:
                           `sequences`, since it takes a token a clock */
  int64_t busy_cycles;  /* of them, clocks in which all lanes have a weight */
  int64_t latency;      /* clocks from a token's arrival to its result */
  int64_t weight_bytes; /* read from external memory in a step */
  int64_t image_bytes;  /* of the weights in external memory */
  int64_t state_bytes;  /* on chip, all sequences */
  int64_t activation_bytes; /* on chip, all sequences */
  int64_t weights;          /* ternary weights used in a step */
  int64_t parameters;       /* of the model */
};

/* ---- filling it ---------------------------------------------------------------------------------------- */

struct inventory *inventory_new(struct arena *a, enum inv_machine machine, const char *model,
                                const char *top);
struct inv_unit *inv_unit(struct inventory *v, enum inv_kind kind, const char *name, const char *path,
                          const char *module, const char *what);
void inv_stream(struct inventory *v, const struct inv_unit *from, const struct inv_unit *to, const char *name,
                int bits, int64_t words, bool handshake);

/* Parts of no bits or of count 0 are left out, so that fillers need not ask. */
void inv_put(struct inv_unit *u, struct inv_part part);
void inv_add(struct inv_unit *u, int64_t count, int bits, int both_bits, unsigned flags);
void inv_add_if(struct inv_unit *u, int64_t count, int bits, int operands);
void inv_invert(struct inv_unit *u, int64_t count, int bits);
void inv_add_sub(struct inv_unit *u, int64_t count, int bits);
void inv_less(struct inv_unit *u, int64_t count, int bits, unsigned flags);
void inv_equal(struct inv_unit *u, int64_t count, int bits, unsigned flags);
void inv_clamp(struct inv_unit *u, int64_t count, int to_bits, int from_bits);
void inv_mul(struct inv_unit *u, int64_t count, int a, int b, int register_bits);
void inv_reg(struct inv_unit *u, int64_t count, int bits, unsigned flags);
void inv_delay(struct inv_unit *u, int64_t count, int bits, int stages, unsigned flags);
void inv_mux(struct inv_unit *u, int64_t count, int bits, int inputs);
void inv_case(struct inv_unit *u, int64_t count, int bits, int inputs);
void inv_pick(struct inv_unit *u, int64_t count, int bits, int inputs);
void inv_shift(struct inv_unit *u, int64_t count, int bits, int amount_bits);
void inv_logic(struct inv_unit *u, int64_t gates, int inputs);
void inv_ram(struct inv_unit *u, int64_t count, int64_t depth, int lane_bits, int lanes, int reads,
             unsigned flags);
void inv_rom(struct inv_unit *u, int64_t count, int64_t depth, int bits, int reads, unsigned flags);
/* A ROM whose contents are known; beyond its depth it has its last word again. Columns that are constant or
 * as another are not there. */
void inv_table(struct inv_unit *u, int64_t count, const int64_t *value, int64_t depth, int bits,
               unsigned flags);
/* `count` instances of a library module; then pairs (const char *name, int value), and NULL. Parameters left
 * out have the module's defaults. */
void inv_library(struct inv_unit *u, int64_t count, const char *module, ...) __attribute__((sentinel));

#endif
