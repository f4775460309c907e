/* The records of a manifest, and their lines: `CRC32(8 hex) SP JSON LF`.
 *
 * One struct for all types and one table of fields (record.c), which the writer and the reader loop
 * over. In and out: struct record ↔ a line. Called by manifest*.c; the struct by everyone. */
#pragma once
#include "base/names.h"
#include <glib.h>

enum record_type {
	RECORD_FRAME,      /* a frame was rendered and verified; it is staged, visible or in the store */
	RECORD_SEEN,       /* the job owner read this content at this path; without a key: it is no frame */
	RECORD_PIN,        /* the content of scene or inputs that this job renders, or what a key stands for */
	RECORD_COMPLETE,   /* all frames of this digest of wanted keys were there */
	RECORD_SUPERSEDED, /* the report of `frame` by `token` was fenced off: its frame record is void */
	RECORD_FAILED,     /* an attempt at a frame that went wrong; outlives what the queue counts */
	RECORD_INPUT,      /* a file that Blender opened, with what was in it; once per job and content */
	RECORD_TYPES,
};
extern const struct name_table record_types;

/* The token of a failed record that stands for all earlier failures of its frame: their seconds together, and how many
 * as the number that `reason` begins with. Written by compact.c; what it stands for counts no more. */
#define FAILED_EARLIER "~earlier"

/* What a pin record of all inputs together has as its file. */
#define PIN_INPUTS "inputs"
/* And one of what a frame key stands for, in front of the key; its `values` are the key's text. */
#define PIN_KEY "key:"

/* A member that a type does not have is 0 or NULL. Paths are relative to the root. */
struct record {
	enum record_type type;
	guint32 width, height;               /* frame: pixels */
	guint32 samples;                     /* frame */
	gint64 time_us;                      /* all: when it was written, microseconds since 1970 UTC */
	gint64 frame;                        /* frame, seen, superseded, failed */
	const char *key;                     /* frame, seen: opaque, the same for a range of frames */
	const char *token;                   /* frame, superseded, failed: the attempt */
	const char *sha256;                  /* frame, seen: the image; pin: the scene, or all inputs; input: the file */
	const char *file;                    /* frame, seen: the visible path; pin: the scene, an input, PIN_INPUTS, or PIN_KEY and a key; input: ROOT:path, or an absolute path outside of roots */
	const char *staged;                  /* frame: the name in staging/<token>/; NULL: that of `file` */
	const char *digest;                  /* complete */
	const char *values;                  /* pin of a key: the lines that it is the digest of */
	const char *etag;                    /* frame, seen: of the object, where the root is a bucket */
	guint64 size;                        /* frame, seen: bytes */
	guint64 ino;                         /* seen; as the owner's host sees it */
	gint64 mtime_ns;                     /* frame (staged), seen (visible) */
	gint64 ctime_ns;                     /* seen */
	const char *worker, *host, *boot_id; /* frame: who, on which host, in which boot of it */
	const char *blender;                 /* frame: the exact build */
	const char *device;                  /* frame: the GPU or CPU that rendered */
	const char *gpu;                     /* frame: its model, as `prices` name it; NULL: a CPU */
	const char *project;                 /* frame: for `cost` */
	const char *inputs;                  /* frame: digest of the inputs it was rendered with; NULL: not told */
	const char *reason;                  /* failed: why; frame: warnings of its checks, NULL for none */
	double seconds;                      /* frame, failed: render time */
};

enum record_line { RECORD_LINE_OK, RECORD_LINE_INVALID, RECORD_LINE_UNKNOWN };

/* Appends the line. ERROR_INVALID when a member that the type needs is missing or is not UTF-8. */
gboolean record_encode(const struct record *r, GString *out, GError **error);
/* `line` without its LF. Strings go to `strings`, the repeating ones once. UNKNOWN: whole, but of a type
 * that a later version writes. */
enum record_line record_decode(const char *line, gsize len, GStringChunk *strings, struct record *ret);

/* The name in staging/<token>/. */
const char *record_staged_name(const struct record *r);
