/* pages.h: puts a mapping of a file into huge pages while it is in use.
 *
 * Few file systems map files in pages of more than 4 KiB, and through those a thread reads a fifth less from
 * memory (measured on Zen 4: 24 GB/s instead of 30). So a thread of its own copies a block of 2 MiB after the
 * other to anonymous memory that the system backs with a huge page if it has one, and puts that in the
 * block's place: addresses and contents stay, and so does the memory that the process holds, a block more or
 * less. A reader in that very block waits in the kernel for a moment.
 *
 * It begins after a tenth of a second, so that the first token comes soon and a short run pays nothing. It is
 * not done where it would not pay or could hurt: for less than 16 MiB, where the system has no huge pages of
 * 2 MiB, where address space is limited, or where less memory is free, also of the process's control group,
 * than twice the mapping: what was shared with the file cache, and with other processes, becomes this
 * process's own. TERN_HUGE_PAGES=0 in the environment forbids it. */
#ifndef TERN_RUNTIME_PAGES_H
#define TERN_RUNTIME_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pages;

/* Starts on the whole blocks of [begin, end) that do not reach into [skip, skip_end). The range is mapped
 * until pages_close. NULL where it is not done. */
struct pages *pages_move(uint8_t *begin, uint8_t *end, uint8_t *skip, uint8_t *skip_end);
/* Whether it has ended. NULL is allowed, here and below; any thread may ask. */
bool pages_are_moved(const struct pages *p);
/* Stops after the present block, and frees `p`. */
void pages_close(struct pages *p);

#endif
