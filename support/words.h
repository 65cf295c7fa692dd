/* words.h: names that other languages have for themselves: lists of words, each between blanks. */
#ifndef TERN_SUPPORT_WORDS_H
#define TERN_SUPPORT_WORDS_H

/* Keywords of C17, of C++ and of GNU C, what the headers of C and POSIX declare or define, macros of
 * compilers, and names of a C project's own files and targets of make. */
extern const char c_words[];
/* Words that with `_open` or `_close` behind them are functions of POSIX, and the like. */
extern const char c_prefixes[];
/* Of Verilog and SystemVerilog (IEEE 1800-2017 and 1800-2023). */
extern const char verilog_keywords[];
/* Names that our modules' ports and benches have, words that Verilator keeps for C++, and libraries of
 * simulators. */
extern const char verilog_words[];

#endif
