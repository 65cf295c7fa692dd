/* command_line.h: what is made of a command's options beside parsing them. The tables are argp's: a misspelt
 * option gets the nearest one that there is, and manual pages and completions are printed from them. */
#ifndef TERN_DRIVER_COMMAND_LINE_H
#define TERN_DRIVER_COMMAND_LINE_H

#include "driver/driver.h"

/* All commands, as `ternc --help` lists them. */
extern const struct command commands[];
extern const int command_count;
const struct command *command_named(const char *name); /* NULL: there is none */

typedef VEC(const struct argp_option *) option_list;

/* The options that a command takes, in the order of its tables; `run` takes those of a built program too.
 * Headings and hidden options are left out. The list is in the arena. */
option_list command_options(const struct command *c, struct arena *a);

/* Whether every long option on a command line is one that the command takes. Otherwise says which is not, and
 * the nearest that there is, on standard error. */
bool options_known(const struct command *c, int argc, char **argv);

#endif
