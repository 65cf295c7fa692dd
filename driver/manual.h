/* manual.h: manual pages and shell completions, printed from the tables of commands and options. */
#ifndef TERN_DRIVER_MANUAL_H
#define TERN_DRIVER_MANUAL_H

#include "driver/command_line.h"

/* The manual page (section 1) of a command, or of ternc itself where `c` is NULL, in roff's man macros. */
void manual_print(FILE *out, const struct command *c);

/* A file that bash (as bash-completion loads it) or zsh (on its fpath as _ternc) takes. */
void completion_bash(FILE *out);
void completion_zsh(FILE *out);

#endif
