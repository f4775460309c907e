/* What the benches share: a farm made up of documents, and the line that says how fast it went.
 *
 * A figure is judged against a limit that was measured in the same run on the same bytes: machines
 * differ, the ratio does not. */
#pragma once
#include "spec/load.h"

enum { BENCH_FILES = 5000, BENCH_DOCUMENTS = 20000 };

/* File 0 holds the Farm and its Hosts, the others the same number of VMs each, about 500 bytes a document. */
struct corpus {
	GBytes **bytes;
	struct spec_file *files;
	guint n_files;
	gsize size; /* of all bytes */
};

struct corpus *corpus_new(guint n_files, guint n_documents);
void corpus_free(struct corpus *c);
/* Sets bytes and blob id of a file anew; `round` differs = the bytes differ. */
void corpus_change(struct corpus *c, guint file, guint round);

/* {"bench":…,"value":…,"unit":…,"limit":…,"ratio":…,"goal":…,"ok":…}; ratio = value / limit. A goal of 0:
 * told, not judged. */
void bench_report(const char *name, double value, const char *unit, double limit, double goal);

/* Seconds of CPU that the process has used: what else runs on the machine does not count. */
double bench_cpu_s(void);
/* "VmHWM" or "VmRSS" of this process. */
gsize bench_memory_bytes(const char *what);
