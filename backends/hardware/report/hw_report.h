/* hw_report.h: what `ternc synth` knows of a design on a device, and its three renderings.
 *
 * Every figure has a label that says how it was come by; renderers print it beside the figure. */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_HW_REPORT_H
#define TERN_BACKENDS_HARDWARE_REPORT_HW_REPORT_H

#include "backends/hardware/inventory.h"
#include "backends/hardware/report/device.h"

enum label {
  LABEL_NONE,        /* there is no figure */
  LABEL_MODEL,       /* Tern's resource model: an estimate of what Yosys will count */
  LABEL_SYNTHESISED, /* counted by Yosys, before placement */
  LABEL_PLACED,      /* by nextpnr, after placement and routing */
  LABEL_SIMULATED,   /* counted in simulation */
  LABEL_SCHEDULE,    /* follows from the compiler's schedule; simulation counts the same */
  LABEL_PROJECTED,   /* computed from figures above for a clock or a memory that was not measured */
  LABEL_ESTIMATE,    /* computed from a table of typical energies */
  LABELS
};
const char *label_name(enum label l);

struct unit_report {
  struct resources model, synthesised; /* of all instances */
  bool has_synthesised;
  double activity; /* toggles a bit and clock in simulation; < 0: not simulated */
};

/* A step of the critical path, joined from the tool's cells: what one unit adds to it. */
struct path_step {
  const struct inv_unit *unit; /* NULL: outside of all units */
  const char *signal;          /* the last signal in it, as the Verilog names it */
  double logic_ns, routing_ns;
  int cells;
};

struct timing {
  enum label label; /* LABEL_PLACED, or LABEL_NONE */
  double mhz;       /* highest clock */
  VEC(struct path_step) path;
  double critical_ns;
  struct resources placed; /* as placed */
  bool harness;            /* pins were folded into shift registers to fit the package */
};

/* At the clock of `rates`. */
struct rates {
  enum label label;
  double clock_mhz;
  bool placed_clock;              /* the clock is timing.mhz, else the target */
  double step_seconds;            /* a token of each sequence */
  double tokens, sequence_tokens; /* a second: of all sequences, of one */
  double latency_seconds;
  double gbytes_needed; /* GB/s at which memory never waits */
  bool memory_bound;    /* the device's memory is slower than that */
  double gbytes_used;
};

/* Joules a token. */
struct energy {
  bool simulated; /* activity from simulation, else assumed */
  struct range3 logic, ram, products, memory, total;
  double static_joules; /* a token, at these rates; 0: no figure */
};

struct tool_use {
  const char *name;
  double seconds;
};

struct hw_report {
  struct arena *arena;
  const struct inventory *design;
  const struct device *device;
  VEC(struct unit_report) units;
  struct unit_report total;
  double model_seconds;
  struct timing timing;
  struct rates rates;
  struct energy energy;
  int64_t simulated_cycles; /* a step; 0: not simulated */
  VEC(struct tool_use) tools;
  VEC(const char *) remarks; /* sentences: what was not done and why */
};

/* Units' and total resources by the model; rates and energy from what is there (timing, activities). */
struct hw_report *report_new(struct arena *a, const struct inventory *design, const struct device *device);
void report_rates(struct hw_report *r);

/* Whether nothing exceeds the device; whether nothing does by more than a tenth, which the model may be wrong
 * by. */
bool report_fits(const struct hw_report *r);
bool report_close(const struct hw_report *r);
/* Errors for what exceeds the device, with what would fit; true if nothing does. */
bool report_check(struct diag *d, const struct hw_report *r);

void report_text(const struct hw_report *r, FILE *out);
void report_json(const struct hw_report *r, FILE *out);
/* A page that needs nothing else. */
void report_html(const struct hw_report *r, FILE *out);
/* The drawing of the page: units, streams, widths. */
void report_svg(const struct hw_report *r, FILE *out);

#endif
