/* RenderJob's tables. Rows with FIELD_IN_KEY decide pixels: they are hashed into the frame key
 * (spec/frame_key.c), so a new one of them needs a default that leaves old keys as they were. */
#include "spec/renderjob.h"
#include "base/arena.h"
#include <string.h>
#include "spec/farm.h"

NAME_TABLE(device_names, "a device", 5, "CPU", "CUDA", "OPTIX", "HIP", "ONEAPI");
NAME_TABLE(image_format_names, "a format", 5, "PNG", "OPEN_EXR", "OPEN_EXR_MULTILAYER", "JPEG", "TIFF");
NAME_TABLE(engine_names, "an engine", 3, "CYCLES", "BLENDER_EEVEE", "BLENDER_WORKBENCH");
LOCAL_NAME_TABLE(heal_names, "a way to heal", 3, "untilComplete", "always", "never");
NAME_TABLE(inputs_names, "a way", 3, "", "traced", "none");
NAME_TABLE(order_names, "an order", 4, "", "forward", "reverse", "interleave");
NAME_TABLE(denoise_names, "a denoiser", 4, "", "none", "optix", "oidn");
NAME_TABLE(depth_names, "a depth", 5, "", "8bit", "16bit", "half", "float");
NAME_TABLE(codec_names, "a codec", 9, "", "NONE", "ZIP", "ZIPS", "PIZ", "RLE", "PXR24", "DWAA", "DWAB");
NAME_TABLE(check_names, "a check", 4, "", "accept", "warn", "reject");
LOCAL_NAME_TABLE(need_names, "a need", 3, "", "complete", "frames");

#define LATER .flags = FIELD_LATER
/* Decides pixels. */
#define RENDERS .on_change = EFFECT_RENDER
#define PIXELS .flags = FIELD_IN_KEY, RENDERS

static const struct field scene_fields[] = {
	{ "file", FIELD_STRING, IN(job_scene, file, const char *), .form = FORM_ROOT_PATH, RENDERS,
	  .doc = "The .blend, as ROOT:path." },
	{ "url", FIELD_STRING, IN(job_scene, url, const char *), .form = FORM_URL, RENDERS, .doc = "A .blend or an archive to fetch, instead of `file`." },
	{ "blend", FIELD_STRING, IN(job_scene, blend, const char *), .form = FORM_BLEND, RENDERS, .doc = "The .blend inside the archive." },
	{ "sha256", FIELD_STRING, IN(job_scene, sha256, const char *), .form = FORM_SHA256, RENDERS,
	  .doc = "Its digest. Without it the digest found at the first enqueue is recorded and kept." },
	{ "follow", FIELD_BOOL, IN(job_scene, follow, gboolean), RENDERS, .doc = "Render anew whenever the file changes, instead of stopping." },
	{ "name", FIELD_STRING, IN(job_scene, name, const char *), .max = 63, PIXELS, .doc = "The scene in the .blend; without the key the one it was saved with." },
	{ "camera", FIELD_STRING, IN(job_scene, camera, const char *), .max = 63, PIXELS, .doc = "The camera; without the key the scene's." },
	{ "viewLayers", FIELD_STRINGS, IN(job_scene, view_layers, struct strings), .max = 63, PIXELS, .doc = "View layers to render; without the key those that are on." },
	{ 0 },
};

static const struct field inputs_fields[] = {
	{ "mode", FIELD_ENUM, IN(job_inputs, mode, int), .names = &inputs_names, .flags = FIELD_SHORTHAND,
	  .doc = "traced: the files that Blender opened; none: the .blend holds all." },
	{ "files", FIELD_STRINGS, IN(job_inputs, files, struct strings), .form = FORM_ROOT_PATH, .flags = FIELD_SHORTHAND, RENDERS,
	  .doc = "Libraries, textures and caches, as ROOT:path; `*` stands for anything in a name." },
	{ "sha256", FIELD_STRING, IN(job_inputs, sha256, const char *), .form = FORM_SHA256, RENDERS,
	  .doc = "Digest of all of them together, as `cleave repin` writes it. Without it the one found at the first enqueue is recorded and kept." },
	{ 0 },
};

static const struct field chunk_fields[] = {
	{ "frames", FIELD_INT, IN(job_chunk, n_frames, gint64), .def = "5", .min = 1, .max = 1000, .flags = FIELD_SHORTHAND | FIELD_IN_QUEUE,
	  .doc = "A number of frames." },
	{ "seconds", FIELD_INT, IN(job_chunk, seconds, gint64), .min = 1, .max = 86400,
	  .doc = "As many as take so long, by the frames rendered last, instead of `frames`." },
	{ 0 },
};

