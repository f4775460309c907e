/* ECMA-48: C0 and C1 control characters, DEL, and "ESC [ … m", which sets colours. */
#include "report/plain.h"
#include <string.h>

/* Of a colour that cleave uses: "ESC [ N m" with N 0-2 or 30-37; others hide text. 0: it is none. */
static gsize colour_size(const char *c)
{
	gsize n = g_str_has_prefix(c, "\033[") ? strspn(c + 2, "0123456789") : 0;
	gboolean is_known = (n == 1 && c[2] <= '2') || (n == 2 && c[2] == '3' && c[3] <= '7');
	return is_known && c[2 + n] == 'm' ? n + 3 : 0;
}

/* Bytes of a control character; 0: it is none. Those of C1 have two in UTF-8. A return is one but at the end of a line. */
static gsize control_size(const char *c)
{
	guchar byte = (guchar)*c, next = byte ? (guchar)c[1] : 0;
	if (byte == 0xc2 && next >= 0x80 && next <= 0x9f)
		return 2;
	return (byte < 0x20 && byte != '\n' && byte != '\t' && !(byte == '\r' && next == '\n')) || byte == 0x7f;
}

static gboolean is_plain(const GString *text)
{
	for (gsize i = 0; i < text->len; i++)
		if (control_size(text->str + i) && !colour_size(text->str + i))
			return FALSE;
	return TRUE;
}

GString *report_plain(const GString *text)
{
	if (is_plain(text))
		return NULL;
	GString *out = g_string_sized_new(text->len);
	for (gsize i = 0; i < text->len;) {
		gsize colour = colour_size(text->str + i), control = colour ? 0 : control_size(text->str + i);
		if (control)
			g_string_append(out, "\357\277\275");
		else
			g_string_append_len(out, text->str + i, colour ? (gssize)colour : 1);
		i += MAX(MAX(colour, control), 1);
	}
	return out;
}
