/* safetensors.c: a safetensors file. The input is the header's JSON, a zero byte and the data, so that the
 * header's length is right and its text can be changed; or, behind an R, the file as it is. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n == 0)
    return 0;
  if (data[0] == 'R') {
    fuzz_checkpoint(fuzz_file(data + 1, n - 1));
    return 0;
  }
  const uint8_t *zero = memchr(data, 0, n);
  uint64_t header = zero ? (uint64_t)(zero - data) : n, rest = zero ? n - header - 1 : 0;
  uint8_t *file = malloc(sizeof header + n);
  fuzz_check(file);
  memcpy(file, &header, sizeof header);
  memcpy(file + sizeof header, data, header);
  memcpy(file + sizeof header + header, zero ? zero + 1 : data, rest);
  fuzz_checkpoint(fuzz_file(file, sizeof header + header + rest));
  free(file);
  return 0;
}