static const struct field output_fields[] = {
	{ "name", FIELD_STRING, IN(job_output, name, const char *), .required = TRUE, .form = FORM_NAME, PIXELS, .doc = "What reports call it." },
	{ "file", FIELD_STRING, IN(job_output, file, const char *), .required = TRUE, .form = FORM_OUTPUT, .doc = "As the job's `output`." },
	{ "node", FIELD_STRING, IN(job_output, node, const char *), .max = 63, PIXELS, .doc = "The File Output node that writes it; without the key the render itself." },
	{ "format", FIELD_ENUM, IN(job_output, format, int), .def = "PNG", .names = &image_format_names, PIXELS, .doc = "File format." },
	{ "depth", FIELD_ENUM, IN(job_output, depth, int), .names = &depth_names, PIXELS, .doc = "Bits a channel." },
	{ "codec", FIELD_ENUM, IN(job_output, codec, int), .names = &codec_names, PIXELS, .doc = "Compression of OpenEXR." },
	{ 0 },
};

static const struct field preview_fields[] = {
	{ "movie", FIELD_STRING, IN(job_preview, movie, const char *), .form = FORM_MOVIE, .flags = FIELD_LATER | FIELD_ASIDE, .doc = "A movie made of the frames when all are there." },
	{ "fps", FIELD_INT, IN(job_preview, fps, gint64), .min = 1, .max = 240, .flags = FIELD_LATER | FIELD_ASIDE, .doc = "Its frames a second." },
	{ 0 },
};

static const struct field override_fields[] = {
	{ "frames", FIELD_FRAMES, IN(job_override, frames, struct frame_set), .required = TRUE,
	  .doc = "The frames it speaks of." },
	{ "samples", FIELD_INT, IN(job_override, samples, gint64), .min = 1, .max = 1 << 20, RENDERS,
	  .doc = "Samples for these frames." },
	{ "resolution", FIELD_RESOLUTION, IN(job_override, resolution, struct resolution), RENDERS,
	  .doc = "Resolution for these frames." },
	{ 0 },
};

static const struct field requires_fields[] = {
	{ "labels", FIELD_MAP, IN(job_requires, labels, struct list), ITEMS(label_fields, label), .doc = "Labels a worker must have." },
	{ "vram", FIELD_BYTES, IN(job_requires, vram_bytes, guint64), .min = (gint64)MiB, .max = (gint64)TiB, .unit = (gint64)MiB,
	  .doc = "Memory a GPU must have." },
	{ "gpus", FIELD_INT, IN(job_requires, n_gpus, gint64), .min = 1, .max = 64, .doc = "GPUs a frame needs together." },
	{ 0 },
};

static const struct field checks_fields[] = {
	{ "black", FIELD_ENUM, IN(job_checks, black, int), .names = &check_names, .doc = "A frame that is all black." },
	{ "constant", FIELD_ENUM, IN(job_checks, constant, int), .names = &check_names, .doc = "A frame of one colour." },
	{ "nan", FIELD_ENUM, IN(job_checks, nan, int), .names = &check_names, .doc = "A frame with values that are no numbers." },
	{ "missingAssets", FIELD_ENUM, IN(job_checks, missing_assets, int), .names = &check_names, .doc = "Textures or libraries that Blender did not find." },
	{ 0 },
};

static const struct field after_fields[] = {
	{ "job", FIELD_STRING, IN(job_after, job, const char *), .required = TRUE, .max = 257, .flags = FIELD_SHORTHAND,
	  .doc = "A job of the same project, or PROJECT/NAME." },
	{ "need", FIELD_ENUM, IN(job_after, need, int), .names = &need_names, .doc = "complete: all of it first; frames: each frame after its own. Without the key complete." },
	{ 0 },
};

