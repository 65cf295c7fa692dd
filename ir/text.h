/* text.h: what the printer and the parser of the IR's text form share. */
#ifndef TERN_IR_TEXT_H
#define TERN_IR_TEXT_H

#include "ir/ir.h"

/* Characters of unquoted names: letters, digits, '_' and '.'. */
bool ir_word_char(int c);

#endif
