/* Farm: what all objects share. Exactly one. */
#pragma once
#include "spec/suspend.h"

struct arena;
struct node;

/* How far cleave goes; the nearest of object, Host and Farm that says it counts (spec/resolve.h). */
enum reconcile_mode { RECONCILE_INHERITED, RECONCILE_OBSERVE, RECONCILE_PROPOSE, RECONCILE_ENFORCE };
extern const struct name_table reconcile_names;

struct farm_redis {
	const char *url, *user, *guest_url, *password_file;
};

struct root_mount {
	const char *nfs;
	struct strings options;
};

struct root_artist {
	const char *windows, *macos, *linux_path;
};

struct root_store {
	guint64 max_bytes;
	gint64 keep_ms, n_keys;
	gboolean copies; /* of current frames too */
};

/* Of a root with a URL: s3://bucket/prefix. */
struct root_s3 {
	const char *endpoint, *region, *credentials_file;
};

struct farm_root {
	const char *name, *path, *url, *marker; /* exactly one of path and url */
	struct root_mount mount;
	struct root_artist artist;
	struct root_store store;
	struct root_s3 s3;
};

/* An image, or a Blender: a file with a digest. */
struct farm_file {
	const char *name, *file, *url, *sha256;
	gboolean is_installed; /* Blender: the workers' system brings it */
};

struct farm_queue {
	const char *name, *list;
	gboolean is_default;
};

/* Most frames that run at once, of a project or of jobs with a label. */
struct farm_limit {
	const char *project, *label; /* exactly one of them; a label as key=value */
	gint64 n_frames;
};

struct price {
	const char *model;
	gint64 per_hour; /* millionths */
};

struct farm_prices {
	struct list gpu_hour; /* struct price */
	const char *currency;
};

struct farm_budgets {
	gint64 max_delete, max_restart, max_data_loss, max_render;
};

struct farm_window {
	struct strings allow; /* words of effects */
	const char *days, *from, *to, *zone;
};

struct farm_rollout {
	gint64 hosts_at_once; /* 0: not said */
	struct strings order; /* values of the label `ring` */
};

struct farm_policy {
	gboolean prune, deletes_volumes;
	struct farm_budgets budgets;
	struct list windows; /* struct farm_window */
	struct farm_rollout rollout;
};

/* Keys below an object's own, per kind; NULL when not given. */
struct templates {
	const struct node *host, *gpu, *vm, *job;
};

struct labelled_templates {
	struct list labels; /* struct label; all have to be there */
	struct templates templates;
};

struct farm_defaults {
	struct templates templates;
	struct list by_label; /* struct labelled_templates, later ones win */
};

struct farm_spec {
	struct farm_redis redis;
	struct list roots;            /* struct farm_root, by name */
	struct list images, blenders; /* struct farm_file, by name or version */
	struct list queues;           /* struct farm_queue, most urgent first */
	struct list limits;           /* struct farm_limit */
	gint64 lease_ms;
	struct farm_prices prices;
	int reconcile; /* enum reconcile_mode */
	struct suspend_spec suspend;
	struct farm_policy policy;
	struct farm_defaults defaults;
};

/* The usual `marker` of a root. */
#define FARM_ROOT_MARKER ".cleave-root"

enum plane_state { PLANE_LEFT_OUT, PLANE_OK, PLANE_AWAY };
extern const struct name_table plane_state_names;

/* What of a job's own folder in a root is to be cleared up. */
struct root_job_status {
	const char *job;
	struct strings abandoned; /* tokens whose lease is gone and whose files wait for nothing */
	gint64 n_segments;        /* of the manifest, to be put together; 0: not due */
	gint64 n_logs;            /* beyond what is kept of them */
	guint64 log_bytes;
};

struct root_store_status {
	gint64 n_files;
	guint64 bytes;
	gint64 n_clear; /* of these, what may go */
	guint64 clear_bytes;
};

struct farm_root_status {
	const char *name;
	gboolean mounted;
	const char *reason; /* when it is not mounted */
	guint64 free_bytes;
	struct root_store_status store;
	struct list jobs; /* struct root_job_status: those with something to clear up */
};

/* A list for plain workers: tasks that are out. */
struct farm_plain_status {
	const char *list;
	gint64 n_waiting, n_running;
	gint64 n_room; /* how many more it should get */
	gint64 n_news; /* tasks about which the job owner has something to do */
};

/* A window's time as it is open, or opens next. */
struct farm_window_status {
	const char *window; /* farm_window_text() of it */
	const char *opens, *closes; /* RFC 3339, UTC; NULL: never */
	const char *local; /* the begin as its zone says it: "Sat 22:00 Europe/Berlin" */
	const char *trouble; /* why it never opens */
};

/* Another host, or this one, as its controller told the others. */
struct farm_ring_host {
	const char *host, *revision;
	gboolean is_ready; /* all of its Host, GPUs and VMs are, at that revision */
};

struct farm_rollout_status {
	struct strings slots; /* hosts that have one */
	struct list hosts;    /* struct farm_ring_host */
};

struct farm_status {
	int redis; /* enum plane_state */
	const char *redis_reason, *redis_version;
	const char *redis_eviction;    /* maxmemory-policy; NULL = not told */
	const char *redis_persistence; /* "aof", "rdb", "none"; NULL = not told */
	const char *job_owner; /* host of the controller that reconciles the jobs; NULL = nobody */
	struct list roots;     /* struct farm_root_status */
	struct list plain;     /* struct farm_plain_status */
	struct list hosts;     /* struct farm_host_status (spec/fleet.h); only where people ask */
	struct list windows;   /* struct farm_window_status */
	struct farm_rollout_status rollout;
	gboolean is_sweeping;  /* visible frames are being read again, and not all of them have been */
};

extern const struct field farm_fields[];
extern const struct field farm_status_fields[];

/* Whether the URL names a user: an `@` in its authority; a socket's path may hold one as well. */
gboolean farm_url_has_user(const char *url);
/* `url` (the controllers' or the guests') with the Farm's Redis user in it, unless it names one itself; NULL
 * for NULL. g_free(). */
char *farm_redis_url(const struct farm_redis *redis, const char *url);
/* "Sat,Sun 22:00-04:00 Europe/Berlin" */
char *farm_window_text(struct arena *a, const struct farm_window *w);
/* Whether hosts take turns. */
gboolean farm_has_rollout(const struct farm_spec *farm);
/* Its path, or the URL of its bucket. */
const char *farm_root_where(const struct farm_root *root);
/* The root of that name, or NULL. */
const struct farm_root *farm_root_find(const struct farm_spec *farm, const char *name);
/* Rank of a queue, 0 = most urgent; NULL = the default queue. -1 when there is none of that name. */
int farm_queue_rank(const struct farm_spec *farm, const char *name);
/* The image or Blender of that name, or NULL. */
const struct farm_file *farm_file_find(const struct list *files, const char *name);
