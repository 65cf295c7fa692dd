/* main.c: the entry of a built program. The object that ternc generates beside this library says which model
 * it is. */
#include "runtime/command/program.h"

extern const struct tern_model *const tern_program_model;

int main(int argc, char **argv) {
  return tern_main(tern_program_model, argc, argv, 0);
}
