/* /dev/kmsg gives a record a read, from the oldest on: "4,1234,98765,-;NVRM: Xid (PCI:0000:65:00): 79, pid=1, …". */
#include "host/xid.h"
#include "base/arena.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_SIZE = 8192, RECORDS_MOST = 200000, CARDS_MOST = 64 };

/* The bus address without the function, as the driver writes it. */
static gboolean parse(const char *line, char address[32], gint64 *ret)
{
	static const char mark[] = "NVRM: Xid (PCI:";
	const char *at = strstr(line, mark), *from = at ? at + strlen(mark) : NULL, *end = from ? strchr(from, ')') : NULL;
	if (!end || end - from >= 28 || strncmp(end, "): ", 3) != 0 || !g_ascii_isdigit(end[3]))
		return FALSE;
	g_strlcpy(address, from, (gsize)(end - from) + 1);
	if (!strchr(address, '.'))
		g_strlcat(address, ".0", 32);
	*ret = g_ascii_strtoll(end + 3, NULL, 10);
	return TRUE;
}

static void count(struct arena *a, const char *line, struct xid_counts *all)
{
	char address[32];
	gint64 number;
	if (!parse(line, address, &number))
		return;
	struct xid_count *c = (struct xid_count *)xid_find(all, address);
	if (!c && all->n == CARDS_MOST)
		return;
	if (!c) {
		c = &all->items[all->n++];
		*c = (struct xid_count){ .address = arena_strdup(a, address) };
	}
	c->last = number;
	c->n++;
}

void xid_read(struct arena *a, const struct host_tree *t, struct xid_counts *ret)
{
	SCOPED_ARENA(scratch);
	char record[RECORD_SIZE + 1];
	*ret = (struct xid_counts){ .items = ARENA_ARRAY(a, struct xid_count, CARDS_MOST) };
	int fd = open(host_path(scratch, t, "dev/kmsg"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	for (guint i = 0; i < RECORDS_MOST; i++) {
		ssize_t n = read(fd, record, RECORD_SIZE);
		if (n < 0 && (errno == EPIPE || errno == EINTR)) /* it was overwritten meanwhile: the next one follows */
			continue;
		if (n <= 0)
			break;
		ret->is_told = TRUE;
		record[n] = '\0';
		/* Where a plain file stands in for the log, a read brings many lines. */
		g_auto(GStrv) lines = g_strsplit(record, "\n", -1);
		for (guint k = 0; lines[k]; k++)
			count(a, lines[k], ret);
	}
	close(fd);
}

const struct xid_count *xid_find(const struct xid_counts *all, const char *address)
{
	const char *dot = address ? strrchr(address, '.') : NULL;
	for (guint i = 0; dot && i < all->n; i++) {
		const char *its = all->items[i].address;
		if (strncasecmp(its, address, (gsize)(dot - address) + 1) == 0)
			return &all->items[i];
	}
	return NULL;
}
