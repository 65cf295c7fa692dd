/* html.h: what the page and its drawing share. */
#ifndef TERN_BACKENDS_HARDWARE_REPORT_HTML_H
#define TERN_BACKENDS_HARDWARE_REPORT_HTML_H

#include "backends/hardware/report/hw_report.h"

/* Text with the characters that HTML reads replaced; `most` characters, the middle left out. */
void html_escape(const char *text, FILE *out);
void html_escape_short(const char *text, size_t most, FILE *out);
/* The class of a kind's colour. */
const char *html_kind_class(enum inv_kind kind);
/* The page's style sheet. */
extern const char html_style[];

#endif
