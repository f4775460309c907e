/* RenderJob's tables. Rows with FIELD_IN_KEY decide pixels: they are hashed into the frame key
 * (spec/frame_key.c), so a new one of them needs a default that leaves old keys as they were. */
#include "spec/renderjob.h"
#include "spec/kinds.h"
#include <string.h>

NAME_TABLE(device_names, "a device", 5, "CPU", "CUDA", "OPTIX", "HIP", "ONEAPI");
NAME_TABLE(image_format_names, "a format", 1, "PNG");
NAME_TABLE(engine_names, "an engine", 1, "CYCLES");
LOCAL_NAME_TABLE(heal_names, "a way to heal", 3, "untilComplete", "always", "never");

static const char *check_output(struct arena *a, const char *text)
{
	const char *wrong = check_root_path(a, text);
	if (wrong)
		return wrong;
	if (!strchr(strrchr(text, '/') ? strrchr(text, '/') : text, '#'))
		return "the file name needs `#` where the frame number goes, as frames:shot/beauty.####.png";
	return NULL;
}

static const struct field scene_fields[] = {
	{ "file", FIELD_STRING, IN(job_scene, file, const char *), .required = TRUE, .check = check_root_path,
	  .doc = "The .blend, as ROOT:path." },
	{ "sha256", FIELD_STRING, IN(job_scene, sha256, const char *), .check = check_sha256,
	  .doc = "Its digest. Without it the digest found at the first enqueue is recorded and kept." },
	{ 0 },
};

static const struct field override_fields[] = {
	{ "frames", FIELD_FRAMES, IN(job_override, frames, struct frame_set), .required = TRUE,
	  .doc = "The frames it speaks of." },
	{ "samples", FIELD_INT, IN(job_override, samples, gint64), .min = 1, .max = 1 << 20,
	  .doc = "Samples for these frames." },
	{ "resolution", FIELD_RESOLUTION, IN(job_override, resolution, struct resolution),
	  .doc = "Resolution for these frames." },
	{ 0 },
};

const struct field renderjob_fields[] = {
	{ "project", FIELD_STRING, IN(renderjob_spec, project, const char *), .required = TRUE, .check = check_name,
	  .doc = "The production it belongs to; job names are unique within it." },
	{ "scene", FIELD_STRUCT, IN(renderjob_spec, scene, struct job_scene), .fields = scene_fields, .required = TRUE,
	  .doc = "What is rendered." },
	{ "blender", FIELD_STRING, IN(renderjob_spec, blender, const char *), .max = 32, .flags = FIELD_IN_KEY,
	  .on_change = EFFECT_RENDER, .doc = "Blender version a worker must have, as 3.4.1; absent = any." },
	{ "frames", FIELD_FRAMES, IN(renderjob_spec, frames, struct frame_set), .required = TRUE,
	  .doc = "Frame numbers and ranges, as 1-240 or 1-10:2,20." },
	{ "chunk", FIELD_INT, IN(renderjob_spec, chunk, gint64), .def = "5", .min = 1, .max = 1000,
	  .flags = FIELD_IN_QUEUE, .doc = "Frames a worker takes at once." },
	{ "engine", FIELD_ENUM, IN(renderjob_spec, engine, int), .def = "CYCLES", .names = &engine_names,
	  .flags = FIELD_IN_KEY, .on_change = EFFECT_RENDER, .doc = "Render engine." },
	{ "device", FIELD_ENUM, IN(renderjob_spec, device, int), .def = "CPU", .names = &device_names,
	  .flags = FIELD_IN_KEY, .on_change = EFFECT_RENDER,
	  .doc = "What Cycles computes on. Never another one silently." },
	{ "samples", FIELD_INT, IN(renderjob_spec, samples, gint64), .def = "128", .min = 1, .max = 1 << 20,
	  .flags = FIELD_IN_KEY, .on_change = EFFECT_RENDER, .doc = "Samples a pixel." },
	{ "resolution", FIELD_RESOLUTION, IN(renderjob_spec, resolution, struct resolution), .required = TRUE,
	  .flags = FIELD_IN_KEY, .on_change = EFFECT_RENDER, .doc = "Width and height in pixels." },
	{ "format", FIELD_ENUM, IN(renderjob_spec, format, int), .def = "PNG", .names = &image_format_names,
	  .flags = FIELD_IN_KEY, .on_change = EFFECT_RENDER, .doc = "File format of the frames." },
	{ "output", FIELD_STRING, IN(renderjob_spec, output, const char *), .required = TRUE, .check = check_output,
	  .doc = "Where frames go, as ROOT:path/name.####.png." },
	{ "overrides", FIELD_LIST, IN(renderjob_spec, overrides, struct list), ITEMS(override_fields, job_override),
	  .doc = "Other values for some of the frames; later ones win." },
	{ "queue", FIELD_STRING, IN(renderjob_spec, queue, const char *), .check = check_name,
	  .doc = "A queue of the Farm; absent = its default." },
	{ "priority", FIELD_INT, IN(renderjob_spec, priority, gint64), .def = "50", .min = 0, .max = 100,
	  .flags = FIELD_IN_QUEUE, .doc = "Within the queue, higher first." },
	{ "retries", FIELD_INT, IN(renderjob_spec, retries, gint64), .def = "3", .min = 0, .max = 100,
	  .flags = FIELD_IN_QUEUE, .doc = "How often a frame that failed is tried again." },
	{ "timeLimit", FIELD_DURATION, IN(renderjob_spec, time_limit_ms, gint64), .def = "1h", .min = 1000,
	  .max = 30 * 86400000LL, .doc = "Longest time for one frame; frames queued before a change keep the old one." },
	{ "heal", FIELD_ENUM, IN(renderjob_spec, heal, int), .def = "untilComplete", .names = &heal_names,
	  .doc = "Whether frames that are lost or damaged after the job was complete come back by themselves." },
	{ "suspend", FIELD_BOOL, IN(renderjob_spec, suspend, gboolean), .flags = FIELD_IN_QUEUE,
	  .doc = "Its frames wait; none is given to a worker." },
	{ 0 },
};

