/* fitting.h: which streaming machines for a model fit a device, of all widths that it can have. */
#ifndef TERN_DRIVER_FITTING_H
#define TERN_DRIVER_FITTING_H

#include "backends/hardware/report/hw_report.h"
#include "backends/hardware/streaming/streaming.h"

/* For a report on a streaming machine that does not fit: says by notes which of its narrower machines, by
 * --hw-lanes and --hw-vector, is the fastest that fits the device by the resource model; if none does, how
 * far the smallest is from it, and the smallest device of the table that takes it. Takes milliseconds a
 * machine. */
void fitting_print(struct diag *d, const struct hw_design *design, const struct hw_report *r);

#endif
