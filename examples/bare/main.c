/* main.c: runs a model on a chip. The Makefile says which: MODEL, its name, and MODEL_MACRO, the same in
 * capitals; and TOKENS, the prompt. Goes on for COUNT tokens with the likeliest one each. With LOGITS defined
 * it prints every logit of the prompt's tokens instead, 32 bits in hexadecimal a line. */
#include "chip.h"

#define JOIN(a, b)   a##_##b
#define NAME(a, b)   JOIN(a, b)
#define model(what)  NAME(MODEL, what)       /* mmfree_step */
#define MODEL_(WHAT) NAME(MODEL_MACRO, WHAT) /* MMFREE_VOCAB */

#ifndef COUNT
#define COUNT 16
#endif

static const uint32_t prompt[] = {TOKENS};
enum { PROMPT = sizeof prompt / sizeof *prompt };

static void print_number(uint32_t n, uint32_t base, int width) {
  char text[12], *at = text + sizeof text - 1;
  *at = '\0';
  do {
    *--at = "0123456789abcdef"[n % base];
    n /= base;
    width--;
  } while (n || width > 0);
  chip_print(at);
}

#ifdef LOGITS
static void report(uint32_t token, uint32_t instructions) {
  (void)token, (void)instructions;
  for (uint32_t i = 0; i < MODEL_(VOCAB); i++) {
    union {
      __typeof__(*model(logits)) logit;
      uint32_t bits;
    } u = {model(logits)[i]};
    print_number(u.bits, 16, 8);
    chip_print("\n");
  }
}
#else
static void report(uint32_t token, uint32_t instructions) {
  chip_print("token ");
  print_number(token, 10, 1);
  chip_print(", instructions ");
  print_number(instructions, 10, 1);
  chip_print("\n");
}
#endif

int main(void) {
#ifdef LOGITS
  const uint32_t steps = PROMPT;
#else
  const uint32_t steps = PROMPT + COUNT;
#endif
  uint32_t best = 0;
  model(init)(model(state));
  for (uint32_t i = 0; i < steps; i++) {
    const uint32_t token = i < PROMPT ? prompt[i] : best;
    const uint64_t before = chip_instructions();
    model(step)(model(state), model(scratch), token, model(logits));
    const uint64_t after = chip_instructions();
    best = model(best)(model(logits));
    report(token, (uint32_t)(after - before));
  }
  chip_stop();
  return 0;
}
