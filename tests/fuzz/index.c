/* index.c: the index of a checkpoint of two shards. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tensors.h"

static void shard(const char *name, const char *first, const char *second) {
  enum { DATA = 12 };
  char file[400];
  int n = snprintf(file + 8, sizeof file - 8,
                   "{\"%s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                   "\"%s\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[8,12]}}",
                   first, second);
  uint64_t header = (uint64_t)n;
  memcpy(file, &header, sizeof header);
  memset(file + 8 + n, 7, DATA);
  fuzz_file_in_folder(name, file, 8 + header + DATA);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static bool ready;
  if (!ready) {
    shard("a.safetensors", "x", "y");
    shard("b.safetensors", "z", "w");
    ready = true;
  }
  fuzz_file_in_folder("model.safetensors.index.json", data, n);
  fuzz_checkpoint(fuzz_folder());
  return 0;
}
