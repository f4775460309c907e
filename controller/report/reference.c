#include "report/language.h"
void report_reference(GString *out, const struct reference *r) { (void)r; g_string_append(out, ""); }
