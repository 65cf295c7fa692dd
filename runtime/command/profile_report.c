/* profile_report.c: a profile as tables, or as JSON. */
#include "runtime/core/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/command/report.h"
#include "runtime/text/json.h"

/* A kernel, or all of one entry that come from one line. */
struct profile_row {
  const struct tern_kernel_info *info;
  struct profile_spent spent;
  uint64_t bytes; /* of weights, by all calls */
};

struct report {
  const struct profile *profile;
  FILE *out;
  double seconds; /* of all calls */
  struct profile_row *rows;
  size_t n;
};

static const char *entry_name(const struct report *r, uint32_t entry) {
  return r->profile->model->entries[entry].name;
}

static int by_time(const void *a, const void *b) {
  const struct profile_row *x = a, *y = b;
  int order = (x->spent.seconds < y->spent.seconds) - (x->spent.seconds > y->spent.seconds);
  return order ? order : (x->info > y->info) - (x->info < y->info);
}

static void sort(struct report *r) {
  if (r->n)
    qsort(r->rows, r->n, sizeof *r->rows, by_time);
}

/* The kernels that ran. */
static bool collect(struct report *r, struct failure *f) {
  const struct tern_model *m = r->profile->model;
  r->rows = calloc(m->n_kernels, sizeof *r->rows);
  for (uint32_t i = 0; r->rows && i < m->n_kernels; i++) {
    struct profile_spent spent = profile_of(r->profile, i);
    if (spent.calls)
      r->rows[r->n++] = (struct profile_row){&m->kernels[i], spent, spent.calls * m->kernels[i].weight_bytes};
  }
  for (uint32_t i = 0; i < m->n_entries; i++)
    r->seconds += r->profile->entries[i].seconds;
  sort(r);
  return r->rows || fail_memory(f, m->n_kernels * sizeof *r->rows, "the profile's table");
}

static bool same_line(const struct tern_kernel_info *a, const struct tern_kernel_info *b) {
  return a->line == b->line && a->entry == b->entry && strcmp(a->file, b->file) == 0;
}

/* Adds up the rows of each line. */
static void merge_lines(struct report *r) {
  size_t n = 0;
  for (size_t i = 0; i < r->n; i++) {
    struct profile_row row = r->rows[i];
    size_t at = 0;
    while (at < n && !same_line(r->rows[at].info, row.info))
      at++;
    if (at == n) {
      r->rows[n++] = row;
      continue;
    }
    r->rows[at].spent.calls += row.spent.calls;
    r->rows[at].spent.seconds += row.spent.seconds;
    r->rows[at].spent.slowest += row.spent.slowest;
    r->rows[at].bytes += row.bytes;
  }
  r->n = n;
  sort(r);
}

static double share(const struct report *r, double seconds) {
  return r->seconds > 0 ? seconds / r->seconds : 0;
}

static double gigabytes_a_second(const struct profile_row *row) {
  return row->spent.slowest > 0 ? (double)row->bytes / row->spent.slowest * 1e-9 : 0;
}

/* Of thread 0, in calls of an entry but not in its kernels. */
static double waiting(const struct profile *p, uint32_t entry) {
  double seconds = p->entries[entry].seconds;
  for (uint32_t i = 0; i < p->model->n_kernels; i++)
    if (p->model->kernels[i].entry == entry)
      seconds -= profile_of(p, i).seconds;
  return seconds > 0 ? seconds : 0;
}

/* ---- text ---- */

static void print_place(FILE *out, const struct tern_kernel_info *k) {
  if (k->line)
    fprintf(out, "  %s:%u", k->file, k->line);
  fputc('\n', out);
}

static void print_kernels(const struct report *r) {
  fprintf(r->out, " share    ms/call    slowest      calls  bytes/call    GB/s  form     kernel\n");
  for (size_t i = 0; i < r->n; i++) {
    const struct profile_row *row = &r->rows[i];
    double calls = (double)row->spent.calls;
    fprintf(r->out, "%5.1f%% %10.4f %10.4f %10" PRIu64 " %11" PRIu64 " %7.2f  %-7s  %s",
            100 * share(r, row->spent.seconds), 1e3 * row->spent.seconds / calls,
            1e3 * row->spent.slowest / calls, row->spent.calls, row->info->weight_bytes,
            gigabytes_a_second(row), entry_name(r, row->info->entry), row->info->name);
    print_place(r->out, row->info);
  }
}