const struct field renderjob_fields[] = {
	{ "project", FIELD_STRING, IN(renderjob_spec, project, const char *), .required = TRUE, .form = FORM_NAME,
	  .doc = "The production it belongs to; job names are unique within it." },
	{ "scene", FIELD_STRUCT, IN(renderjob_spec, scene, struct job_scene), .fields = scene_fields, .required = TRUE,
	  .doc = "What is rendered." },
	{ "inputs", FIELD_STRUCT, IN(renderjob_spec, inputs, struct job_inputs), .fields = inputs_fields, .doc = "Files that the scene needs besides itself." },
	{ "blender", FIELD_STRING, IN(renderjob_spec, blender, const char *), .form = FORM_VERSION, PIXELS,
	  .doc = "Blender version a worker must have, as 3.4.1; absent = any." },
	{ "frames", FIELD_FRAMES, IN(renderjob_spec, frames, struct frame_set), .required = TRUE,
	  .doc = "Frame numbers and ranges, as 1-240 or 1-10:2,20." },
	{ "order", FIELD_ENUM, IN(renderjob_spec, order, int), .names = &order_names, .flags = FIELD_IN_QUEUE,
	  .doc = "Order of the frames; interleave shows a rough animation first. Without the key forward." },
	{ "chunk", FIELD_STRUCT, IN(renderjob_spec, chunk, struct job_chunk), .fields = chunk_fields,
	  .flags = FIELD_IN_QUEUE, .doc = "Frames a worker takes at once." },
	{ "engine", FIELD_ENUM, IN(renderjob_spec, engine, int), .def = "CYCLES", .names = &engine_names, PIXELS,
	  .doc = "Render engine." },
	{ "device", FIELD_ENUM, IN(renderjob_spec, device, int), .def = "CPU", .names = &device_names, PIXELS,
	  .doc = "What Cycles computes on. Never another one silently." },
	{ "samples", FIELD_INT, IN(renderjob_spec, samples, gint64), .def = "128", .min = 1, .max = 1 << 20, PIXELS,
	  .doc = "Samples a pixel." },
	{ "resolution", FIELD_RESOLUTION, IN(renderjob_spec, resolution, struct resolution), .required = TRUE, PIXELS,
	  .doc = "Width and height in pixels." },
	{ "denoise", FIELD_ENUM, IN(renderjob_spec, denoise, int), .names = &denoise_names, PIXELS,
	  .doc = "Denoiser; without the key as the scene says." },
	{ "threads", FIELD_INT, IN(renderjob_spec, n_threads, gint64), .min = 1, .max = 1024, .doc = "CPU threads; without the key all of the worker." },
	{ "format", FIELD_ENUM, IN(renderjob_spec, format, int), .def = "PNG", .names = &image_format_names, PIXELS,
	  .doc = "File format of the frames. Each is decoded whole before it counts. PNG carries checksums of all its bytes; OPEN_EXR those "
	         "that its codec has (ZIP, ZIPS, PXR24: of all pixels); in JPEG and TIFF only cuts and data that cannot be decoded are "
	         "found, and in TIFF damaged DEFLATE. WebP and movies cannot be verified as frames." },
	{ "depth", FIELD_ENUM, IN(renderjob_spec, depth, int), .names = &depth_names, PIXELS,
	  .doc = "Bits a channel, which each frame is compared with; without the key as the scene says." },
	{ "codec", FIELD_ENUM, IN(renderjob_spec, codec, int), .names = &codec_names, PIXELS, .doc = "Compression of OpenEXR; without the key as the scene says." },
	{ "output", FIELD_STRING, IN(renderjob_spec, output, const char *), .form = FORM_OUTPUT,
	  .doc = "Where frames go, as ROOT:path/name.####.png." },
	{ "outputs", FIELD_LIST, IN(renderjob_spec, outputs, struct list), ITEMS(output_fields, job_output), RENDERS,
	  .doc = "Several files a frame, instead of `output`." },
	{ "preview", FIELD_STRUCT, IN(renderjob_spec, preview, struct job_preview), .fields = preview_fields, .doc = "A movie to look at." },
	{ "overrides", FIELD_LIST, IN(renderjob_spec, overrides, struct list), ITEMS(override_fields, job_override),
	  .doc = "Other values for some of the frames; later ones win." },
	{ "queue", FIELD_STRING, IN(renderjob_spec, queue, const char *), .form = FORM_NAME,
	  .doc = "A queue of the Farm; absent = its default." },
	{ "priority", FIELD_INT, IN(renderjob_spec, priority, gint64), .def = "50", .min = 0, .max = 100,
	  .flags = FIELD_IN_QUEUE, .doc = "Within the queue, higher first." },
	{ "requires", FIELD_STRUCT, IN(renderjob_spec, requires, struct job_requires), .fields = requires_fields,
	  .flags = FIELD_IN_QUEUE, .doc = "What a worker must have." },
	{ "retries", FIELD_INT, IN(renderjob_spec, retries, gint64), .def = "3", .min = 0, .max = 100,
	  .flags = FIELD_IN_QUEUE, .doc = "How often a frame that failed is tried again." },
	{ "timeLimit", FIELD_DURATION, IN(renderjob_spec, time_limit_ms, gint64), .def = "1h", .min = 1000,
	  .max = 30 * 86400000LL, .doc = "Longest time for one frame; frames queued before a change keep the old one." },
	{ "memoryLimit", FIELD_BYTES, IN(renderjob_spec, memory_limit_bytes, guint64), .min = 64 * (gint64)MiB, .max = 64 * (gint64)TiB,
	  .unit = (gint64)MiB, .doc = "Most memory that Blender may take on the worker; without the key as the worker says." },
	{ "heal", FIELD_ENUM, IN(renderjob_spec, heal, int), .def = "untilComplete", .names = &heal_names,
	  .doc = "Whether frames that are lost or damaged after the job was complete come back by themselves." },
	{ "checks", FIELD_STRUCT, IN(renderjob_spec, checks, struct job_checks), .fields = checks_fields, .doc = "What is thought of suspicious frames." },
	{ "after", FIELD_LIST, IN(renderjob_spec, after, struct list), ITEMS(after_fields, job_after), .doc = "Jobs that come first." },
	{ "arguments", FIELD_STRINGS, IN(renderjob_spec, arguments, struct strings), .max = 256, PIXELS, .doc = "More arguments for Blender, of those that are allowed." },
	{ "scripts", FIELD_BOOL, IN(renderjob_spec, scripts, gboolean), PIXELS, .doc = "Run the scripts and drivers in the .blend." },
	{ "waive", FIELD_FRAMES, IN(renderjob_spec, waive, struct frame_set),
	  .doc = "Frames that are given up: the job is complete without them, and they are not rendered." },
	SUSPEND_ROW(renderjob_spec, "Its frames wait for a while: what a worker has is finished, no more is given out, nothing is cancelled; one value is the reason."),
	{ "paused", FIELD_BOOL, IN(renderjob_spec, is_paused, gboolean), .flags = FIELD_IN_QUEUE | FIELD_DERIVED,
	  .doc = "It is suspended, so that no worker gets its frames." },
	{ "ttlAfterComplete", FIELD_DURATION, IN(renderjob_spec, ttl_after_complete_ms, gint64), .min = 60000, .max = 3650 * 86400000LL,
	  .flags = FIELD_LATER | FIELD_ASIDE,
	  .doc = "How long after its completion the job's file is moved out of the tree." },
	{ "reconcile", FIELD_ENUM, IN(renderjob_spec, reconcile, int), .names = &reconcile_names,
	  .doc = "How far cleave goes with this job; without the key as the Farm says." },
	{ 0 },
};

