/* activity.c: reads toggle counts.
 *
 * A line of coverage.dat is C 'KEYS' COUNT; keys are pairs \1 NAME \2 VALUE: `page` is "v_toggle/MODULE", `o`
 * the signal's bit, `h` its scope. Ports count in every scope that they pass: a mean over bits is not hurt by
 * it. Bits of memories (two indices) are left out, they have an energy of their own. */
#include "backends/hardware/report/activity.h"
#include "backends/hardware/report/synth.h"

#include "support/file.h"
#include <string.h>

struct point {
  char module[256], signal[256], scope[1024];
  long long count;
};

/* The value of a key, cut to its room; "" if it is not there. */
static bool value_of(const char *keys, const char *end, const char *name, char *out, size_t room) {
  size_t n = strlen(name), length = 0;
  *out = '\0';
  for (const char *p = keys; p < end; p++)
    if (*p == '\1' && strncmp(p + 1, name, n) == 0 && p[1 + n] == '\2') {
      p += n + 2;
      while (p + length < end && p[length] != '\1' && length + 1 < room)
        length++;
      memcpy(out, p, length);
      out[length] = '\0';
      return true;
    }
  return false;
}

static bool read_point(const char *line, struct point *p) {
  size_t n = strcspn(line, "\n");
  const char *end = line + n;
  while (end > line && *end != '\'')
    end--;
  if (strncmp(line, "C '", 3) != 0 || end < line + 3 || sscanf(end + 1, "%lld", &p->count) != 1)
    return false;
  char page[300];
  if (!value_of(line + 3, end, "page", page, sizeof page) || strncmp(page, "v_toggle/", 9) != 0)
    return false;
  snprintf(p->module, sizeof p->module, "%.255s", page + 9);
  value_of(line + 3, end, "o", p->signal, sizeof p->signal);
  value_of(line + 3, end, "h", p->scope, sizeof p->scope);
  return true;
}

static const char *next_line(const char *line) {
  line += strcspn(line, "\n");
  return line + (*line == '\n');
}

static bool is_memory(const char *signal) {
  const char *index = strchr(signal, '[');
  return index && strchr(index + 1, '[');
}

static bool is_clock(const char *signal) {
  return strcmp(signal, "clk") == 0 || strcmp(signal, "aclk") == 0;
}

/* Where the design's top module is in the test bench. */
static bool find_top(const struct hw_report *r, const char *text, char *scope, size_t room, double *clocks) {
  struct point p;
  bool found = false;
  for (const char *line = text; *line; line = next_line(line))
    if (read_point(line, &p) && strcmp(p.module, r->design->top) == 0) {
      snprintf(scope, room, "%s", p.scope);
      found = true;
      if (is_clock(p.signal))
        *clocks = (double)p.count / 2;
    }
  return found;
}

bool activity_parse(struct diag *d, struct hw_report *r, const char *name, const char *text) {
  char top[1024];
  double clocks = 0;
  int n = r->units.n;
  double *toggles = arena_array(r->arena, double, n), *bits = arena_array(r->arena, double, n);
  struct point p;
  if (!find_top(r, text, top, sizeof top, &clocks) || clocks <= 0) {
    diag_error(d,
               "%s: has no toggles of the module '%s' and its clock; it must come from a simulation of this "
               "project built "
               "with --coverage-toggle",
               name, r->design->top);
    return false;
  }
  size_t length = strlen(top);
  for (const char *line = text; *line; line = next_line(line)) {
    if (!read_point(line, &p) || strncmp(p.scope, top, length) != 0 || is_memory(p.signal) ||
        is_clock(p.signal) || (p.scope[length] && p.scope[length] != '.'))
      continue;
    const char *below = p.scope[length] ? p.scope + length + 1 : "";
    const struct inv_unit *u = synth_unit_of(r->design, arena_printf(r->arena, "%s.%s", below, p.signal));
    if (u) {
      toggles[u->id] += (double)p.count;
      bits[u->id] += 1;
    }
  }
  for (int i = 0; i < n; i++)
    r->units.at[i].activity = bits[i] > 0 ? toggles[i] / bits[i] / clocks : 0;
  return true;
}

bool activity_read(struct diag *d, struct hw_report *r, const char *path) {
  size_t n;
  char *text = file_read(d, r->arena, path, (size_t)1 << 32, &n);
  return text && activity_parse(d, r, path, text);
}
