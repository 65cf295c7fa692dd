/* Two libraries in one program: a step of each on token 1, and the first logit. */
#include <stdio.h>

#include "alpha.h"
#include "double.h"

int main(int argc, char **argv) {
  char error[256] = "";
  float logits[64];
  if (argc != 3)
    return 2;
  alpha_model_handle *a = alpha_open(argv[1], error, sizeof error);
  double_model_handle *d = double_open(argv[2], error, sizeof error);
  alpha_sequence *s = a ? alpha_sequence_open(a, 1, error, sizeof error) : NULL;
  double_sequence *t = d ? double_sequence_open(d, 1, error, sizeof error) : NULL;
  if (!s || !t)
    return fprintf(stderr, "%s\n", error), 1;
  if (!alpha_step(s, 1, logits))
    return 1;
  printf("alpha %a\n", logits[0]);
  if (!double_step(t, 1, logits))
    return 1;
  printf("double %a\n", logits[0]);
  alpha_sequence_close(s), double_sequence_close(t);
  alpha_close(a), double_close(d);
  return 0;
}
