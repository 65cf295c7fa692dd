/* published.h: published FPGA designs that a report stands beside; published.def has them. */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_PUBLISHED_H
#define TERN_BACKENDS_HARDWARE_REPORT_PUBLISHED_H

struct published {
  const char *system, *device, *model;
  double parameters, tokens, watts; /* watts 0: not published */
  const char *how, *source;
};

extern const struct published published[];
extern const int n_published;

#endif
