/* info.c: what the program was made from and what it needs, as lines or as JSON. */
#include "runtime/command/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "runtime/core/cpu.h"
#include "runtime/core/entries.h"
#include "runtime/core/files.h"
#include "runtime/core/machine.h"
#include "runtime/core/state.h"
#include "runtime/text/json.h"

struct info_line {
  const char *key;  /* in JSON */
  const char *name; /* in text */
  const char *text; /* NULL: the number */
  uint64_t number;
};

static void print_json(const struct info_line *facts, size_t n) {
  for (size_t i = 0; i < n; i++) {
    printf("%s\"%s\": ", i ? ", " : "{", facts[i].key);
    if (facts[i].text)
      print_json_text(stdout, facts[i].text);
    else
      printf("%" PRIu64, facts[i].number);
  }
}

/* One object a part, with its checksum as xxhsum prints it. */
static void print_json_parts(const struct image *im) {
  for (uint64_t i = 0; im && i < im->header->n_parts; i++) {
    const struct image_part *part = &im->parts[i];
    printf("%s{\"name\": ", i ? ", " : "");
    print_json_text(stdout, im->names + part->name);
    printf(", \"bytes\": %" PRIu64 ", \"checksum\": \"%016" PRIx64 "\"}", part->bytes, part->sum);
  }
}

static void print_lines(const struct info_line *facts, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (facts[i].text)
      printf("%-18s %s\n", facts[i].name, facts[i].text);
    else
      printf("%-18s %" PRIu64 "\n", facts[i].name, facts[i].number);
}

/* The names of all levels, or why none runs. */
static void describe_levels(const struct tern_model *least, char *names, size_t size, char *why,
                            size_t why_size) {
  char missing[256];
  size_t used = 0;
  for (const struct tern_model *m = least; m && used < size; m = m->better)
    used += (size_t)snprintf(names + used, size - used, "%s%s", used ? " " : "", cpu_name(m));
  if (!cpu_has(least->features, missing, sizeof missing))
    snprintf(why, why_size, "none: this processor has no %s", missing);
}

bool print_info(const struct tern_model *least, const struct tern_model *level, const struct image *im,
                bool json, struct failure *f) {
  const struct tern_model *m = level ? level : least;
  char levels[256] = "", none[320] = "none";
  describe_levels(least, levels, sizeof levels, none, sizeof none);
  const struct tern_entry *one = model_step(m);
  uint64_t step = entry_scratch(one, 1), chunk = entry_scratch(model_prefill(m), 1);
  uint64_t scratch = chunk > step ? chunk : step;
  char identity[20] = "none", quota_text[32] = "none";
  double quota = machine_quota("");
  if (quota < INFINITY)
    snprintf(quota_text, sizeof quota_text, "%.4g", quota);
  if (im)
    snprintf(identity, sizeof identity, "%016" PRIx64, image_identity(im));
  const struct info_line facts[] = {
      {"model", "model", m->name, 0},
      {"spec", "spec", m->spec, 0},
      {"dimensions", "dimensions", m->params, 0},
      {"parameters", "parameters", NULL, m->parameters},
      {"vocab", "vocabulary", NULL, model_vocab(m)},
      {"weight_bytes", "weight bytes", NULL, m->weights_bytes},
      {"weight_bytes_per_token", "read a token", NULL, one ? one->weight_bytes : 0},
      {"state_bytes", "state bytes", NULL, state_fixed_bytes(m)},
      {"state_bytes_per_token", "and a token more", NULL, state_token_bytes(m)},
      {"context", "context", NULL, m->context},
      {"scratch_bytes", "scratch bytes", NULL, scratch},
      {"image_bytes", "image bytes", NULL, im ? im->header->total_bytes : 0},
      {"tokenizer_bytes", "tokenizer bytes", NULL, im ? im->header->tokenizer_bytes : 0},
      {"checksum", "checksum", identity, 0},
      {"threads", "threads", NULL, session_threads(m, 0)},
      {"processors", "processors", NULL, machine_processors("")},
      {"affinity", "affinity", NULL, machine_affinity()},
      {"cpu_quota", "CPU quota", quota_text, 0},
      {"chunk", "chunk", NULL, model_chunk(m)},
      {"token_by_token", "token by token", m->serial ? m->serial : "none", 0},
      {"batch", "batch", NULL, model_sequences(m)},
      {"kernels", "kernels", NULL, m->n_kernels},
      {"target", "target", m->target, 0},
      {"cpu_level", "runs", level ? cpu_name(level) : none, 0},
      {"cpu_levels", "compiled for", levels, 0},
      {"cpu_features", "needs", m->features ? m->features : "unknown", 0},
      {"compiler", "compiler", m->compiler, 0},
  };
  size_t n = sizeof facts / sizeof *facts;
  if (!json) {
    print_lines(facts, n);
    return stdout_finish(f);
  }
  print_json(facts, n);
  printf(", \"checksums\": [");
  print_json_parts(im);
  printf("]}\n");
  return stdout_finish(f);
}

bool print_verified(const struct image *im, struct failure *f) {
  uint64_t bytes = 0, n = im ? im->header->n_parts : 0;
  for (uint64_t i = 0; i < n; i++)
    bytes += im->parts[i].bytes;
  printf("%" PRIu64 " bytes of weights have the checksums that they were packed with (%" PRIu64
         " parts, checksum of all %016" PRIx64 ")\n",
         bytes, n, image_identity(im));
  return stdout_finish(f);
}