static void print_lines(const struct report *r) {
  fprintf(r->out, "\n share   ms/token    slowest             bytes/token    GB/s  form     line\n");
  for (size_t i = 0; i < r->n; i++) {
    const struct profile_row *row = &r->rows[i];
    double tokens = (double)r->profile->entries[row->info->entry].tokens;
    fprintf(r->out, "%5.1f%% %10.4f %10.4f %23.0f %7.2f  %-7s", 100 * share(r, row->spent.seconds),
            1e3 * row->spent.seconds / tokens, 1e3 * row->spent.slowest / tokens, (double)row->bytes / tokens,
            gigabytes_a_second(row), entry_name(r, row->info->entry));
    if (!row->info->line)
      fprintf(r->out, "  (none)");
    print_place(r->out, row->info);
  }
}

static void print_waiting(const struct report *r) {
  fputc('\n', r->out);
  for (uint32_t i = 0; i < r->profile->model->n_entries; i++) {
    const struct profile_entry *e = &r->profile->entries[i];
    double wait = waiting(r->profile, i);
    if (e->calls)
      fprintf(r->out,
              "%5.1f%% %10.4f ms/token between kernels (barriers, waiting) of %.4f in %s: %" PRIu64
              " tokens in %" PRIu64 " calls, %u threads\n",
              100 * share(r, wait), 1e3 * wait / (double)e->tokens, 1e3 * e->seconds / (double)e->tokens,
              entry_name(r, i), e->tokens, e->calls, r->profile->threads);
  }
}

/* ---- JSON ---- */

static void print_rows_json(const struct report *r, const char *key, bool names) {
  fprintf(r->out, "\"%s\": [", key);
  for (size_t i = 0; i < r->n; i++) {
    const struct profile_row *row = &r->rows[i];
    fprintf(r->out, "%s{", i ? ", " : "");
    if (names) {
      fprintf(r->out, "\"kernel\": ");
      print_json_text(r->out, row->info->name);
      fprintf(r->out, ", ");
    }
    fprintf(r->out, "\"file\": ");
    print_json_text(r->out, row->info->file);
    fprintf(r->out,
            ", \"line\": %u, \"form\": \"%s\", \"calls\": %" PRIu64
            ", \"share\": %.6f, \"ms\": %.6f, \"slowest_ms\": %.6f, \"weight_bytes\": %" PRIu64
            ", \"gb_per_s\": %.3f}",
            row->info->line, entry_name(r, row->info->entry), row->spent.calls, share(r, row->spent.seconds),
            1e3 * row->spent.seconds, 1e3 * row->spent.slowest, row->bytes, gigabytes_a_second(row));
  }
  fprintf(r->out, "], ");
}

static void print_forms_json(const struct report *r) {
  const char *before = "";
  fprintf(r->out, "\"forms\": [");
  for (uint32_t i = 0; i < r->profile->model->n_entries; i++) {
    const struct profile_entry *e = &r->profile->entries[i];
    double wait = waiting(r->profile, i);
    if (!e->calls)
      continue;
    fprintf(r->out,
            "%s{\"form\": \"%s\", \"calls\": %" PRIu64 ", \"tokens\": %" PRIu64
            ", \"ms\": %.6f, \"waiting_ms\": %.6f, \"waiting_share\": %.6f}",
            before, entry_name(r, i), e->calls, e->tokens, 1e3 * e->seconds, 1e3 * wait, share(r, wait));
    before = ", ";
  }
  fprintf(r->out, "]}");
}

bool profile_print(const struct profile *p, FILE *out, bool json, struct failure *f) {
  struct report r = {.profile = p, .out = out};
  if (!collect(&r, f))
    return false;
  if (json) {
    fprintf(out, "{\"threads\": %u, ", p->threads);
    print_rows_json(&r, "kernels", true);
    merge_lines(&r);
    print_rows_json(&r, "lines", false);
    print_forms_json(&r);
  } else {
    print_kernels(&r);
    merge_lines(&r);
    print_lines(&r);
    print_waiting(&r);
  }
  free(r.rows);
  return true;
}
