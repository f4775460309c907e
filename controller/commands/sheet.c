/* cleave sheet JOB: a contact sheet of the job's frames. A frame is decoded from its visible file, through the job's
 * root on this machine; where none is, and where what is there is not whole, the cell is crossed. */
#include "base/arena.h"
#include "base/frameset.h"
#include "commands/story.h"
#include "frames/image.h"
#include "frames/root.h"
#include "frames/thumbnail.h"
#include "spec/renderjob.h"
#include <stdio.h>
#include <string.h>

enum sheet_option { SHEET_FILE, SHEET_COLUMNS, SHEET_FRAMES };
const struct own_option sheet_options[] = {
	[SHEET_FILE] = { "output", 'o', "FILE.png", "Where to write it (default: the job's name, .png); - is stdout" },
	[SHEET_COLUMNS] = { "columns", 'c', "N", "Frames side by side (default: about a square)" },
	[SHEET_FRAMES] = { "frames", 'f', "SET", "Which frames, as 1-240 or 1-100:5 (default: all)" },
	{ 0 },
};

enum { CELL_WIDTH = 192, CELL_HEIGHT_MAX = 192, CELLS_MAX = 4000, COLUMNS_MAX = 200 };

struct plan_of_sheet {
	struct frame_set frames;
	guint n, columns, width, height;
};

static guint square_root(guint n)
{
	guint side = 1;
	while (side * side < n)
		side++;
	return side;
}

/* -1 = fine, else an exit code after it was said what is wrong. */
static int read_options(const struct invocation *in, const struct story_book *b, struct plan_of_sheet *ret)
{
	const struct renderjob_spec *job = b->want->spec;
	struct plan_of_sheet s = { .frames = job->frames, .width = CELL_WIDTH };
	guint64 columns = 0;
	const char *set = in->own[SHEET_FRAMES], *wrong = set ? frames_parse(b->looked.arena, set, &s.frames, NULL) : NULL;
	if (wrong) {
		fprintf(stderr, "cleave: --frames %s: %s\n", set, wrong);
		return EXIT_BAD_USAGE;
	}
	if (in->own[SHEET_COLUMNS] && !g_ascii_string_to_unsigned(in->own[SHEET_COLUMNS], 10, 1, COLUMNS_MAX, &columns, NULL)) {
		fprintf(stderr, "cleave: --columns %s: a number from 1 to %d\n", in->own[SHEET_COLUMNS], COLUMNS_MAX);
		return EXIT_BAD_USAGE;
	}
	if (frames_count(&s.frames) > CELLS_MAX) {
		fprintf(stderr, "cleave: these are %" G_GUINT64_FORMAT " frames, and a sheet has room for %d; take some of them, as --frames 1-10000:10\n",
		        frames_count(&s.frames), CELLS_MAX);
		return EXIT_BAD_USAGE;
	}
	s.n = (guint)frames_count(&s.frames);
	s.columns = MIN(columns ? (guint)columns : square_root(s.n), s.n);
	s.height = (guint)CLAMP(job->resolution.height * CELL_WIDTH / MAX(job->resolution.width, 1), 16, CELL_HEIGHT_MAX);
	*ret = s;
	return -1;
}

/* What is visible and known as whole; without a look at the job, as while Redis is away, what decodes. */
static gboolean is_known_whole(const struct story_book *b, gint64 frame)
{
	if (!b->have || b->have->trouble)
		return TRUE;
	for (guint i = 0; i < b->have->whole.n; i++)
		if (frames_contain(&LIST_AT(b->have->whole, struct job_frames, i)->frames, frame))
			return TRUE;
	return FALSE;
}

/* TRUE: the cell shows the frame. */
static gboolean draw(const struct story_book *b, const struct plan_of_sheet *p, struct contact *s, guint cell, gint64 frame)
{
	struct list outputs = renderjob_outputs(b->looked.arena, b->want->spec);
	const char *format = name_of(&image_format_names, LIST_AT(outputs, struct job_output, 0)->format);
	g_autofree char *path = frame_path(b->output, frame);
	g_autoptr(GError) error = NULL;
	struct thumbnail t = { 0 };
	SCOPED_FD(fd) = story_open_file(b, path);
	if (fd < 0) {
		contact_cross(s, cell, frame, CONTACT_MISSING);
		return FALSE;
	}
	if (!is_known_whole(b, frame) || !thumbnail_make(fd, format, p->width, p->height, &t, &error)) {
		fprintf(stderr, "cleave: %s: %s\n", path, error ? error->message : "is not what was verified");
		contact_cross(s, cell, frame, CONTACT_DAMAGED);
		return FALSE;
	}
	contact_put(s, cell, frame, &t);
	thumbnail_clear(&t);
	return TRUE;
}

static gboolean write_sheet(const struct contact *s, const char *path, GError **error)
{
	g_autoptr(GByteArray) png = contact_png(s, error);
	if (!png)
		return FALSE;
	if (strcmp(path, "-") != 0)
		return g_file_set_contents(path, (const char *)png->data, png->len, error);
	fwrite(png->data, 1, png->len, stdout);
	return command_flush();
}

static int make_sheet(const struct invocation *in, const struct story_book *b, const struct plan_of_sheet *p)
{
	g_autoptr(GError) error = NULL;
	const char *said = in->own[SHEET_FILE];
	g_autofree char *path = said ? g_strdup(said) : g_strconcat(b->want->meta.name, ".png", NULL);
	struct contact *s = contact_new(p->n, p->columns, p->width, p->height);
	guint cell = 0, n_shown = 0;
	FRAMES_EACH (it, &p->frames)
		n_shown += draw(b, p, s, cell++, it.frame) ? 1 : 0;
	gboolean ok = write_sheet(s, path, &error);
	contact_free(s);
	if (!ok)
		return error ? command_fail(error) : EXIT_FAILED;
	fprintf(strcmp(path, "-") == 0 ? stderr : stdout, "%s: %u of %u frames\n", path, n_shown, p->n);
	return EXIT_FINE;
}

int command_sheet(struct invocation *in)
{
	struct story_book b;
	struct plan_of_sheet p;
	if (!in->n_args) {
		fprintf(stderr, "cleave: of which job? As `cleave sheet nimbus/shot1`\n");
		return EXIT_BAD_USAGE;
	}
	int code = story_open(in, in->args[0], &b);
	if (code < 0)
		code = read_options(in, &b, &p);
	if (code < 0 && b.root_fd < 0) {
		if (!b.root_path)
			fprintf(stderr, "cleave: the frames of %s lie where this machine has no folder for\n", b.want->id);
		code = EXIT_FAILED;
	}
	if (code < 0)
		code = make_sheet(in, &b, &p);
	story_close(&b);
	return code;
}
