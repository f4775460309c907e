/* The corpus: what people write, in block and flow style, with labels, notes and defaults to merge. */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char farm[] = "apiVersion: cleave/v1alpha1\nkind: Farm\nmetadata: {name: bench}\nspec:\n"
                           "  redis: {url: \"redis://10.20.0.5:6379/0\"}\n"
                           "  roots:\n    shots: {path: /mnt/shots}\n    frames: {path: /mnt/frames}\n"
                           "  defaults:\n"
                           "    vm:\n"
                           "      memory: 24GiB\n      machine: q35\n"
                           "      boot: {initrd: /srv/boot/initrd-6.1.img, cmdline: console=ttyS0}\n"
                           "      networks: [{bridge: br0}]\n"
                           "      roots: [shots, frames]\n"
                           "    job: {retries: 3, timeLimit: 30m}\n";

enum { N_HOSTS = 400 };

static void add_hosts(GString *out)
{
	for (guint i = 0; i < N_HOSTS; i++)
		g_string_append_printf(out, "---\napiVersion: cleave/v1alpha1\nkind: Host\nmetadata: {name: gpu%04u, labels: {rack: r%02u}}\n"
		                            "spec: {libvirt: \"qemu:///system\"}\n", i, i % 40);
}

/* In no order: names do not follow files. Prime, so that none is there twice. */
enum { N_NAMES = 99991 };

static void add_vm(GString *out, guint number, guint round)
{
	guint i = number * 7919 % N_NAMES;
	g_string_append_printf(out,
	                       "---\napiVersion: cleave/v1alpha1\nkind: VM\n"
	                       "metadata:\n  name: worker-%05u\n  labels: {pool: render, ring: main, rack: r%02u}\n",
	                       i, i % 40);
	if (i % 3 == 0)
		g_string_append_printf(out, "  annotations:\n    note: \"fan replaced in week %u, see ticket OPS-%u\"\n", i % 52, 1000 + i);
	g_string_append_printf(out, "spec:\n  host: gpu%04u\n  vcpus: %u\n", i % N_HOSTS, 4 + (i + round) % 60);
	if (i % 2)
		g_string_append_printf(out, "  memory: %uGiB\n", 16 + i % 100);
	g_string_append(out, "  boot:\n    kernel: /srv/boot/vmlinuz-6.1\n");
	if (i % 5 == 0)
		g_string_append(out, "    cmdline: \"console=ttyS0 root=/dev/vda1 quiet\"  # the old image\n");
	g_string_append_printf(out,
	                       "  shares:\n    - path: /srv/tools\n      target: tools\n      readonly: true\n"
	                       "    - {path: /srv/cache/worker-%05u, target: cache}\n",
	                       i);
	if (i % 4)
		g_string_append_printf(out, "  networks:\n    - bridge: br%u\n    - {user: true}\n", i % 4);
	g_string_append_printf(out, "  serialLog: /var/log/cleave/worker-%05u.log\n", i);
}

static void set_file(struct corpus *c, guint file, GString *text)
{
	g_clear_pointer(&c->bytes[file], g_bytes_unref);
	g_free((gpointer)c->files[file].path);
	g_free((gpointer)c->files[file].blob_id);
	c->bytes[file] = g_string_free_to_bytes(text);
	gsize size;
	const char *bytes = g_bytes_get_data(c->bytes[file], &size);
	c->files[file] = (struct spec_file){ .path = g_strdup_printf("vms/%03u/file-%05u.yaml", file / 100, file),
		                             .bytes = bytes,
		                             .size = size,
		                             .blob_id = g_compute_checksum_for_data(G_CHECKSUM_SHA1, (const guchar *)bytes, size) };
}

void corpus_change(struct corpus *c, guint file, guint round)
{
	guint n_each = BENCH_DOCUMENTS / BENCH_FILES;
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < n_each; i++)
		add_vm(text, file * n_each + i, round);
	c->size -= c->files[file].size;
	set_file(c, file, text);
	c->size += c->files[file].size;
}

struct corpus *corpus_new(guint n_files, guint n_documents)
{
	struct corpus *c = g_new0(struct corpus, 1);
	guint n_each = n_documents / n_files;
	c->n_files = n_files + 1;
	c->bytes = g_new0(GBytes *, c->n_files);
	c->files = g_new0(struct spec_file, c->n_files);
	for (guint f = 0; f < c->n_files; f++) {
		GString *text = g_string_new(f ? NULL : farm);
		if (f == 0)
			add_hosts(text);
		for (guint i = 0; f && i < n_each; i++)
			add_vm(text, f * n_each + i, 0);
		set_file(c, f, text);
		c->size += c->files[f].size;
	}
	return c;
}

void corpus_free(struct corpus *c)
{
	for (guint f = 0; f < c->n_files; f++) {
		g_bytes_unref(c->bytes[f]);
		g_free((gpointer)c->files[f].path);
		g_free((gpointer)c->files[f].blob_id);
	}
	g_free(c->bytes);
	g_free(c->files);
	g_free(c);
}

void bench_report(const char *name, double value, const char *unit, double limit, double goal)
{
	double ratio = value / limit;
	printf("{\"bench\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"limit\":%.6g,\"ratio\":%.4g,", name, value, unit, limit, ratio);
	if (goal > 0)
		printf("\"goal\":%.4g,\"ok\":%s}\n", goal, ratio <= goal ? "true" : "false");
	else
		printf("\"goal\":null,\"ok\":true}\n");
	fflush(stdout);
}

double bench_cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

gsize bench_memory_bytes(const char *what)
{
	g_autofree char *status = NULL;
	if (!g_file_get_contents("/proc/self/status", &status, NULL, NULL))
		g_error("no /proc/self/status");
	const char *at = strstr(status, what);
	return at ? (gsize)strtoull(at + strlen(what) + 1, NULL, 10) * 1024 : 0;
}