static const struct field scene_status_fields[] = {
	{ "pinned", FIELD_STRING, IN(job_scene_status, pinned, const char *), .doc = "Digest recorded at the first enqueue." },
	{ "found", FIELD_STRING, IN(job_scene_status, found, const char *), .doc = "Digest of the file now." },
	{ "reason", FIELD_STRING, IN(job_scene_status, reason, const char *), .doc = "Why it cannot be read." },
	{ "changing", FIELD_BOOL, IN(job_scene_status, changing, gboolean), .doc = "It was written a moment ago." },
	{ 0 },
};

static const struct field inputs_status_fields[] = {
	{ "pinned", FIELD_STRING, IN(job_inputs_status, pinned, const char *), .doc = "Digest of the listed files, recorded at the first enqueue." },
	{ "found", FIELD_STRING, IN(job_inputs_status, found, const char *), .doc = "Digest of the listed files now; of traced ones, of those that changed." },
	{ "reason", FIELD_STRING, IN(job_inputs_status, reason, const char *), .doc = "Why they cannot be read." },
	{ "changing", FIELD_BOOL, IN(job_inputs_status, changing, gboolean), .doc = "One was written a moment ago." },
	{ "changed", FIELD_STRINGS, IN(job_inputs_status, changed, struct strings), .doc = "The first of those that are not what was recorded." },
	{ "changedCount", FIELD_INT, IN(job_inputs_status, n_changed, gint64), .doc = "How many those are." },
	{ "undeclared", FIELD_STRINGS, IN(job_inputs_status, undeclared, struct strings), .doc = "The first of those that Blender opened and `inputs` does not name." },
	{ "undeclaredCount", FIELD_INT, IN(job_inputs_status, n_undeclared, gint64), .doc = "How many those are." },
	{ 0 },
};

