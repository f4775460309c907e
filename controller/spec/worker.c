/* Worker's table. */
#include "spec/worker.h"

const struct field worker_status_fields[] = {
	{ "host", FIELD_STRING, IN(worker_status, host, const char *), .doc = "Host name of its machine." },
	{ "bootId", FIELD_STRING, IN(worker_status, boot_id, const char *), .doc = "Boot of that machine." },
	{ "blender", FIELD_STRING, IN(worker_status, blender, const char *), .doc = "Blender version." },
	{ "job", FIELD_STRING, IN(worker_status, job, const char *), .doc = "The job it renders; absent = idle." },
	{ "silent", FIELD_DURATION, IN(worker_status, silent_ms, gint64), .doc = "Time since its last heartbeat." },
	{ 0 },
};
