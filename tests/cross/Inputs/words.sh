#!/bin/sh
# words.sh RAW: the 32-bit words of a file in hexadecimal, one a line, as examples/bare/main.c prints logits.
exec od -An -v -tx4 -w4 "$1" | tr -d ' '
