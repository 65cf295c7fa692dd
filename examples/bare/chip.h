/* chip.h: what main.c asks of a chip: a file for each kind has it (cortex-m.c, riscv32.c). */
#ifndef CHIP_H
#define CHIP_H

#include <stdint.h>

/* Prints a text, ended by a zero. */
void chip_print(const char *text);
/* Instructions executed so far, as qemu counts them with -icount shift=0; the difference of two is exact to
 * 40 on a Cortex-M, to 1 on a RISC-V. */
uint64_t chip_instructions(void);
/* Ends the simulation; does not return. */
void chip_stop(void);

#endif
