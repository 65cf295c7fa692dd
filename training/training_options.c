/* training_options.c: the table of options, and what follows from it. */
#include "training/training_options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_DATA = 6000, KEY_ROWS };

enum training_kind { KIND_TEXT, KIND_WHOLE, KIND_REAL, KIND_FLAG };

struct training_row {
  const char *name;
  enum training_kind kind;
  size_t at; /* in struct training_options */
  double least, most;
  uint64_t whole;
  double real; /* the default */
};

#define AT(member) offsetof(struct training_options, member)
static const struct training_row rows[] = {
#define TEXT(member, name, argument, help) {name, KIND_TEXT, AT(member), 0, 0, 0, 0},
#define WHOLE(member, name, argument, least, most, otherwise, help)                                          \
  {name, KIND_WHOLE, AT(member), (double)(least), (double)(most), otherwise, 0},
#define REAL(member, name, argument, least, most, otherwise, help)                                           \
  {name, KIND_REAL, AT(member), least, most, 0, otherwise},
#define FLAG(member, name, help) {name, KIND_FLAG, AT(member), 0, 1, 0, 0},
#include "training/training_options.def"
};
#undef AT

enum { ROWS = sizeof rows / sizeof *rows };
_Static_assert(ROWS <= 64, "a bit for each in training_options.given");

/* Rows that go along with a checkpoint. */
enum {
#define TEXT(member, name, argument, help)                          ROW_##member,
#define WHOLE(member, name, argument, least, most, otherwise, help) ROW_##member,
#define REAL(member, name, argument, least, most, otherwise, help)  ROW_##member,
#define FLAG(member, name, help)                                    ROW_##member,
#include "training/training_options.def"
};

static bool is_kept(int row) {
  static const bool kept[ROWS] = {
#define KEPT                                                        1 ||
#define TEXT(member, name, argument, help)                          0,
#define WHOLE(member, name, argument, least, most, otherwise, help) 0,
#define REAL(member, name, argument, least, most, otherwise, help)  0,
#define FLAG(member, name, help)                                    0,
#include "training/training_options.def"
  };
  return kept[row];
}

static void *member(const struct training_options *o, int row) {
  return (char *)o + rows[row].at;
}

static bool is_given(const struct training_options *o, int row) {
  return o->given[row / 32] >> row % 32 & 1;
}

void training_defaults(struct training_options *o, struct arena *a) {
  *o = (struct training_options){.arena = a};
  for (int i = 0; i < ROWS; i++) {
    if (rows[i].kind == KIND_WHOLE)
      *(uint64_t *)member(o, i) = rows[i].whole;
    if (rows[i].kind == KIND_REAL)
      *(double *)member(o, i) = rows[i].real;
  }
}

/* ---- the command line -------------------------------------------------------------------------------- */

