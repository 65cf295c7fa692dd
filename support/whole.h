/* whole.h: real numbers as integers. C leaves undefined what a double becomes that the integer type does not
 * hold, infinities and NaN among them: one machine traps, others give other bits. Nobody else casts a double
 * whose range is not known. */
#ifndef TERN_SUPPORT_WHOLE_H
#define TERN_SUPPORT_WHOLE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* The number without its fraction, within least .. most; 0, or what is next to it there, for NaN. */
static inline int64_t whole_within(double x, int64_t least, int64_t most) {
  int64_t n = !(x == x) ? 0 : x < -0x1p63 ? INT64_MIN : x >= 0x1p63 ? INT64_MAX : (int64_t)x;
  return n < least ? least : n > most ? most : n;
}

/* Whether x is a whole number in least .. most; *n is that, and else untouched. */
static inline bool whole_number(double x, int64_t least, int64_t most, int64_t *n) {
  if (!(x >= -0x1p63 && x < 0x1p63) || x != floor(x) || (int64_t)x < least || (int64_t)x > most)
    return false;
  *n = (int64_t)x;
  return true;
}

#endif
