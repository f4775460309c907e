/* One socket, one source on the main context, one table of what matters. */
#include "host/uevents.h"
#include "base/error.h"
#include <errno.h>
#include <glib-unix.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Group 1 is the kernel's; udev repeats in group 2. A message of the kernel has 2 KiB of keys and a path. */
enum { KERNEL_GROUP = 1, MESSAGE_MAX = 8192, RECEIVE_BYTES = 4 << 20, BATCH = 4096 };

struct uevents {
	int fd;
	guint source;
	void (*look)(gpointer user);
	gpointer user;
};

/* -- one message ----------------------------------------------------------------------------------------- */

/* What changes a card, a vGPU or a group. Events of disks, screens and the like come by the hundred and change
 * nothing here: "change" of drm is a cable, "add" of a module shows by the devices that it binds. */
static const struct {
	const char *subsystem, *actions;
} matters[] = {
	{ "pci", "add remove bind unbind change move" },
	{ "mdev", "add remove bind unbind" },
	{ "vfio", "add remove" },
	{ "vfio-dev", "add remove" },
	{ "drm", "add remove" },
	{ "module", "remove" },
};

/* The value when `text` is "KEY=VALUE" of that key, else `before`. */
static const char *take(const char *text, const char *key, const char *before)
{
	gsize n = strlen(key);
	return strncmp(text, key, n) == 0 && text[n] == '=' ? text + n + 1 : before;
}

gboolean uevent_parse(const char *bytes, gsize size, struct uevent *ret)
{
	struct uevent e = { 0 };
	if (size == 0 || bytes[size - 1] != '\0')
		return FALSE;
	const char *header = bytes, *at = strchr(header, '@');
	if (!at || at == header)
		return FALSE;
	for (const char *text = header + strlen(header) + 1; text < bytes + size; text += strlen(text) + 1) {
		e.action = take(text, "ACTION", e.action);
		e.devpath = take(text, "DEVPATH", e.devpath);
		e.subsystem = take(text, "SUBSYSTEM", e.subsystem);
	}
	if (!e.action || !e.devpath || !e.subsystem || strcmp(e.devpath, at + 1) != 0)
		return FALSE;
	if (strncmp(header, e.action, (gsize)(at - header)) != 0 || e.action[at - header] != '\0')
		return FALSE;
	*ret = e;
	return TRUE;
}

static gboolean has_word(const char *words, const char *word)
{
	gsize n = strchr(word, ' ') ? 0 : strlen(word);
	for (const char *at = words; n && (at = strstr(at, word)); at += n)
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return TRUE;
	return FALSE;
}

gboolean uevent_matters(const struct uevent *e)
{
	for (gsize i = 0; i < G_N_ELEMENTS(matters); i++)
		if (strcmp(e->subsystem, matters[i].subsystem) == 0)
			return has_word(matters[i].actions, e->action);
	return FALSE;
}

/* -- the socket ------------------------------------------------------------------------------------------ */

/* Any process with CAP_NET_ADMIN can send to this group or socket: the kernel is port 0, and root. */
static gboolean is_of_kernel(const struct sockaddr_nl *from, struct msghdr *m)
{
	struct ucred who;
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (from->nl_pid != 0 || !c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
		return FALSE;
	memcpy(&who, CMSG_DATA(c), sizeof who);
	return who.uid == 0;
}

enum received { RECEIVED_NOTHING, RECEIVED_OTHER, RECEIVED_NEWS };

static enum received receive(int fd)
{
	char bytes[MESSAGE_MAX];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { bytes, sizeof bytes };
	struct msghdr m = { .msg_name = &from,
		            .msg_namelen = sizeof from,
		            .msg_iov = &iov,
		            .msg_iovlen = 1,
		            .msg_control = control,
		            .msg_controllen = sizeof control };
	struct uevent e;
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	if (n < 0) /* ENOBUFS: some were dropped, nobody knows which */
		return errno == ENOBUFS ? RECEIVED_NEWS : errno == EINTR ? RECEIVED_OTHER : RECEIVED_NOTHING;
	if (!is_of_kernel(&from, &m))
		return RECEIVED_OTHER;
	if (m.msg_flags & MSG_TRUNC)
		return RECEIVED_NEWS;
	return uevent_parse(bytes, (gsize)n, &e) && uevent_matters(&e) ? RECEIVED_NEWS : RECEIVED_OTHER;
}

/* Ends after a batch: a flood must not keep the main loop from its other work. */
static gboolean on_readable(gint fd, GIOCondition condition, gpointer user)
{
	struct uevents *u = user;
	enum received got = RECEIVED_OTHER;
	gboolean is_news = FALSE;
	(void)condition;
	for (guint i = 0; i < BATCH && got != RECEIVED_NOTHING; i++) {
		got = receive(fd);
		is_news |= got == RECEIVED_NEWS;
	}
	if (is_news)
		u->look(u->user);
	return G_SOURCE_CONTINUE;
}

/* Events wait here while a pass blocks the main loop. Beyond the system's limit only root may ask. */
static void set_buffer(int fd)
{
	int size = RECEIVE_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

struct uevents *uevents_open(void (*look)(gpointer user), gpointer user, GError **error)
{
	int on = 1;
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd < 0) {
		fail_errno(error, errno, "listening to the kernel's device events");
		return NULL;
	}
	set_buffer(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		fail_errno(error, errno, "listening to the kernel's device events");
		close(fd);
		return NULL;
	}
	struct uevents *u = g_new0(struct uevents, 1);
	*u = (struct uevents){ .fd = fd, .look = look, .user = user };
	u->source = g_unix_fd_add(fd, G_IO_IN | G_IO_ERR, on_readable, u);
	return u;
}

void uevents_close(struct uevents *u)
{
	if (!u)
		return;
	g_source_remove(u->source);
	close(u->fd);
	g_free(u);
}
