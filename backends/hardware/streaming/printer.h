/* printer.h: what the files that print Verilog share. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_PRINTER_H
#define TERN_BACKENDS_HARDWARE_STREAMING_PRINTER_H

#include "backends/hardware/rtl/verilog_text.h"
#include "backends/hardware/streaming/design.h"

/* A port of a lane's module, and what it is connected to outside, where `lane` is the lane's number. */
struct lane_port {
  const char *name, *connection;
  int width;
  bool out, truth; /* truth: one bit, not signed */
};
struct lane_ports {
  VEC(struct lane_port) list;
};

struct hw_printer {
  struct arena *a;
  FILE *out;
  const struct hw_design *h;
  const struct hw_unit *u;
  const struct hw_phase *p;
  int indent;
  struct lane_ports *lane; /* of the lane's module that is being printed, or NULL */
};

void v_line(const struct hw_printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void v_blank(const struct hw_printer *p);
/* A comment over lines of at most 118 characters. */
void v_comment(const struct hw_printer *p, const char *text);

/* ---- operands.c: operands and indices as text ---- */

/* A value at some clock: a name, or bits `low` .. `low + width - 1` of one. Constants have no name. */
struct operand {
  const char *name;
  int low, width;
  bool part;  /* only these bits of the name */
  bool truth; /* one bit, not signed */
  int64_t value;
};

bool is_truth(const struct hw_node *n);
int node_width(const struct hw_node *n);
const char *node_name(struct arena *a, const struct hw_unit *u, const struct hw_node *n);
/* The node's value `time` clocks after issue, seen from within a lane or not. */
struct operand operand_at(const struct hw_printer *p, const struct hw_node *n, int time);
const char *operand_text(struct arena *a, struct operand o);
/* In a lane's module: the port of that name, which is made at its first use; elsewhere the connection. */
const char *from_outside(const struct hw_printer *p, const char *name, int width, bool truth,
                         const char *connection);
const char *to_outside(const struct hw_printer *p, const char *name, int width, const char *connection);
/* Sign-extended to a width, which is not smaller. */
const char *operand_wide(struct arena *a, struct operand o, int width);

/* An index with the phase's counters in place of loop variables; of the vector loop, the first of its lanes.
 */
struct index *index_in_phase(const struct hw_printer *p, const struct index *x);
/* As an expression of that many bits; `lane`: text of the lane's number to be added to the vector loop's
 * variable, or NULL. */
const char *hw_index_text(const struct hw_printer *p, const struct index *x, int width, const char *lane);
/* `wire [width-1:0] name = index;`, computed in as many bits as its parts need. x as index_in_phase gives it.
 */
void index_wire(const struct hw_printer *p, const char *name, const struct index *x, int width,
                const char *lane);

/* ---- print_phase.c ---- */
void print_phase(struct hw_printer *p, const struct hw_phase *phase);
/* The module of a lane of the phase; false: it has none. */
bool phase_has_lanes(const struct hw_phase *p);
void print_lane(struct hw_printer *p, const struct hw_unit *u, const struct hw_phase *phase);
const char *lane_module(struct arena *a, const struct hw_unit *u, const struct hw_phase *p);
const char *store_name(struct arena *a, const struct hw_phase *p, const struct hw_store *s);
int phase_stages(const struct hw_phase *p);

void declare_shared_units(struct hw_printer *p);
void print_shared_units(struct hw_printer *p);

/* ---- print_kernel.c: one module ---- */
void hw_print_kernel(struct hw_printer *p, const struct hw_unit *u);
int unit_ports(const struct hw_unit *u, const struct hw_buffer *b); /* read ports that it uses */
bool unit_streams(const struct hw_unit *u);
bool unit_token(const struct hw_unit *u);

/* ---- print_core.c, print_fetch.c, print_top.c: the machine around the kernels ---- */
int sequence_bits(const struct hw_design *h);
int code_address_bits(const struct hw_design *h);
void print_core(struct hw_printer *p);
void print_program(struct hw_printer *p);
void print_fetch(struct hw_printer *p);
void print_top(struct hw_printer *p);
enum { READER_DEPTH = 512, READER_BURST = 64 };
uint32_t design_layout(const struct hw_design *h);    /* of model and manifest: software compares it */
int64_t most_elements_out(const struct hw_design *h); /* of a sum's place */
int64_t state_elements(const struct hw_design *h);    /* words of the state window for a sequence */

#endif
