/* saved.c: `saved save WEIGHTS FILE` runs three tokens and saves the state, `saved restore WEIGHTS FILE` goes
 * on. */
#include "small.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  return 1;
}

static int save(small_sequence *s, FILE *file) {
  uint32_t tokens[] = {1, 2, 3};
  size_t n = small_saved_bytes(s);
  void *bytes = malloc(n);
  int ok = bytes && small_prefill(s, tokens, 3, NULL);
  if (ok)
    small_save(s, bytes);
  ok = ok && fwrite(bytes, 1, n, file) == n;
  free(bytes);
  return ok ? 0 : fail(small_error(s));
}

static int restore(small_sequence *s, FILE *file) {
  char bytes[4096];
  size_t n = fread(bytes, 1, sizeof bytes, file);
  if (!small_restore(s, bytes, n))
    return fail(small_error(s));
  printf("restored, %d tokens\n", (int)small_position(s));
  return 0;
}

int main(int argc, char **argv) {
  char error[256] = "";
  int saving = argc > 3 && strcmp(argv[1], "save") == 0;
  FILE *file = argc > 3 ? fopen(argv[3], saving ? "wb" : "rb") : NULL;
  small_model_handle *m = file ? small_open(argv[2], error, sizeof error) : NULL;
  small_sequence *s = m ? small_sequence_open(m, 1, error, sizeof error) : NULL;
  int status = !s ? fail(error) : saving ? save(s, file) : restore(s, file);
  small_sequence_close(s);
  small_close(m);
  if (file && fclose(file) != 0)
    status = 1;
  return status;
}
