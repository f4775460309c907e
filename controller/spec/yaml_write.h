/* YAML documents written by libyaml's emitter, event by event. A text never becomes anything but the scalar that it
 * is: libyaml puts it in quotes and escapes what has to be. */
#pragma once
#include <glib.h>
#include <yaml.h>

struct yaml_writer {
	yaml_emitter_t emitter;
	GString *out;
};

enum yaml_style {
	YAML_STYLE_PLAIN, /* without quotes, where libyaml allows it */
	YAML_STYLE_TEXT,  /* in quotes: a text to every reader of YAML 1.1 and 1.2 */
};

/* One stream with one document. `indicated`: `---` stands above it. What is written is appended to `out`. */
void yaml_write_begin(struct yaml_writer *w, GString *out, gboolean indicated);
void yaml_write_end(struct yaml_writer *w);

/* Maps and lists; `key` is NULL for items of lists and for the top. Keys are plain words, or quoted where they need it. */
void yaml_write_open(struct yaml_writer *w, const char *key, gboolean is_list);
void yaml_write_close(struct yaml_writer *w, gboolean is_list);
/* Bytes that no YAML can hold become U+FFFD. */
void yaml_write_scalar(struct yaml_writer *w, const char *key, const char *text, enum yaml_style style);
