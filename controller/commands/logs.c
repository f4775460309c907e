/* cleave logs JOB FRAME: what Blender said when it rendered the frame last, as its worker kept it beside the manifest. */
#include "base/arena.h"
#include "base/frameset.h"
#include "commands/story.h"
#include "spec/renderjob.h"
#include <stdio.h>
#include <string.h>

static int print_log(const struct story_book *b, gint64 frame)
{
	struct frame_story f = story_tell(b, frame, TRUE);
	g_autofree char *text = NULL;
	gsize size;
	if (!f.log_file && strcmp(f.state, "notWanted") == 0) {
		const struct renderjob_spec *job = b->want->spec;
		fprintf(stderr, "cleave: %s has no frame %" G_GINT64_FORMAT "; it has %s\n", f.job, frame,
		        frames_format(b->looked.arena, &job->frames));
		return EXIT_FAILED;
	}
	if (!f.log_file || !g_file_get_contents(f.log_file, &text, &size, NULL)) {
		fprintf(stderr, "cleave: there is no log of %s frame %" G_GINT64_FORMAT ", which is %s: it was not tried yet, or its log was cleared\n",
		        f.job, frame, f.state);
		return EXIT_FAILED;
	}
	fwrite(text, 1, size, stdout);
	return command_flush() ? EXIT_FINE : EXIT_FAILED;
}

int command_logs(struct invocation *in)
{
	struct story_book b;
	gint64 frame;
	if (in->n_args < 2 || !g_ascii_string_to_signed(in->args[1], 10, G_MININT32, G_MAXINT32, &frame, NULL)) {
		fprintf(stderr, "cleave: which frame of which job? As `cleave logs nimbus/shot1 12`\n");
		return EXIT_BAD_USAGE;
	}
	int code = story_open(in, in->args[0], &b);
	if (code < 0)
		code = print_log(&b, frame);
	story_close(&b);
	return code;
}
