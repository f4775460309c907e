/* The only process of the tests' Linux guest: it tells on the console what it sees of its hardware, a line whenever
 * that changes, and powers off when the power button is pressed. The boot's id in the first line proves that a change came
 * without a restart.
 *
 *   guest: boot 7c1a…   guest: cpus 0-1   guest: memory 98   guest: disk vda 64   guest: cdrom SECOND   guest: link eth0 1
 *
 * In: /modules/NN-name.ko, in that order. Linked statically; no shell, since a fork is slow in emulation. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOK_US = 100000, MAX_LINES = 64 };

static char seen[MAX_LINES][128];
static int n_seen, n_last;
static char last[MAX_LINES][128];

static void tell(const char *what, const char *name, const char *value)
{
	if (n_seen < MAX_LINES)
		snprintf(seen[n_seen++], sizeof seen[0], "guest: %s %s%s%s", what, name, *name ? " " : "", value);
}

static int is_among(char lines[][128], int n, const char *line)
{
	for (int i = 0; i < n; i++)
		if (strcmp(lines[i], line) == 0)
			return 1;
	return 0;
}

/* Each line that was not there at the last look; one that is gone, with "no". */
static void say_changes(void)
{
	for (int i = 0; i < n_last; i++)
		if (!is_among(seen, n_seen, last[i]))
			printf("guest: no %s\n", last[i] + strlen("guest: "));
	for (int i = 0; i < n_seen; i++)
		if (!is_among(last, n_last, seen[i]))
			printf("%s\n", seen[i]);
	memcpy(last, seen, sizeof last);
	n_last = n_seen;
	n_seen = 0;
}

/* The first line, or "". */
static char *read_line(const char *path, char *buffer, int size)
{
	int fd = open(path, O_RDONLY);
	int n = fd < 0 ? -1 : (int)read(fd, buffer, (size_t)size - 1);
	if (fd >= 0)
		close(fd);
	buffer[n > 0 ? n : 0] = 0;
	buffer[strcspn(buffer, "\n")] = 0;
	return buffer;
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0) {
		/* A CPU that is on already says so this way. */
	}
	close(fd);
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

/* Calls for each entry of a folder that begins so. */
static void each_of(const char *folder, const char *begins, void (*call)(const char *name))
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, by_name);
	for (int i = 0; i < n; i++) {
		if (strncmp(entries[i]->d_name, begins, strlen(begins)) == 0 && entries[i]->d_name[0] != '.')
			call(entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void load_module(const char *name)
{
	char path[300];
	snprintf(path, sizeof path, "/modules/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
		printf("guest: cannot load %s: %m\n", name);
	if (fd >= 0)
		close(fd);
}

static void switch_cpu_on(const char *name)
{
	char path[300], state[8];
	snprintf(path, sizeof path, "/sys/devices/system/cpu/%s/online", name);
	if (strcmp(read_line(path, state, sizeof state), "0") == 0)
		write_text(path, "1");
}

static void look_at_disk(const char *name)
{
	char path[300], sectors[32], text[64];
	snprintf(path, sizeof path, "/sys/block/%s/size", name);
	snprintf(text, sizeof text, "%ld", atol(read_line(path, sectors, sizeof sectors)) / 2048);
	tell("disk", name, text);
}

static void look_at_cdrom(const char *name)
{
	char path[300], text[32];
	snprintf(path, sizeof path, "/dev/%s", name);
	tell("cdrom", name, read_line(path, text, sizeof text));
}

static void look_at_link(const char *name)
{
	static int fd = -1;
	char path[300], text[32];
	struct ifreq up = { .ifr_flags = IFF_UP };
	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	snprintf(up.ifr_name, sizeof up.ifr_name, "%.15s", name);
	ioctl(fd, SIOCSIFFLAGS, &up); /* else the link is not told */
	snprintf(path, sizeof path, "/sys/class/net/%s/carrier", name);
	tell("link", name, read_line(path, text, sizeof text));
}

static void look(void)
{
	char text[128];
	each_of("/sys/devices/system/cpu", "cpu", switch_cpu_on);
	tell("cpus", "", read_line("/sys/devices/system/cpu/online", text, sizeof text));
	read_line("/proc/meminfo", text, sizeof text);
	snprintf(text, sizeof text, "%ld", atol(text + strcspn(text, "0123456789")) / 1024);
	tell("memory", "", text);
	each_of("/sys/block", "vd", look_at_disk);
	each_of("/sys/block", "sr", look_at_cdrom);
	each_of("/sys/class/net", "e", look_at_link);
}

static int buttons[8], n_buttons;

static void open_button(const char *name)
{
	char path[300];
	snprintf(path, sizeof path, "/dev/input/%s", name);
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd >= 0 && n_buttons < 8)
		buttons[n_buttons++] = fd;
}

static int is_power_pressed(void)
{
	struct input_event e;
	for (int i = 0; i < n_buttons; i++)
		while (read(buttons[i], &e, sizeof e) == (ssize_t)sizeof e)
			if (e.type == EV_KEY && e.code == KEY_POWER && e.value)
				return 1;
	return 0;
}

int main(void)
{
	char text[128];
	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	int console = open("/dev/ttyS0", O_RDWR);
	dup2(console, STDOUT_FILENO);
	printf("\nguest: boot %s\n", read_line("/proc/sys/kernel/random/boot_id", text, sizeof text));
	each_of("/modules", "", load_module);
	each_of("/dev/input", "event", open_button);
	puts("guest: up");
	while (!is_power_pressed()) {
		look();
		say_changes();
		usleep(LOOK_US);
	}
	puts("guest: power button");
	fsync(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	return 0;
}