#define ARGP_ROW(member, name, argument, help) {name, KEY_ROWS + ROW_##member, argument, 0, help, 0},
static const struct argp_option options[] = {{"data", KEY_DATA, "FILE", 0,
                                              "a text, or ids in a file whose name ends in .u16 or .u32 "
                                              "(ternc tokenizer --encode); '-' is a text from "
                                              "standard input; may be given several times",
                                              20},
                                             {NULL, 'q', 0, OPTION_HIDDEN, "as --quiet", 0},
#define GROUP(text)                        {0, 0, 0, 0, text, 0},
#define TEXT(member, name, argument, help) ARGP_ROW(member, name, argument, help)
#define WHOLE(member, name, argument, least, most, otherwise, help)                                          \
  ARGP_ROW(member, name, argument, help " (default " #otherwise ")")
#define WHOLE_OR(member, name, argument, least, most, otherwise, help) ARGP_ROW(member, name, argument, help)
#define REAL(member, name, argument, least, most, otherwise, help)                                           \
  ARGP_ROW(member, name, argument, help " (default " #otherwise ")")
#define FLAG(member, name, help) ARGP_ROW(member, name, NULL, help)
#include "training/training_options.def"
                                             {0}};

static void set_whole(struct argp_state *state, const struct training_row *r, const char *arg, uint64_t *to) {
  char *end;
  errno = 0;
  uint64_t n = strtoull(arg, &end, 10);
  if (*arg < '0' || *arg > '9' || *end || errno || (double)n < r->least || (double)n > r->most)
    argp_error(state, "--%s takes a whole number from %.0f to %.0f, got '%s'", r->name, r->least, r->most,
               arg);
  *to = n;
}

static void set_real(struct argp_state *state, const struct training_row *r, const char *arg, double *to) {
  char *end;
  double x = strtod(arg, &end);
  if (end == arg || *end || !(x >= r->least && x <= r->most))
    argp_error(state, "--%s takes a number from %g to %g, got '%s'", r->name, r->least, r->most, arg);
  *to = x;
}

static void set_row(struct argp_state *state, struct training_options *o, int row, char *arg) {
  o->given[row / 32] |= 1u << row % 32;
  switch (rows[row].kind) {
  case KIND_TEXT: *(const char **)member(o, row) = arg; break;
  case KIND_WHOLE: set_whole(state, &rows[row], arg, member(o, row)); break;
  case KIND_REAL: set_real(state, &rows[row], arg, member(o, row)); break;
  case KIND_FLAG: *(bool *)member(o, row) = true; break;
  }
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  struct training_options *o = state->input;
  if (key == KEY_DATA)
    vec_push(o->arena, o->data, arg);
  else if (key == 'q')
    o->quiet = true;
  else if (key >= KEY_ROWS && key < KEY_ROWS + ROWS)
    set_row(state, o, key - KEY_ROWS, arg);
  else
    return ARGP_ERR_UNKNOWN;
  return 0;
}

const struct argp training_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

/* ---- what goes together ------------------------------------------------------------------------------ */

static int schedule_number(const char *name) {
  for (int i = 0; name && i < SCHEDULE_KINDS; i++)
    if (strcmp(schedule_names[i], name) == 0)
      return i;
  return name ? -1 : SCHEDULE_COSINE;
}

struct rate_schedule training_schedule(const struct training_options *o) {
  return (struct rate_schedule){.kind = (enum schedule_kind)schedule_number(o->schedule),
                                .peak = o->rate,
                                .least = o->least,
                                .warmup = o->warmup == UINT64_MAX ? o->steps / 20 : o->warmup,
                                .steps = o->steps};
}

/* The paper's: cosine, halved midway; a peak by size, of the published models of 370M, 1.3B and 2.7B. */
static bool apply_recipe(struct training_options *o, struct diag *d, uint64_t parameters) {
  if (!o->recipe)
    return true;
  if (strcmp(o->recipe, "paper") != 0) {
    diag_error(d, "--recipe: there is no recipe '%s'; there is 'paper'", o->recipe);
    return false;
  }
  if (!is_given(o, ROW_schedule))
    o->schedule = schedule_names[SCHEDULE_TWO_STAGE];
  if (!is_given(o, ROW_rate))
    o->rate = parameters < 800000000 ? 4e-3 : parameters < 2000000000 ? 2.5e-3 : 1.5e-3;
  if (!is_given(o, ROW_least))
    o->least = 0;
  return true;
}

bool training_check(struct training_options *o, struct diag *d, uint64_t parameters) {
  if (!apply_recipe(o, d, parameters))
    return false;
  if (schedule_number(o->schedule) < 0)
    diag_error(d, "--schedule: there is no '%s'; it is cosine, two-stage, linear or constant", o->schedule);
  else if (o->resume && o->out)
    diag_error(d, "--resume goes on in the folder that it names, and takes no --out");
  else if (o->resume && o->init)
    diag_error(d, "--resume has weights already, and takes no --init");
  else if (o->prefix && !o->init)
    diag_error(d, "--init-prefix goes with --init");
  else if (!o->dry_run && !o->resume && !o->data.n)
    diag_error(d, "--data FILE is expected: a text, or ids, to learn from (or --resume DIR, or --dry-run)");
  else
    return true;
  return false;
}

/* ---- kept with a checkpoint -------------------------------------------------------------------------- */

/* The file wherever the training goes on from; "-" has no place. */
static const char *whole_path(struct arena *a, const char *path) {
  char *whole = strcmp(path, "-") == 0 ? NULL : realpath(path, NULL);
  const char *kept = arena_strdup(a, whole ? whole : path);
  free(whole);
  return kept;
}

static json_t *value_json(const struct training_options *o, int row) {
  const void *at = member(o, row);
  const char *text = rows[row].kind == KIND_TEXT ? *(const char *const *)at : NULL;
  bool file = row == ROW_tokenizer || row == ROW_held_out;
  switch (rows[row].kind) {
  case KIND_TEXT: return text ? json_string(file ? whole_path(o->arena, text) : text) : json_null();
  case KIND_WHOLE: return json_sprintf("%llu", (unsigned long long)*(const uint64_t *)at);
  case KIND_REAL: return json_real(*(const double *)at);
  default: return json_boolean(*(const bool *)at);
  }
}

json_t *training_json(const struct training_options *o) {
  json_t *saved = json_object(), *data = json_array();
  for (int i = 0; i < o->data.n; i++)
    json_array_append_new(data, json_string(whole_path(o->arena, o->data.at[i])));
  json_object_set_new(saved, "data", data);
  for (int i = 0; i < ROWS; i++)
    if (is_kept(i))
      json_object_set_new(saved, rows[i].name, value_json(o, i));
  return saved;
}

static void take_value(struct training_options *o, int row, const json_t *value) {
  void *at = member(o, row);
  if (rows[row].kind == KIND_TEXT)
    *(const char **)at = json_is_string(value) ? arena_strdup(o->arena, json_string_value(value)) : NULL;
  else if (rows[row].kind == KIND_WHOLE && json_is_string(value))
    *(uint64_t *)at = strtoull(json_string_value(value), NULL, 10);
  else if (rows[row].kind == KIND_REAL && json_is_number(value))
    *(double *)at = json_number_value(value);
}

bool training_restore(struct training_options *o, struct diag *d, const json_t *saved) {
  const json_t *data = json_object_get(saved, "data");
  if (!json_is_object(saved) || !json_is_array(data)) {
    diag_error(d, "the checkpoint's training.json has no options; is it whole?");
    return false;
  }
  for (int i = 0; i < ROWS; i++) {
    const json_t *value = json_object_get(saved, rows[i].name);
    json_t *now = is_kept(i) ? value_json(o, i) : NULL;
    if (is_kept(i) && is_given(o, i) && value && !json_equal(now, value))
      diag_note(d, "--%s is not what the training began with, and it goes on otherwise than it would have",
                rows[i].name);
    else if (is_kept(i) && !is_given(o, i) && value)
      take_value(o, i, value);
    json_decref(now);
  }
  if (schedule_number(o->schedule) < 0) {
    diag_error(d, "the checkpoint's training.json has the schedule '%s', which this trainer does not know",
               o->schedule);
    return false;
  }
  for (size_t i = 0; !o->data.n && i < json_array_size(data); i++)
    vec_push(o->arena, o->data, arena_strdup(o->arena, json_string_value(json_array_get(data, i))));
  return true;
}
