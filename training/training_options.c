/* training_options.c: the table of options, and what follows from it. */
#include "training/training_options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/escape.h"

enum { KEY_DATA = 6000, KEY_ROWS };

enum training_kind { KIND_TEXT, KIND_WHOLE, KIND_REAL, KIND_FLAG };

struct training_row {
  const char *name;
  enum training_kind kind;
  size_t at;                /* in struct training_options */
  double least, most;       /* of a real */
  uint64_t lowest, highest; /* of a whole number */
  uint64_t whole;           /* the defaults */
  double real;
};

#define AT(member) offsetof(struct training_options, member)
static const struct training_row rows[] = {
#define TEXT(member, name, argument, help) {name, KIND_TEXT, AT(member), 0, 0, 0, 0, 0, 0},
#define WHOLE(member, name, argument, least, most, otherwise, help)                                          \
  {name, KIND_WHOLE, AT(member), 0, 0, least, most, otherwise, 0},
#define REAL(member, name, argument, least, most, otherwise, help)                                           \
  {name, KIND_REAL, AT(member), least, most, 0, 0, 0, otherwise},
#define FLAG(member, name, help) {name, KIND_FLAG, AT(member), 0, 0, 0, 0, 0, 0},
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

static bool read_whole_number(const struct training_row *r, const char *text, uint64_t *to) {
  char *end;
  errno = 0;
  uint64_t n = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || n < r->lowest || n > r->highest)
    return false;
  *to = n;
  return true;
}

static bool in_range(const struct training_row *r, double x) {
  return x >= r->least && x <= r->most;
}

static void set_whole(struct argp_state *state, const struct training_row *r, const char *arg, uint64_t *to) {
  if (!read_whole_number(r, arg, to))
    argp_error(state, "--%s takes a whole number from %llu to %llu, got '%s'", r->name,
               (unsigned long long)r->lowest, (unsigned long long)r->highest, arg);
}

