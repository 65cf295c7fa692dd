/* policy.c: the rows of policies.def. */
#include "ir/policy.h"

#define POLICY(identifier, text, words, ...)                                                                 \
  const struct policy policy_##identifier = {.name = text, .help = words, __VA_ARGS__};
#include "ir/policies.def"
