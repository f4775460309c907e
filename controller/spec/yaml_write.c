#include "spec/yaml_write.h"
#include "spec/form.h"
#include <string.h>

static int append(void *data, unsigned char *bytes, size_t size)
{
	g_string_append_len(((struct yaml_writer *)data)->out, (const char *)bytes, (gssize)size);
	return 1;
}

static void send(struct yaml_writer *w, yaml_event_t *event)
{
	if (!yaml_emitter_emit(&w->emitter, event))
		g_error("libyaml emitter: %s", w->emitter.problem);
}

/* Observed texts (kernel arguments, file names) may hold bytes that no YAML can: U+FFFD stands for them. */
static void send_text(struct yaml_writer *w, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	if (!yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)valid, (int)strlen(valid), 1, 1, style))
		g_error("libyaml: out of memory");
	send(w, &event);
}

static void send_key(struct yaml_writer *w, const char *key)
{
	gboolean is_plain = !text_is_ambiguous(key) && !strchr(key, '\n');
	send_text(w, key, is_plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

void yaml_write_begin(struct yaml_writer *w, GString *out, gboolean indicated)
{
	yaml_event_t event;
	w->out = out;
	if (!yaml_emitter_initialize(&w->emitter))
		g_error("libyaml: out of memory");
	yaml_emitter_set_output(&w->emitter, append, w);
	yaml_emitter_set_unicode(&w->emitter, 1);
	yaml_emitter_set_width(&w->emitter, -1);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	send(w, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, !indicated);
	send(w, &event);
}

void yaml_write_end(struct yaml_writer *w)
{
	yaml_event_t event;
	yaml_document_end_event_initialize(&event, 1);
	send(w, &event);
	yaml_stream_end_event_initialize(&event);
	send(w, &event);
	yaml_emitter_delete(&w->emitter);
}

void yaml_write_open(struct yaml_writer *w, const char *key, gboolean is_list)
{
	yaml_event_t event;
	if (key)
		send_key(w, key);
	if (is_list)
		yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE);
	else
		yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
	send(w, &event);
}

void yaml_write_close(struct yaml_writer *w, gboolean is_list)
{
	yaml_event_t event;
	if (is_list)
		yaml_sequence_end_event_initialize(&event);
	else
		yaml_mapping_end_event_initialize(&event);
	send(w, &event);
}

void yaml_write_scalar(struct yaml_writer *w, const char *key, const char *text, enum yaml_style style)
{
	if (key)
		send_key(w, key);
	gboolean is_plain = style == YAML_STYLE_PLAIN && !strchr(text, '\n');
	send_text(w, text, is_plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}
