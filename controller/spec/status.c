/* Tables of the status-only kinds. */
#include "spec/status.h"

static const struct field card_fields[] = {
	{ "address", FIELD_STRING, IN(worker_card, address, const char *), .doc = "On the PCI bus that the worker sees." },
	{ "memory", FIELD_BYTES, IN(worker_card, memory_bytes, guint64), .doc = "All of its memory." },
	{ "celsius", FIELD_INT, IN(worker_card, celsius, gint64), .doc = "Its temperature." },
	{ "watts", FIELD_INT, IN(worker_card, watts, gint64), .doc = "What it takes." },
	{ 0 },
};

const struct field worker_status_fields[] = {
	{ "host", FIELD_STRING, IN(worker_status, host, const char *), .doc = "Host name of its machine." },
	{ "bootId", FIELD_STRING, IN(worker_status, boot_id, const char *), .doc = "Boot of that machine." },
	{ "vm", FIELD_STRING, IN(worker_status, vm, const char *), .doc = "The VM it runs in, as it was told." },
	{ "uuid", FIELD_STRING, IN(worker_status, uuid, const char *), .doc = "UUID of that VM, as its firmware says." },
	{ "gpus", FIELD_STRINGS, IN(worker_status, gpus, struct strings),
	  .doc = "GPUs that its machine sees: vendor and device, and the name where a driver tells it." },
	{ "cards", FIELD_LIST, IN(worker_status, cards, struct list), ITEMS(card_fields, worker_card),
	  .doc = "The same ones as NVML measured them within the last minute." },
	{ "version", FIELD_STRING, IN(worker_status, version, const char *), .doc = "Version of cleave-worker." },
	{ "state", FIELD_STRING, IN(worker_status, state, const char *),
	  .doc = "starting, idle, rendering, waiting or drained." },
	{ "detail", FIELD_STRING, IN(worker_status, detail, const char *), .doc = "Why it waits or is drained." },
	{ "blender", FIELD_STRING, IN(worker_status, blender, const char *),
	  .doc = "Blender version; absent = none has answered." },
	{ "devices", FIELD_STRINGS, IN(worker_status, devices, struct strings), .doc = "What Blender renders with." },
	{ "labels", FIELD_STRINGS, IN(worker_status, labels, struct strings), .doc = "What jobs may require of it." },
	{ "job", FIELD_STRING, IN(worker_status, job, const char *), .doc = "The job it renders; absent = idle." },
	{ "silent", FIELD_DURATION, IN(worker_status, silent_ms, gint64), .doc = "Time since its last heartbeat." },
	{ 0 },
};

const struct field condition_fields[] = {
	{ "type", FIELD_STRING, IN(condition, type, const char *), .doc = "Ready, Reconciling or Stalled." },
	{ "status", FIELD_STRING, IN(condition, status, const char *), .doc = "True; Unknown where its host is not heard." },
	{ "reason", FIELD_STRING, IN(condition, reason, const char *), .doc = "Why, in one word." },
	{ "message", FIELD_STRING, IN(condition, message, const char *), .doc = "Why, as a sentence." },
	{ "revision", FIELD_STRING, IN(condition, revision, const char *), .doc = "Of the specs it was held against." },
	{ "lastTransitionTime", FIELD_STRING, IN(condition, last_transition, const char *),
	  .doc = "Since when type and reason are these, as the controller saw it." },
	{ "readyRevision", FIELD_STRING, IN(condition, ready_revision, const char *),
	  .doc = "The revision at which it was Ready last, or is." },
	{ 0 },
};

const struct field revision_status_fields[] = {
	{ "source", FIELD_STRING, IN(revision_status, source, const char *), .doc = "Where the controller reads its specs." },
	{ "applied", FIELD_STRING, IN(revision_status, applied, const char *), .doc = "The revision in force." },
	{ "commit", FIELD_STRING, IN(revision_status, commit, const char *), .doc = "Its commit." },
	{ "refused", FIELD_STRING, IN(revision_status, refused, const char *),
	  .doc = "A newer revision that is not valid; the one before stays in force." },
	{ "trouble", FIELD_STRING, IN(revision_status, trouble, const char *), .doc = "Its first problem, with the place." },
	{ "reason", FIELD_STRING, IN(revision_status, reason, const char *), .doc = "The same in one word." },
	{ "away", FIELD_STRING, IN(revision_status, away, const char *),
	  .doc = "Why the remote repository cannot be fetched; the last commit stays in force." },
	{ "awaySince", FIELD_STRING, IN(revision_status, away_since, const char *), .doc = "Since when." },
	{ 0 },
};
