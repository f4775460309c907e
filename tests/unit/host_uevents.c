/* The kernel's device events: the reader on hand-made messages; the socket on messages that a kernel passes on in a
 * network namespace of the test's own (since 4.17 it repeats there, as its own, what root sends it). */
#include "base/error.h"
#include "host/uevents.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MESSAGE(action, path, rest) action "@" path "\0ACTION=" action "\0DEVPATH=" path "\0" rest
#define BIND MESSAGE("bind", "/devices/pci0000:00/0000:00:02.0", "SUBSYSTEM=pci\0DRIVER=vfio-pci\0PCI_ID=10DE:2231\0SEQNUM=7")
#define CABLE MESSAGE("change", "/devices/pci0000:00/0000:00:02.0/drm/card0", "SUBSYSTEM=drm\0HOTPLUG=1")
#define NOISE MESSAGE("add", "/devices/virtual/net/lo", "SUBSYSTEM=net\0INTERFACE=lo")

enum { NO_MESSAGE, OF_NO_USE, MATTERS };

static int judge(const char *bytes, gsize size)
{
	/* A copy of exactly this size: a byte read behind it is seen by the sanitizers. */
	g_autofree char *exact = g_memdup2(bytes, size);
	struct uevent e;
	return !uevent_parse(exact, size, &e) ? NO_MESSAGE : uevent_matters(&e) ? MATTERS : OF_NO_USE;
}

static void test_messages(void **state)
{
	(void)state;
#define CASE(bytes, expected) { bytes, sizeof(bytes), expected }
	static const struct {
		const char *bytes;
		gsize size;
		int expected;
	} cases[] = {
		CASE(BIND, MATTERS),
		CASE(CABLE, OF_NO_USE),
		CASE(NOISE, OF_NO_USE),
		CASE(MESSAGE("remove", "/devices/x", "SUBSYSTEM=mdev"), MATTERS),
		CASE(MESSAGE("add", "/devices/virtual/vfio/7", "SUBSYSTEM=vfio"), MATTERS),
		CASE(MESSAGE("remove", "/module/vfio_pci", "SUBSYSTEM=module"), MATTERS),
		CASE(MESSAGE("add", "/module/vfio_pci", "SUBSYSTEM=module"), OF_NO_USE),
		CASE(MESSAGE("bin", "/devices/x", "SUBSYSTEM=pci"), OF_NO_USE),
		CASE(MESSAGE("bind unbind", "/devices/x", "SUBSYSTEM=pci"), OF_NO_USE),
		CASE(MESSAGE("bind", "/devices/x", "SUBSYSTEM=pcie"), OF_NO_USE),
		CASE(MESSAGE("bind", "/devices/a@b", "SUBSYSTEM=pci"), MATTERS),
		CASE(MESSAGE("bind", "/devices/x", "SUBSYSTEM="), OF_NO_USE),
		CASE("", NO_MESSAGE),
		CASE("\0\0\0", NO_MESSAGE),
		CASE("bind@/devices/x", NO_MESSAGE),
		CASE("@/x\0ACTION=\0DEVPATH=/x\0SUBSYSTEM=pci", NO_MESSAGE),
		CASE("libudev\0\xfe\xed\xca\xfe", NO_MESSAGE),
		CASE("bind@/x\0ACTION=add\0DEVPATH=/x\0SUBSYSTEM=pci", NO_MESSAGE),
		CASE("bind@/x\0ACTION=binder\0DEVPATH=/x\0SUBSYSTEM=pci", NO_MESSAGE),
		CASE("bind@/x\0ACTION=bind\0DEVPATH=/y\0SUBSYSTEM=pci", NO_MESSAGE),
		CASE("bind@/x\0ACTION=bind\0DEVPATH=/x\0MAJOR=1", NO_MESSAGE),
	};
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		if (judge(cases[i].bytes, cases[i].size) != cases[i].expected)
			fail_msg("case %zu (%s): %d instead of %d", i, cases[i].bytes,
				 judge(cases[i].bytes, cases[i].size), cases[i].expected);
}