static const struct field keys_fields[] = {
	{ "key", FIELD_STRING, IN(job_key, key, const char *), .doc = "Key of frames." },
	{ "values", FIELD_STRINGS, IN(job_key, values, struct strings), .doc = "The declared values that it stands for." },
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
	{ "limits", FIELD_STRING, IN(job_queue_status, limits, const char *), .doc = "The Farm's limits that it knows of." },
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
	{ "inputs", FIELD_STRUCT, IN(renderjob_status, inputs, struct job_inputs_status), .fields = inputs_status_fields,
	  .doc = "The files that the scene needs." },
	FRAMES_ROW("whole", whole, "Delivered and as verified."),
	FRAMES_ROW("damaged", damaged, "Delivered once, but the file is not what was verified."),
	FRAMES_ROW("foreign", foreign, "A file that cleave did not make stands there."),
	FRAMES_ROW("unseen", unseen, "Whole, read for the first time."),
	FRAMES_ROW("rotten", rotten, "Damaged, which is not recorded yet."),
	FRAMES_ROW("elsewhere", elsewhere, "Whole at another path, from where they can be copied."),
	FRAMES_ROW("staged", staged, "Verified, not delivered yet."),
	FRAMES_ROW("stored", stored, "In the store; can be put back."),
	FRAMES_ROW("rendered", rendered, "Verified at least once, whatever became of the file."),
	FRAMES_ROW("queued", queued, "Waiting in the queue."),
	FRAMES_ROW("running", running, "Leased by a worker."),
	FRAMES_ROW("failed", failed, "Given up after the retries."),
	{ "keys", FIELD_LIST, IN(renderjob_status, keys, struct list), ITEMS(keys_fields, job_key), .doc = "What keys stand for." },
	{ "queue", FIELD_STRUCT, IN(renderjob_status, queue, struct job_queue_status), .fields = queue_status_fields,
	  .doc = "What the queue knows." },
	{ "secondsPerFrame", FIELD_DECIMAL, IN(renderjob_status, frame_seconds, gint64), .doc = "What a frame took on average." },
	{ "timedFrames", FIELD_INT, IN(renderjob_status, n_timed, gint64), .doc = "Of how many that is the average." },
	{ "completed", FIELD_STRING, IN(renderjob_status, completed, const char *),
	  .doc = "Digest of the frames and keys that were complete last." },
	{ 0 },
};

struct list renderjob_outputs(struct arena *a, const struct renderjob_spec *job)
{
	if (job->outputs.n)
		return job->outputs;
	struct job_output *one = ARENA_NEW(a, struct job_output);
	*one = (struct job_output){ .file = job->output, .format = job->format, .depth = job->depth, .codec = job->codec };
	return (struct list){ one, 1 };
}

/* Declared, followed or pinned: of scene and inputs alike. */
static const char *which_digest(const struct renderjob_spec *job, const char *declared, const char *pinned, const char *found)
{
	if (declared)
		return declared;
	if (job->scene.follow)
		return found ? found : pinned;
	return pinned ? pinned : found;
}

const char *renderjob_after_id(struct arena *a, const struct renderjob_spec *job, const struct job_after *after)
{
	return strchr(after->job, '/') ? after->job : arena_printf(a, "%s/%s", job->project ? job->project : "", after->job);
}

const char *renderjob_scene_sha256(const struct renderjob_spec *job, const struct renderjob_status *status)
{
	return which_digest(job, job->scene.sha256, status->scene.pinned, status->scene.found);
}

const char *renderjob_inputs_sha256(const struct renderjob_spec *job, const struct renderjob_status *status)
{
	const struct job_inputs *in = &job->inputs;
	if (in->files.n)
		return which_digest(job, in->sha256, status->inputs.pinned, status->inputs.found);
	if (in->mode != INPUTS_TRACED)
		return NULL;
	return in->sha256 || !job->scene.follow ? in->sha256 : status->inputs.found;
}

struct strings renderjob_paths(struct arena *a, const struct renderjob_spec *job)
{
	struct strings all = { ARENA_ARRAY(a, const char *, job->outputs.n + job->inputs.files.n + 2), 0 };
	struct list outputs = renderjob_outputs(a, job);
	for (guint i = 0; i < outputs.n; i++)
		if (LIST_AT(outputs, struct job_output, i)->file)
			all.items[all.n++] = LIST_AT(outputs, struct job_output, i)->file;
	if (job->scene.file)
		all.items[all.n++] = job->scene.file;
	for (guint i = 0; i < job->inputs.files.n; i++)
		all.items[all.n++] = job->inputs.files.items[i];
	return all;
}
