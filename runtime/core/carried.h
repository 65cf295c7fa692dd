/* carried.h: the image that a program carries: a segment of its own, read-only, at IMAGE_ADDRESS.
 *
 * The system maps it with the program's code, so a running program needs neither its file's name nor /proc to
 * find it; strip, objcopy and what is appended to the file (a signature) leave it where it is. */
#ifndef TERN_RUNTIME_CARRIED_H
#define TERN_RUNTIME_CARRIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Apart from the code of any program that is not position-independent, whose addresses are below 2 GiB; in
 * the first 64 GiB, as some processors and simulators have no more than 39 bits of addresses. */
#define IMAGE_ADDRESS      0x100000000u
#define IMAGE_ADDRESS_TEXT "0x100000000"

/* The segment of the running program; false when it has none. */
bool carried_here(const uint8_t **at, uint64_t *bytes);
/* Where it lies in an executable of 64 bits; false when the file is none, or has none. */
bool carried_in_file(int fd, uint64_t *at, uint64_t *bytes);
/* Whether the byte can be read: a file that was cut short leaves addresses behind its end, which end a
 * program that touches them. */
bool carried_readable(const uint8_t *at);

#endif
