/* report_json.c: the report for programs. Keys are stable; a figure that was not come by is null. */
#include "backends/hardware/report/hw_report.h"
#include "backends/hardware/report/published.h"

#include <jansson.h>

static const char *const resource_keys[RESOURCES] = {"lut", "ff", "block_ram", "large_ram", "dsp", "cell"};

const char *inv_kind_name(enum inv_kind kind) {
  static const char *const names[INV_KINDS] = {"kernel",  "sum",    "layer",   "buffer", "state",
                                               "weights", "reader", "control", "top-k"};
  return names[kind];
}

static json_t *resources(const struct resources *x) {
  json_t *o = json_object();
  for (int i = 0; i < RESOURCES; i++)
    json_object_set_new(o, resource_keys[i], json_real(x->of[i]));
  return o;
}

static json_t *counted(const struct unit_report *u) {
  return u->has_synthesised ? resources(&u->synthesised) : json_null();
}

static json_t *device(const struct device *d) {
  json_t *has = json_object();
  for (int i = 0; i < RESOURCES; i++)
    json_object_set_new(has, resource_keys[i], json_integer(d->has[i]));
  return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:f, s:s}", "name", d->name, "family", d->family->name,
                   "title", d->family->title, "board", d->board, "has", has, "memory", d->memory->title,
                   "memory_gbytes", d->gbytes, "source", d->source);
}

static json_t *unit(const struct hw_report *r, int i) {
  const struct inv_unit *u = r->design->units.at[i];
  const struct unit_report *x = &r->units.at[i];
  json_t *o =
      json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", u->name, "path", u->path, "module", u->module,
                "kind", inv_kind_name(u->kind), "model", resources(&x->model), "synthesised", counted(x));
  json_object_set_new(o, "runs", json_integer(u->runs));
  json_object_set_new(o, "cycles", json_integer(u->cycles));
  json_object_set_new(o, "busy_cycles", json_integer(u->busy));
  json_object_set_new(o, "weight_bytes", json_integer(u->weight_bytes));
  json_object_set_new(o, "activity", x->activity >= 0 ? json_real(x->activity) : json_null());
  return o;
}

static json_t *streams(const struct inventory *v) {
  json_t *all = json_array();
  for (int i = 0; i < v->streams.n; i++) {
    const struct inv_stream *s = &v->streams.at[i];
    const char *from = s->from < 0 ? "" : v->units.at[s->from]->name;
    const char *to = s->to < 0 ? "" : v->units.at[s->to]->name;
    json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:i, s:I}", "name", s->name, "from", from, "to", to,
                                         "bits", s->bits, "words", (json_int_t)s->words));
  }
  return all;
}

static json_t *clocks(const struct hw_report *r) {
  const struct inventory *v = r->design;
  json_t *o = json_pack("{s:s, s:i, s:i, s:i}", "label", label_name(LABEL_SCHEDULE), "sequences",
                        v->sequences, "lanes", v->lanes, "vector", v->vector);
  json_object_set_new(o, "step", json_integer(v->step_cycles));
  json_object_set_new(o, "busy", json_integer(v->busy_cycles));
  json_object_set_new(o, "latency", json_integer(v->latency));
  json_object_set_new(o, "simulated_step",
                      r->simulated_cycles ? json_integer(r->simulated_cycles) : json_null());
  return o;
}

static json_t *timing(const struct timing *t) {
  if (t->label == LABEL_NONE)
    return json_null();
  json_t *path = json_array();
  for (int i = 0; i < t->path.n; i++) {
    const struct path_step *s = &t->path.at[i];
    json_array_append_new(path, json_pack("{s:s, s:s, s:f, s:f, s:i}", "unit", s->unit ? s->unit->name : "",
                                          "signal", s->signal, "logic_ns", s->logic_ns, "routing_ns",
                                          s->routing_ns, "cells", s->cells));
  }
  return json_pack("{s:s, s:f, s:f, s:o, s:o, s:b}", "label", label_name(t->label), "mhz", t->mhz,
                   "critical_ns", t->critical_ns, "critical_path", path, "placed", resources(&t->placed),
                   "harness", t->harness);
}

