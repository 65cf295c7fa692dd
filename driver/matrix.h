/* matrix.h: ternary matrices as text.
 *
 * The first line has the numbers of rows and columns; each further line a row: entries -1, 0 or 1 with blanks
 * between. Empty lines at the end are allowed. */
#ifndef TERN_DRIVER_MATRIX_H
#define TERN_DRIVER_MATRIX_H

#include "support/diag.h"

/* [rows][columns] in the arena; rows and columns 1 .. most. NULL after a diagnostic with line and column. */
int8_t *matrix_read(struct diag *d, struct arena *a, const char *path, int most, int *rows, int *columns);

#endif
