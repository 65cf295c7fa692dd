/* emit_verilog.c: `--emit verilog`: the project of the machine that the model becomes. */
#include "driver/accelerator.h"
#include "driver/backend.h"

#include "support/escape.h"

bool emit_verilog(struct build *b, const char *path) {
  struct job *j = &b->job;
  const struct machine *machine = machine_for(j, &b->hardware);
  struct accelerator h = {.machine = machine};
  b->use = arena_printf(&j->arena, "run its test bench: make -C %s", shell_word(&j->arena, path));
  return machine && machine->plan(j, &b->hardware.options, &h) && machine->write(j, &h, path);
}
