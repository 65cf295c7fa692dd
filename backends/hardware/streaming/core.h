/* core.h: the parts of NAME__core, the machine around the kernels. Each is printed by a file of its own, as
 * declarations and instances of one module: they know each other by the wires' names. */
#ifndef TERN_BACKENDS_HARDWARE_STREAMING_CORE_H
#define TERN_BACKENDS_HARDWARE_STREAMING_CORE_H

#include "backends/hardware/streaming/printer.h"

/* ---- print_core.c: what several parts ask of a design ---- */
bool any_sums(const struct hw_design *h);    /* it has a sum engine */
int reads_of(const struct hw_buffer *b);     /* read ports, 1 or more */
int64_t depth_of(const struct hw_buffer *b); /* words of its memory, 2 or more */

/* print_memories.c: a buffer's memory, and who writes and reads it. */
void print_memory(struct hw_printer *p, const struct hw_buffer *b);

/* ---- print_sums.c ---- */
void declare_sums(struct hw_printer *p);     /* what the running sum is, and where its results go */
void print_engine(struct hw_printer *p);     /* the engine with its codes; after the memories */
void print_sum_logits(struct hw_printer *p); /* the results that are logits */

/* ---- print_sequencer.c ---- */
void print_sequencer(struct hw_printer *p);   /* which unit runs, and for which sequence */
void print_next_tokens(struct hw_printer *p); /* those of the sequences, which are taken between steps */

/* print_results.c: from the units' logits to the streams that leave the machine. */
void print_results(struct hw_printer *p);

/* ---- print_states.c ---- */
void print_clearing(struct hw_printer *p);
void print_window(struct hw_printer *p);      /* which element is meant */
void print_window_data(struct hw_printer *p); /* what is read of it; after the memories */

#endif
