/* rank.h: the most axes of a tensor: of the IR's, the language's and a checkpoint's alike. */
#ifndef TERN_SUPPORT_RANK_H
#define TERN_SUPPORT_RANK_H

enum { MAX_RANK = 5 };

#endif
