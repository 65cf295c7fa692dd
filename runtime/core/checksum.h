/* checksum.h: XXH64 with seed 0, as xxhsum prints it: tells bytes that changed on their way, in portable C at
 * some ten gigabytes a second. It is no protection against someone who changes them on purpose. */
#ifndef TERN_RUNTIME_CHECKSUM_H
#define TERN_RUNTIME_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t checksum(const void *bytes, size_t n);

#endif
