/* cleave why JOB [FRAME]: why a frame, or a job, is as it is. cleave get frames JOB: all frames of it, a line each.
 * cleave logs JOB FRAME: what Blender said. */
#include "base/arena.h"
#include "base/frameset.h"
#include "commands/story.h"
#include "spec/renderjob.h"
#include <stdio.h>
#include <string.h>

enum { FRAMES_LISTED_MAX = 1000000, STORIES_MAX = 10000 };

/* Without a frame: the first one that stands in the way, else that is not there, else the first. */
static gint64 telling_frame(const struct story_book *b)
{
	const struct list *lists[] = { &b->have->failed, &b->have->damaged, &b->have->foreign };
	for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
		if (lists[i]->n)
			return LIST_AT(*lists[i], struct job_frames, 0)->frames.runs[0].first;
	const struct renderjob_spec *job = b->want->spec;
	struct frame_set rest = frames_minus(b->looked.arena, &job->frames, &job->waive);
	for (guint i = 0; i < b->have->whole.n; i++)
		rest = frames_minus(b->looked.arena, &rest, &LIST_AT(b->have->whole, struct job_frames, i)->frames);
	return rest.n_runs ? rest.runs[0].first : job->frames.runs[0].first;
}

/* -1 = fine, else an exit code after it was said what is wrong. */
static int parse_frames(struct arena *a, const char *text, struct frame_set *ret)
{
	const char *wrong = frames_parse(a, text, ret, NULL);
	if (!wrong)
		return -1;
	fprintf(stderr, "cleave: %s: %s\n", text, wrong);
	return EXIT_BAD_USAGE;
}

static int say_why(const struct invocation *in, const struct story_book *b, const struct frame_set *frames)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint64 n = frames_count(frames), i = 0;
	if (n > STORIES_MAX) {
		fprintf(stderr, "cleave: these are %" G_GUINT64_FORMAT " frames; name some of them, or `cleave get frames %s` for a line each\n", n,
		        b->want->id);
		return EXIT_BAD_USAGE;
	}
	struct frame_story *all = ARENA_ARRAY(b->looked.arena, struct frame_story, n);
	FRAMES_EACH (it, frames)
		all[i++] = story_tell(b, it.frame, TRUE);
	if (in->output == OUTPUT_JSON)
		report_stories_json(text, all, (guint)n);
	for (i = 0; in->output != OUTPUT_JSON && i < n; i++)
		report_frame_text(text, &all[i], command_style());
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

int command_why(struct invocation *in)
{
	struct story_book b;
	struct frame_set frames = { 0 };
	if (!in->n_args) {
		fprintf(stderr, "cleave: which frame of which job? As `cleave why nimbus/shot1 12`\n");
		return EXIT_BAD_USAGE;
	}
	int code = story_open(in, in->args[0], &b);
	if (code < 0 && in->n_args > 1)
		code = parse_frames(b.looked.arena, in->args[1], &frames);
	if (code < 0 && in->n_args < 2) {
		if (in->output != OUTPUT_JSON && b.verdict)
			printf("%s %s %s%s%s\n", b.want->id, name_of(&readiness_names, (int)b.verdict->readiness), b.verdict->reason,
			       b.verdict->message ? ": " : "", b.verdict->message ? b.verdict->message : "");
		if (b.have && !b.have->trouble) {
			gint64 frame = telling_frame(&b);
			frames = frames_range(b.looked.arena, frame, frame);
		}
	}
	if (code < 0)
		code = say_why(in, &b, &frames);
	story_close(&b);
	return code;
}

/* -- get frames --------------------------------------------------------------------------------------------- */

static int list_frames(const struct invocation *in, const struct story_book *b, const struct frame_set *frames)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint64 n = frames_count(frames);
	if (n > FRAMES_LISTED_MAX) {
		fprintf(stderr, "cleave: these are %" G_GUINT64_FORMAT " frames; name some of them: `cleave get frames %s 1-1000`\n", n,
		        b->want->id);
		return EXIT_BAD_USAGE;
	}
	struct frame_story *all = ARENA_ARRAY(b->looked.arena, struct frame_story, n);
	guint i = 0;
	FRAMES_EACH (it, frames)
		all[i++] = story_tell(b, it.frame, FALSE);
	if (in->output == OUTPUT_JSON)
		report_frames_json(text, all, i);
	else
		report_frames_text(text, all, i, command_style());
	return command_print(text) ? EXIT_FINE : EXIT_FAILED;
}

int command_get_frames(struct invocation *in)
{
	struct story_book b;
	struct frame_set frames;
	if (in->n_args > 3) {
		fprintf(stderr, "cleave: `%s` is one argument too many\n", in->args[3]);
		return EXIT_BAD_USAGE;
	}
	if (in->n_args < 2 || (in->output != OUTPUT_TEXT && in->output != OUTPUT_JSON)) {
		fprintf(stderr, in->n_args < 2 ? "cleave: the frames of which job? As `cleave get frames nimbus/shot1 [1-100]`\n"
		                               : "cleave: frames are written as text or json\n");
		return EXIT_BAD_USAGE;
	}
	int code = story_open(in, in->args[1], &b);
	if (code < 0) {
		frames = ((const struct renderjob_spec *)b.want->spec)->frames;
		code = in->n_args > 2 ? parse_frames(b.looked.arena, in->args[2], &frames) : -1;
	}
	if (code < 0)
		code = list_frames(in, &b, &frames);
	story_close(&b);
	return code;
}
