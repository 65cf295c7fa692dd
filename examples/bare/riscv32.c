/* riscv32.c: start-up of a RISC-V, and what main.c asks for on the machine `virt` of qemu. */
#include "chip.h"

extern uint32_t bss_begin[], bss_end[];
int main(void);

void chip_print(const char *text) {
  volatile uint8_t *const uart = (volatile uint8_t *)0x10000000;
  while (*text)
    *uart = (uint8_t)*text++;
}

void chip_stop(void) {
  *(volatile uint32_t *)0x00100000 = 0x5555; /* the test device: passed */
  for (;;)
    ;
}

uint64_t chip_instructions(void) {
  uint32_t high, low, again;
  do
    __asm__ volatile(".option push\n\t.option arch, +zicsr\n\tcsrr %0, minstreth\n\tcsrr %1, "
                     "minstret\n\tcsrr %2, minstreth\n\t.option pop"
                     : "=r"(high), "=r"(low), "=r"(again));
  while (high != again);
  return (uint64_t)high << 32 | low;
}

__attribute__((used)) static void begin(void) {
  for (uint32_t *to = bss_begin; to < bss_end;)
    *to++ = 0;
  main();
  chip_stop();
}

__attribute__((section(".start"), naked, used)) void start(void) {
  __asm__ volatile("la sp, stack_top\n\tj begin");
}