static void set_real(struct argp_state *state, const struct training_row *r, const char *arg, double *to) {
  char *end;
  double x = strtod(arg, &end);
  if (end == arg || *end || !in_range(r, x))
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

/* The file wherever the training goes on from; "-" has no place. */
static const char *whole_path(struct arena *a, const char *path) {
  char *whole = strcmp(path, "-") == 0 ? NULL : realpath(path, NULL);
  const char *kept = arena_strdup(a, whole ? whole : path);
  free(whole);
  return kept;
}

/* ---- what goes together ------------------------------------------------------------------------------ */

static int schedule_number(const char *name) {
  for (int i = 0; name && i < SCHEDULE_KINDS; i++)
    if (strcmp(schedule_names[i], name) == 0)
      return i;
  return name ? -1 : SCHEDULE_COSINE;
}

/* Whether there is a norm of that name. */
static bool clip_by_known(const char *name) {
  return !name || strcmp(name, "step") == 0 || strcmp(name, "previous") == 0;
}

bool training_clips_by_previous(const struct training_options *o) {
  return o->clip_by && strcmp(o->clip_by, "previous") == 0;
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

/* training.json, which says where a training goes on from, is UTF-8. */
static bool can_be_said(const struct training_options *o, struct diag *d, const char *option,
                        const char *path) {
  json_t *said = json_string(path);
  if (!said)
    diag_error(d,
               "--%s %s: the name is not UTF-8, and training.json could not say it; give the file another "
               "name, or a link to it",
               option, message_text(o->arena, path));
  json_decref(said);
  return said != NULL;
}

static bool names_can_be_said(const struct training_options *o, struct diag *d) {
  bool ok = true;
  for (int i = 0; i < o->data.n; i++)
    ok &= can_be_said(o, d, "data", whole_path(o->arena, o->data.at[i]));
  if (o->tokenizer)
    ok &= can_be_said(o, d, "tokenizer", whole_path(o->arena, o->tokenizer));
  if (o->held_out)
    ok &= can_be_said(o, d, "held-out", whole_path(o->arena, o->held_out));
  return ok;
}

bool training_check(struct training_options *o, struct diag *d, uint64_t parameters) {
  if ((!o->resume && !apply_recipe(o, d, parameters)) || ((o->out || o->resume) && !names_can_be_said(o, d)))
    return false;
  if (schedule_number(o->schedule) < 0)
    diag_error(d, "--schedule: there is no '%s'; it is cosine, two-stage, linear or constant", o->schedule);
  else if (!clip_by_known(o->clip_by))
    diag_error(d, "--clip-by is step or previous, not '%s'", o->clip_by);
  else if (o->resume && o->out)
    diag_error(d, "--resume goes on in the folder that it names, and takes no --out");
  else if (o->resume && o->init)
    diag_error(d, "--resume has weights already, and takes no --init");
  else if (o->resume && o->recipe)
    diag_error(
        d,
        "--resume goes on by the schedule that the training began with, and takes no --recipe; --schedule, "
        "--rate and --least-rate say another");
  else if (o->prefix && !o->init)
    diag_error(d, "--init-prefix goes with --init");
  else if (!o->dry_run && !o->resume && !o->data.n)
    diag_error(d, "--data FILE is expected: a text, or ids, to learn from (or --resume DIR, or --dry-run)");
  else
    return true;
  return false;
}

/* ---- kept with a checkpoint -------------------------------------------------------------------------- */

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

/* False: the row cannot have that value. */
static bool take_value(struct training_options *o, int row, const json_t *value) {
  void *at = member(o, row);
  double x = json_number_value(value);
  switch (rows[row].kind) {
  case KIND_TEXT:
    *(const char **)at = json_is_string(value) ? arena_strdup(o->arena, json_string_value(value)) : NULL;
    return json_is_string(value) || json_is_null(value);
  case KIND_WHOLE: {
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    bool is_default = json_is_string(value) && strtoull(text, NULL, 10) == rows[row].whole;
    if (is_default)
      *(uint64_t *)at = rows[row].whole;
    return is_default || read_whole_number(&rows[row], text, at);
  }
  case KIND_REAL: *(double *)at = x; return json_is_number(value) && in_range(&rows[row], x);
  default: *(bool *)at = json_is_true(value); return json_is_boolean(value);
  }
}

/* A row of the checkpoint, unless the command line has it. */
static bool restore_row(struct training_options *o, struct diag *d, int row, const json_t *value) {
  const char *name = rows[row].name;
  if (is_given(o, row)) {
    json_t *now = value_json(o, row);
    if (value && !json_equal(now, value))
      diag_note(d, "--%s is not what the training began with, and it goes on otherwise than it would have",
                name);
    json_decref(now);
    return true;
  }
  if (!value)
    diag_note(d, "the checkpoint's training.json does not say --%s; what it is by default holds", name);
  if (!value || take_value(o, row, value))
    return true;
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  diag_error(d, "the checkpoint's training.json has %.60s for --%s, which that cannot be; say it with --%s",
             text ? text : "?", name, name);
  free(text);
  return false;
}

/* Where the data is, unless the command line says it. */
static bool restore_data(struct training_options *o, struct diag *d, const json_t *data) {
  if (o->data.n)
    return true;
  for (size_t i = 0; i < json_array_size(data); i++) {
    const char *path = json_string_value(json_array_get(data, i));
    if (path && strcmp(path, "-") != 0)
      vec_push(o->arena, o->data, arena_strdup(o->arena, path));
  }
  if (o->data.n && (size_t)o->data.n == json_array_size(data))
    return true;
  diag_error(d, "what the training learns from came from standard input, or its training.json does not say "
                "from where; --data says where that is now");
  return false;
}

bool training_restore(struct training_options *o, struct diag *d, const json_t *saved) {
  bool ok = json_is_object(saved);
  if (!ok)
    diag_error(d, "the checkpoint's training.json has no options; is it whole?");
  for (int i = 0; ok && i < ROWS; i++)
    ok = !is_kept(i) || restore_row(o, d, i, json_object_get(saved, rows[i].name));
  if (ok && schedule_number(o->schedule) < 0) {
    diag_error(d, "the checkpoint's training.json has the schedule '%s', which this trainer does not know",
               o->schedule);
    return false;
  }
  if (ok && !clip_by_known(o->clip_by)) {
    diag_error(d, "the checkpoint's training.json has '%s' for --clip-by, which this trainer does not know",
               o->clip_by);
    return false;
  }
  return ok && restore_data(o, d, json_object_get(saved, "data"));
}
