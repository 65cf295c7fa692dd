/* cortex-m.c: start-up of a Cortex-M, and what main.c asks for by semihosting, which a debugger or qemu
 * answers. */
#include "chip.h"

extern uint32_t stack_top[], data_begin[], data_end[], data_load[], bss_begin[], bss_end[];
int main(void);

static void semihost(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void chip_print(const char *text) {
  semihost(0x04, text); /* SYS_WRITE0 */
}

void chip_stop(void) {
  semihost(0x18, (const void *)0x20026); /* SYS_EXIT, ADP_Stopped_ApplicationExit */
  for (;;)
    ;
}

/* SysTick counts down from 2^24 - 1; qemu runs it at 25 MHz and gives an instruction a nanosecond. */
enum { TICK = 40, TICKS = 1 << 24 };

uint64_t chip_instructions(void) {
  volatile uint32_t *const systick = (volatile uint32_t *)0xe000e010; /* control, reload, current */
  static uint32_t last;
  static uint64_t ticks;
  if (!(systick[0] & 1)) {
    systick[1] = TICKS - 1;
    systick[2] = 0;
    systick[0] = 5;
    last = systick[2];
  }
  const uint32_t now = systick[2];
  ticks += (last - now) & (TICKS - 1);
  last = now;
  return ticks * TICK;
}

void reset(void);
void reset(void) {
#ifdef __ARM_FP
  *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* the float unit is switched on */
  __asm__ volatile("dsb\n\tisb");
#endif
  for (uint32_t *to = data_begin, *from = data_load; to < data_end;)
    *to++ = *from++;
  for (uint32_t *to = bss_begin; to < bss_end;)
    *to++ = 0;
  main();
  chip_stop();
}

/* The first two words of flash: where the stack begins, and where the processor does. */
__attribute__((section(".vectors"), used)) static const void *const vectors[] = {stack_top,
                                                                                 (const void *)reset};