static const struct field scene_status_fields[] = {
	{ "pinned", FIELD_STRING, IN(job_scene_status, pinned, const char *), .doc = "Digest recorded at the first enqueue." },
	{ "found", FIELD_STRING, IN(job_scene_status, found, const char *), .doc = "Digest of the file now." },
	{ "reason", FIELD_STRING, IN(job_scene_status, reason, const char *), .doc = "Why it cannot be read." },
	{ 0 },
};

static const struct field frames_fields[] = {
	{ "frames", FIELD_FRAMES, IN(job_frames, frames, struct frame_set), .doc = "Frame numbers." },
	{ "key", FIELD_STRING, IN(job_frames, key, const char *), .doc = "Key of their declared values." },
	{ "detail", FIELD_STRING, IN(job_frames, detail, const char *), .doc = "Worker, or why." },
	{ 0 },
};

static const struct field queue_status_fields[] = {
	{ "known", FIELD_BOOL, IN(job_queue_status, known, gboolean), .doc = "The queue knows the job." },
	{ "rank", FIELD_INT, IN(job_queue_status, rank, gint64), .doc = "Rank of its queue, 0 first." },
	{ "values", FIELD_STRUCT, IN(job_queue_status, values, struct renderjob_spec), .fields = renderjob_fields,
	  .flags = FIELD_PARTIAL, .doc = "Its values there." },
	{ 0 },
};

#define FRAMES_ROW(name_, member, doc_)                                                             \
	{ name_, FIELD_LIST, IN(renderjob_status, member, struct list), ITEMS(frames_fields, job_frames), .doc = doc_ }

const struct field renderjob_status_fields[] = {
	{ "trouble", FIELD_STRING, IN(renderjob_status, trouble, const char *),
	  .doc = "Why it could not be looked at; nothing else is told then." },
	{ "scene", FIELD_STRUCT, IN(renderjob_status, scene, struct job_scene_status), .fields = scene_status_fields,
	  .doc = "The scene file." },
	FRAMES_ROW("whole", whole, "Delivered and as verified."),
	FRAMES_ROW("damaged", damaged, "Delivered once, but the file is not what was verified."),
	FRAMES_ROW("foreign", foreign, "A file that cleave did not make stands there."),
	FRAMES_ROW("unseen", unseen, "Whole, read for the first time."),
	FRAMES_ROW("staged", staged, "Verified, not delivered yet."),
	FRAMES_ROW("stored", stored, "In the store; can be put back."),
	FRAMES_ROW("rendered", rendered, "Verified at least once, whatever became of the file."),
	FRAMES_ROW("queued", queued, "Waiting in the queue."),
	FRAMES_ROW("running", running, "Leased by a worker."),
	FRAMES_ROW("failed", failed, "Given up after the retries."),
	{ "queue", FIELD_STRUCT, IN(renderjob_status, queue, struct job_queue_status), .fields = queue_status_fields,
	  .doc = "What the queue knows." },
	{ "completed", FIELD_STRING, IN(renderjob_status, completed, const char *),
	  .doc = "Digest of the frames and keys that were complete last." },
	{ 0 },
};

const char *renderjob_scene_sha256(const struct renderjob_spec *job, const struct renderjob_status *status)
{
	if (job->scene.sha256)
		return job->scene.sha256;
	return status->scene.pinned ? status->scene.pinned : status->scene.found;
}
