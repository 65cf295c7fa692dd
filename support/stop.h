/* stop.h: how ternc ends when it is stopped, and what it needs of the system before it starts. */
#ifndef TERN_SUPPORT_STOP_H
#define TERN_SUPPORT_STOP_H

/* To be called once, first. Afterwards
 * - a signal that ends the process also ends the programs it runs, and removes scratch folders and unfinished
 *   outputs; so does exit;
 * - abort, which is how libraries end when memory is short, is an error with exit status 1;
 * - a write beyond a limit on file sizes fails, and is reported, instead of ending the process;
 * - standard streams that were closed fail when they are used;
 * - at exit, what standard output could not take is an error, and the exit status 1. */
void stop_prepare(void);

#endif
