/* params.c: the numbers of a model: what `--set` says, else config.json where a param asks for it, else the
 * spec's own default. */
#include "frontend/language/elaborate.h"

#include <math.h>
#include <string.h>

struct item call_config(struct elaborator *e, const struct node *n) {
  const argument_list *args = &n->args;
  bool well = (args->n == 1 || args->n == 2) && args->at[0].value->kind == NODE_STRING;
  for (int i = 0; i < args->n; i++)
    well &= !args->at[i].name;
  if (!well) {
    fail(e, n->at, "config takes a key and a default: config(\"hidden_size\", 2048)");
    return item_poison();
  }
  const struct config_source *source = e->options->config;
  const char *key = args->at[0].value->text;
  double number;
  int found = source ? source->number(source->self, key, &number) : 0;
  if (found > 0)
    return item_number(number);
  if (found < 0) {
    note(e, n->at, "'%s' of config.json is read here", key);
    return item_poison();
  }
  if (args->n == 2)
    return eval_number(e, args->at[1].value, "a default", &number) ? item_number(number) : item_poison();
  fail(e, n->at,
       source ? "config.json has no '%s', and there is no default"
              : "'%s' comes from a checkpoint's config.json, "
                "and there is no default; give --weights or --set",
       key);
  return item_poison();
}

/* Unknown names of --set, each with the nearest that there is. */
static void check_settings(struct elaborator *e) {
  VEC(const char *) names = {0};
  for (int i = 0; i < e->params.n; i++)
    vec_push(e->arena, names, e->params.at[i].name);
  for (int i = 0; i < e->options->n_settings; i++) {
    const char *name = e->options->settings[i].name;
    bool known = false;
    for (int k = 0; k < names.n; k++)
      known |= strcmp(names.at[k], name) == 0;
    if (!known)
      diag_error(e->diag, "--set %s: the spec has no parameter '%s'%s", name, name,
                 suggestion(e, name, names.at, names.n));
  }
}

static const struct spec_setting *setting_of(const struct elaborator *e, const char *name) {
  const struct spec_setting *last = NULL;
  for (int i = 0; i < e->options->n_settings; i++)
    if (strcmp(e->options->settings[i].name, name) == 0)
      last = &e->options->settings[i];
  return last;
}

static void elaborate_param(struct elaborator *e, struct param_node *p) {
  const struct spec_setting *setting = setting_of(e, p->name.text);
  double number = NAN;
  if (setting)
    number = setting->value;
  else if (!eval_number(e, p->value, "a parameter", &number))
    number = NAN;
  else if (!isfinite(number)) {
    fail(e, p->value->at, "the parameter '%s' is %g", p->name.text, number);
    number = NAN;
  }
  if (setting && !isfinite(number))
    diag_error(e->diag, "--set %s: %g is not a number that a parameter can have", p->name.text, number);
  vec_push(e->arena, e->params, (struct given){p->name.text, number, p->name.at});
}

bool elaborate_params(struct elaborator *e) {
  int errors = e->diag->errors;
  for (int i = 0; i < e->program->order.n; i++) {
    e->file = e->program->order.at[i];
    for (int k = 0; k < e->file->params.n; k++)
      elaborate_param(e, e->file->params.at[k]);
  }
  check_settings(e);
  for (int i = 0; i < e->params.n; i++)
    vec_push(e->m->arena, e->m->params, (struct dim_param){e->params.at[i].name, e->params.at[i].number});
  return e->diag->errors == errors;
}