static json_t *rates(const struct rates *x) {
  return json_pack("{s:s, s:f, s:s, s:f, s:f, s:f, s:f, s:f, s:b}", "label", label_name(x->label),
                   "clock_mhz", x->clock_mhz, "clock_from",
                   x->placed_clock ? label_name(LABEL_PLACED) : "target", "tokens_per_s", x->tokens,
                   "tokens_per_s_per_sequence", x->sequence_tokens, "latency_s", x->latency_seconds,
                   "memory_gbytes_needed", x->gbytes_needed, "memory_gbytes_used", x->gbytes_used,
                   "memory_bound", (int)x->memory_bound);
}

static json_t *range(const struct range3 *e) {
  return json_pack("[f,f,f]", e->low, e->nominal, e->high);
}

static json_t *energy(const struct hw_report *r) {
  const struct energy *e = &r->energy;
  json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "label", label_name(LABEL_ESTIMATE), "toggles",
                        e->simulated ? label_name(LABEL_SIMULATED) : "assumed", "logic_j", range(&e->logic),
                        "ram_j", range(&e->ram), "products_j", range(&e->products), "external_memory_j",
                        range(&e->memory), "total_j", range(&e->total));
  if (e->total.low > 0)
    json_object_set_new(o, "tokens_per_j_dynamic",
                        json_pack("[f,f,f]", 1 / e->total.high, 1 / e->total.nominal, 1 / e->total.low));
  json_object_set_new(o, "static_j", e->static_joules > 0 ? json_real(e->static_joules) : json_null());
  return o;
}

static json_t *memory(const struct inventory *v) {
  json_t *o = json_object();
  json_object_set_new(o, "weight_bytes_step", json_integer(v->weight_bytes));
  json_object_set_new(o, "image_bytes", json_integer(v->image_bytes));
  json_object_set_new(o, "state_bytes", json_integer(v->state_bytes));
  json_object_set_new(o, "activation_bytes", json_integer(v->activation_bytes));
  return o;
}

/* What others published, to be held beside `rates` and `energy`. */
static json_t *others(void) {
  json_t *all = json_array();
  for (int i = 0; i < n_published; i++) {
    const struct published *p = &published[i];
    json_t *o = json_pack("{s:s, s:s, s:s, s:f, s:f}", "system", p->system, "device", p->device, "model",
                          p->model, "parameters", p->parameters, "tokens_per_s", p->tokens);
    json_object_set_new(o, "watts", p->watts > 0 ? json_real(p->watts) : json_null());
    json_object_set_new(o, "tokens_per_j", p->watts > 0 ? json_real(p->tokens / p->watts) : json_null());
    json_object_set_new(o, "how", json_string(p->how));
    json_object_set_new(o, "source", json_string(p->source));
    json_array_append_new(all, o);
  }
  return all;
}

void report_json(const struct hw_report *r, FILE *out) {
  const struct inventory *v = r->design;
  json_t *units = json_array(), *remarks = json_array();
  for (int i = 0; i < r->units.n; i++)
    json_array_append_new(units, unit(r, i));
  for (int i = 0; i < r->remarks.n; i++)
    json_array_append_new(remarks, json_string(r->remarks.at[i]));
  json_t *total =
      json_pack("{s:o, s:o}", "model", resources(&r->total.model), "synthesised", counted(&r->total));
  json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:o}", "version", 1, "model", v->model, "top",
                           v->top, "machine", v->machine == INV_UNROLLED ? "unrolled" : "streaming", "device",
                           device(r->device), "units", units, "total", total);
  json_object_set_new(root, "streams", streams(v));
  json_object_set_new(root, "clocks", clocks(r));
  json_object_set_new(root, "timing", timing(&r->timing));
  json_object_set_new(root, "rates", rates(&r->rates));
  json_object_set_new(root, "memory", memory(v));
  json_object_set_new(root, "energy", energy(r));
  json_object_set_new(root, "published", others());
  json_object_set_new(root, "remarks", remarks);
  json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  fputc('\n', out);
  json_decref(root);
}