/* Cut anywhere but between two keys after the third, it is no message; never is a byte behind it read. */
static void test_cut(void **state)
{
	(void)state;
	for (gsize n = 0; n < sizeof BIND; n++) {
		gboolean whole_keys = n > 0 && BIND[n - 1] == '\0' && memmem(BIND, n, "SUBSYSTEM=pci", 14);
		assert_int_equal(judge(BIND, n), whole_keys ? MATTERS : NO_MESSAGE);
	}
}

static void test_long(void **state)
{
	(void)state;
	g_autoptr(GString) text = g_string_new_len(BIND, sizeof BIND);
	for (guint i = 0; i < 100000; i++)
		g_string_append_len(text, "KEY=VALUE", 10);
	assert_int_equal(judge(text->str, text->len), MATTERS);
	assert_int_equal(judge(text->str, text->len - 1), NO_MESSAGE);
}

/* -- the socket ------------------------------------------------------------------------------------------ */

static void count(gpointer user)
{
	++*(guint *)user;
}

static void test_open(void **state)
{
	(void)state;
	g_autoptr(GError) error = NULL;
	guint n = 0;
	struct uevents *u = uevents_open(count, &n, &error);
	if (!u) {
		print_message("skipped: %s\n", error->message);
		skip();
	}
	uevents_close(u);
	uevents_close(NULL);
}

static gboolean put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* A network namespace of our own, whose root we are. */
static gboolean enter_namespace(void)
{
	uid_t uid = geteuid();
	if (unshare(CLONE_NEWNET) == 0)
		return TRUE;
	g_autofree char *map = g_strdup_printf("0 %u 1", (guint)uid);
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && put("/proc/self/uid_map", map);
}

/* What the kernel gets it tells to the group; who sends to the group or to a socket is not the kernel. */
static gboolean send_to(int fd, guint port, guint groups, const char *bytes, gsize size)
{
	g_autofree char *whole = g_malloc0(NLMSG_SPACE(size));
	struct nlmsghdr header = { .nlmsg_len = (guint)NLMSG_LENGTH(size), .nlmsg_type = NLMSG_MIN_TYPE, .nlmsg_flags = NLM_F_REQUEST };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = port, .nl_groups = groups };
	gboolean is_kernel = port == 0 && groups == 0;
	memcpy(whole, &header, sizeof header);
	memcpy(whole + NLMSG_HDRLEN, bytes, size);
	const char *from = is_kernel ? whole : bytes;
	gsize n = is_kernel ? header.nlmsg_len : size;
	return sendto(fd, from, n, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)n;
}

static void iterate(void)
{
	gint64 until = g_get_monotonic_time() + 20000;
	while (g_get_monotonic_time() < until)
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(500);
}

#define SEND(port, groups, message) assert_true(send_to(fd, port, groups, message, sizeof(message)))

static void test_kernel(void **state)
{
	(void)state;
	g_autoptr(GError) error = NULL;
	guint n = 0;
	if (!enter_namespace()) {
		print_message("skipped: no network namespace: %s\n", g_strerror(errno));
		skip();
	}
	struct uevents *u = uevents_open(count, &n, &error); /* the first here: its port is our process id */
	assert_non_null(u);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (!send_to(fd, 0, 0, BIND, sizeof BIND)) {
		print_message("skipped: this kernel repeats no events: %s\n", g_strerror(errno));
		skip();
	}
	SEND(0, 0, BIND);
	SEND(0, 0, NOISE);
	iterate();
	assert_int_equal(n, 1); /* one look for all */
	SEND(0, 0, NOISE);
	SEND(0, 0, CABLE);
	iterate();
	assert_int_equal(n, 1);
	SEND((guint)getpid(), 0, BIND);
	SEND(0, 1, BIND);
	iterate();
	assert_int_equal(n, 1); /* forged */
	/* More than the buffer holds: what was dropped may have mattered. */
	for (guint i = 0; i < 20000; i++)
		send_to(fd, 0, 0, NOISE, sizeof NOISE);
	iterate();
	assert_true(n > 1);
	uevents_close(u);
	guint before = n;
	send_to(fd, 0, 0, BIND, sizeof BIND);
	iterate();
	assert_int_equal(n, before);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages), cmocka_unit_test(test_cut),    cmocka_unit_test(test_long),
		cmocka_unit_test(test_open),     cmocka_unit_test(test_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
