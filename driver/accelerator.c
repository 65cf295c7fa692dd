/* accelerator.c: the rows of machines.def, and which of them a model becomes. */
#include "driver/accelerator.h"

#include <string.h>

const struct machine machines[] = {
#define MACHINE(function, text, ...)                                                                         \
  {.name = text,                                                                                             \
   .given = given_##function,                                                                                \
   .plan = plan_##function,                                                                                  \
   .write = write_##function,                                                                                \
   .simulate = simulate_##function,                                                                          \
   __VA_ARGS__},
#include "driver/machines.def"
};
const int machine_count = sizeof machines / sizeof *machines;

const struct machine *machine_find(const char *name) {
  for (int i = 0; i < machine_count; i++)
    if (strcmp(machines[i].name, name) == 0)
      return &machines[i];
  return NULL;
}

bool any_model(const struct job *j) {
  (void)j;
  return true;
}

static void tell_ignored(struct job *j, const struct hardware *o, const struct machine *machine) {
  for (int i = 0; i < machine_count; i++) {
    const char *option = &machines[i] == machine ? NULL : machines[i].given(&o->options);
    if (option)
      diag_note(&j->diag, "%s is for the %s machine, and this model gets the %s one: it is ignored", option,
                machines[i].name, machine->name);
  }
}

static const struct machine *choose(struct job *j) {
  const struct machine *machine = NULL;
  if (!job_load(j))
    return NULL;
  for (int i = 0; i < machine_count; i++)
    machine = machines[i].suits(j) ? &machines[i] : machine;
  return machine;
}

const struct machine *machine_for(struct job *j, const struct hardware *o) {
  const struct machine *machine = o->machine ? o->machine : choose(j);
  if (machine)
    tell_ignored(j, o, machine);
  return machine;
}
