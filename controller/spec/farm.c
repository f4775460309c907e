/* Farm's tables. */
#include "spec/farm.h"
#include "base/arena.h"
#include "spec/fleet.h"
#include "spec/decode.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/kinds.h"
#include "spec/renderjob.h"
#include "spec/vm.h"
#include <string.h>

NAME_TABLE(plane_state_names, "a state", 3, "leftOut", "ok", "away");

NAME_TABLE(reconcile_names, "a mode", 4, "", "observe", "propose", "enforce");

static const struct field redis_fields[] = {
	{ "url", FIELD_STRING, IN(farm_redis, url, const char *), .required = TRUE, .form = FORM_REDIS_URL,
	  .doc = "Where controllers reach Redis, as redis://10.0.0.5:6379/0." },
	{ "user", FIELD_STRING, IN(farm_redis, user, const char *), .form = FORM_NAME,
	  .doc = "The user of Redis's access list; without the key its default user." },
	{ "passwordFile", FIELD_STRING, IN(farm_redis, password_file, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_SECRETS,
	  .doc = "File on the host with that user's password." },
	{ "guestUrl", FIELD_STRING, IN(farm_redis, guest_url, const char *), .form = FORM_REDIS_URL,
	  .doc = "Where the VMs reach the same Redis, if another way than `url`." },
	{ 0 },
};

static const struct field mount_fields[] = {
	{ "nfs", FIELD_STRING, IN(root_mount, nfs, const char *), .doc = "Server and export, as nas1:/vol/shots." },
	{ "options", FIELD_STRINGS, IN(root_mount, options, struct strings), .doc = "Mount options, as nfsvers=4.2." },
	{ 0 },
};

static const struct field artist_fields[] = {
	{ "windows", FIELD_STRING, IN(root_artist, windows, const char *), .doc = "Drive or share on Windows, as P:\\." },
	{ "macos", FIELD_STRING, IN(root_artist, macos, const char *), .form = FORM_ABSOLUTE_PATH, .doc = "Mount point on macOS." },
	{ "linux", FIELD_STRING, IN(root_artist, linux_path, const char *), .form = FORM_ABSOLUTE_PATH, .doc = "Mount point on Linux." },
	{ 0 },
};

static const struct field store_fields[] = {
	{ "maxSize", FIELD_BYTES, IN(root_store, max_bytes, guint64), .min = (gint64)MiB, .max = 1024 * 1024 * (gint64)TiB,
	  .unit = (gint64)MiB, .doc = "Most space for superseded frames; the oldest go first. What a wanted frame needs stays and does not count." },
	{ "keep", FIELD_DURATION, IN(root_store, keep_ms, gint64), .def = "14d", .min = 3600000, .max = 3650 * 86400000LL,
	  .doc = "How long superseded frames are kept at least; those of jobs that the specs name no more just as long." },
	{ "keys", FIELD_INT, IN(root_store, n_keys, gint64), .def = "2", .min = 1, .max = 100, .doc = "Superseded versions kept of a frame; older ones go when `keep` is over." },
	{ "copies", FIELD_BOOL, IN(root_store, copies, gboolean),
	  .doc = "Keep a copy of each frame that is delivered from now on, also where the file system cannot share its blocks; where it can, one is always kept. A frame that is cut or overwritten is then put back, not rendered." },
	{ 0 },
};

static const struct field s3_fields[] = {
	{ "endpoint", FIELD_STRING, IN(root_s3, endpoint, const char *), .form = FORM_URL, .doc = "Where its API is, as https://s3.example; without the key Amazon's." },
	{ "region", FIELD_STRING, IN(root_s3, region, const char *), .form = FORM_NAME, .doc = "Its region; without the key us-east-1." },
	{ "credentialsFile", FIELD_STRING, IN(root_s3, credentials_file, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_SECRETS,
	  .doc = "File on the host with the access key, as the AWS tools write it; workers in VMs get a copy of it." },
	{ 0 },
};

static const struct field root_fields[] = {
	{ "path", FIELD_STRING, IN(farm_root, path, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_OUTPUTS,
	  .doc = "Where the root is mounted on the hosts. A file .cleave-root in it proves that it is." },
	{ "url", FIELD_STRING, IN(farm_root, url, const char *), .form = FORM_URL, .doc = "A bucket instead of a path, as s3://bucket/prefix. An object .cleave-root in it proves that it is there." },
	{ "mount", FIELD_STRUCT, IN(farm_root, mount, struct root_mount), .fields = mount_fields, .doc = "How guests mount it." },
	{ "marker", FIELD_STRING, IN(farm_root, marker, const char *), .def = FARM_ROOT_MARKER, .form = FORM_TREE_FOLDER,
	  .doc = "The file that proves that the root is mounted; `cleave root init` writes it. Workers are told of another name than the usual one." },
	{ "artist", FIELD_STRUCT, IN(farm_root, artist, struct root_artist), .fields = artist_fields,
	  .doc = "Where artists see it, so that their paths can be translated." },
	{ "store", FIELD_STRUCT, IN(farm_root, store, struct root_store), .fields = store_fields,
	  .doc = "What is kept of superseded frames." },
	{ "s3", FIELD_STRUCT, IN(farm_root, s3, struct root_s3), .fields = s3_fields, .doc = "How the bucket of `url` is reached." },
	{ 0 },
};

#define FILE_ROWS(what, flags_)                                                                               \
	{ "url", FIELD_STRING, IN(farm_file, url, const char *), .form = FORM_URL, .flags = (flags_),         \
	  .doc = "Where hosts fetch " what ", once." },                                                       \
	{ "file", FIELD_STRING, IN(farm_file, file, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_IMAGES, \
	  .flags = (flags_), .doc = "The file on the hosts, instead of `url`." },                             \
	{ "sha256", FIELD_STRING, IN(farm_file, sha256, const char *), .form = FORM_SHA256,                   \
	  .flags = (flags_), .doc = "Its digest; checked before it is used." }

static const struct field image_fields[] = {
	FILE_ROWS("the image", 0),
	{ 0 },
};

static const struct field blender_fields[] = {
	FILE_ROWS("the archive", 0),
	{ "installed", FIELD_BOOL, IN(farm_file, is_installed, gboolean), .doc = "The workers' own system brings this version." },
	{ 0 },
};

static const struct field queue_fields[] = {
	{ "name", FIELD_STRING, IN(farm_queue, name, const char *), .required = TRUE, .form = FORM_NAME,
	  .doc = "The name jobs use." },
	{ "list", FIELD_STRING, IN(farm_queue, list, const char *), .form = FORM_LINE, .max = 128,
	  .doc = "A Redis list kept filled for plain workers, as queue:blender. They get what a job's blend file, frames, samples and device say; jobs that say more are left to cleave's own workers." },
	{ "default", FIELD_BOOL, IN(farm_queue, is_default, gboolean),
	  .doc = "Jobs that name no queue go here; else to the last one." },
	{ 0 },
};

static const struct field limit_fields[] = {
	{ "project", FIELD_STRING, IN(farm_limit, project, const char *), .form = FORM_NAME, .doc = "Jobs of this project." },
	{ "label", FIELD_STRING, IN(farm_limit, label, const char *), .max = 128, .doc = "Jobs with this label, as artist=mei." },
	{ "frames", FIELD_INT, IN(farm_limit, n_frames, gint64), .required = TRUE, .min = 1, .max = 1000000, .doc = "Most frames of them that run at once." },
	{ 0 },
};

static const struct field price_fields[] = {
	{ "price", FIELD_DECIMAL, IN(price, per_hour, gint64), .required = TRUE, .max = 1000000 * 1000000LL,
	  .flags = FIELD_SHORTHAND, .doc = "Price of an hour." },
	{ 0 },
};

static const struct field prices_fields[] = {
	{ "gpuHour", FIELD_MAP, IN(farm_prices, gpu_hour, struct list), ITEMS(price_fields, price),
	  .doc = "Price of a GPU's hour by its model, as rtx-a5000 for what NVML calls NVIDIA RTX A5000; `cleave cost` counts with it." },
	{ "currency", FIELD_STRING, IN(farm_prices, currency, const char *), .form = FORM_CURRENCY, .doc = "Their currency." },
	{ 0 },
};

static const struct field budget_fields[] = {
	{ "maxDelete", FIELD_INT, IN(farm_budgets, max_delete, gint64), .def = "1", .max = 1000000,
	  .doc = "Most objects deleted in a pass: VMs, and volumes with the rest of it. When more would go, none does: that is taken for a mistake, and waits for `cleave approve`." },
	{ "maxRestart", FIELD_INT, IN(farm_budgets, max_restart, gint64), .def = "2", .max = 1000000,
	  .doc = "Most VMs of a host that may be down for a restart at a time; others wait until these are Ready again, or for `cleave approve`." },
	{ "maxDataLoss", FIELD_INT, IN(farm_budgets, max_data_loss, gint64), .def = "0", .max = 1000000,
	  .doc = "Most disks made anew, and volumes deleted, in a pass, with the data that they have; more wait for `cleave approve`." },
	{ "maxRender", FIELD_INT, IN(farm_budgets, max_render, gint64), .def = "100000", .max = 1000000000,
	  .doc = "Most frames that a pass sends to the queue, of all jobs together, the most urgent first; the rest waits for the next pass." },
	{ 0 },
};

static const struct field window_fields[] = {
	{ "allow", FIELD_STRINGS, IN(farm_window, allow, struct strings), .required = TRUE, .names = &effect_names,
	  .doc = "Effects that are allowed in the window and at no other time. With any window, those from vm-restart on act only in one that names them; also that a VM is undefined counts as vm-restart." },
	{ "days", FIELD_STRING, IN(farm_window, days, const char *), .form = FORM_DAYS, .doc = "Days; without the key all." },
	{ "from", FIELD_STRING, IN(farm_window, from, const char *), .required = TRUE, .form = FORM_TIME_OF_DAY, .doc = "Begin." },
	{ "to", FIELD_STRING, IN(farm_window, to, const char *), .required = TRUE, .form = FORM_TIME_OF_DAY,
	  .doc = "End; before `from` it is on the next day." },
	{ "zone", FIELD_STRING, IN(farm_window, zone, const char *), .def = "UTC", .form = FORM_ZONE, .doc = "Time zone." },
	{ 0 },
};

static const struct field rollout_fields[] = {
	{ "hostsAtOnce", FIELD_INT, IN(farm_rollout, hosts_at_once, gint64), .min = 1, .max = 10000,
	  .doc = "Hosts with disruptive actions (from vm-restart on) at the same time; without the key 1 where `order` is given, else any number." },
	{ "order", FIELD_STRINGS, IN(farm_rollout, order, struct strings), .form = FORM_NAME,
	  .doc = "Rings in order: values of the hosts' label `ring`. A ring waits until all hosts of those before it are Ready at the same revision; hosts of no ring come last." },
	{ 0 },
};

static const struct field policy_fields[] = {
	{ "prune", FIELD_BOOL, IN(farm_policy, prune, gboolean), .def = "false",
	  .doc = "Delete what this farm made and the specs name no more." },
	{ "deleteVolumes", FIELD_BOOL, IN(farm_policy, deletes_volumes, gboolean), .def = "false",
	  .doc = "Delete the volumes of disks that are gone or were made anew, all of them when maxDelete and maxDataLoss both let so many go in a pass; never those of disks with `keep`." },
	{ "budgets", FIELD_STRUCT, IN(farm_policy, budgets, struct farm_budgets), .fields = budget_fields,
	  .doc = "What a pass may do at most." },
	{ "windows", FIELD_LIST, IN(farm_policy, windows, struct list), ITEMS(window_fields, farm_window),
	  .doc = "When disruptive effects are allowed. Without the key at any time; else what is to be done waits, or goes on with `cleave approve`." },
	{ "rollout", FIELD_STRUCT, IN(farm_policy, rollout, struct farm_rollout), .fields = rollout_fields,
	  .doc = "In which order hosts take disruptive changes." },
	{ 0 },
};

/* decode_template() checks defaults into a scratch of that size. */
G_STATIC_ASSERT(sizeof(struct host_spec) <= DECODE_TEMPLATE_MAX);
G_STATIC_ASSERT(sizeof(struct gpu_spec) <= DECODE_TEMPLATE_MAX);
G_STATIC_ASSERT(sizeof(struct vm_spec) <= DECODE_TEMPLATE_MAX);
G_STATIC_ASSERT(sizeof(struct renderjob_spec) <= DECODE_TEMPLATE_MAX);

#define TEMPLATES_IN(tag)                                                                                     \
	{ "host", FIELD_TEMPLATE, IN(tag, templates.host, const struct node *), .fields = host_fields,        \
	  .doc = "Keys of Host specs; an object's own value wins, maps merge, lists replace." },              \
	{ "gpu", FIELD_TEMPLATE, IN(tag, templates.gpu, const struct node *), .fields = gpu_fields,           \
	  .doc = "Keys of GPU specs; an object's own value wins, maps merge, lists replace." },               \
	{ "vm", FIELD_TEMPLATE, IN(tag, templates.vm, const struct node *), .fields = vm_fields,              \
	  .doc = "Keys of VM specs; an object's own value wins, maps merge, lists replace." },                \
	{ "job", FIELD_TEMPLATE, IN(tag, templates.job, const struct node *), .fields = renderjob_fields,     \
	  .doc = "Keys of RenderJob specs; an object's own value wins, maps merge, lists replace." }

static const struct field by_label_fields[] = {
	{ "labels", FIELD_MAP, IN(labelled_templates, labels, struct list), ITEMS(label_fields, label), .required = TRUE,
	  .doc = "Labels that an object must have, all of them." },
	TEMPLATES_IN(labelled_templates),
	{ 0 },
};

static const struct field defaults_fields[] = {
	TEMPLATES_IN(farm_defaults),
	{ "byLabel", FIELD_LIST, IN(farm_defaults, by_label, struct list), ITEMS(by_label_fields, labelled_templates),
	  .doc = "Values for objects with these labels, above the ones for all; later items win." },
	{ 0 },
};

const struct field farm_fields[] = {
	{ "redis", FIELD_STRUCT, IN(farm_spec, redis, struct farm_redis), .fields = redis_fields, .required = TRUE,
	  .doc = "The queue's server." },
	{ "roots", FIELD_MAP, IN(farm_spec, roots, struct list), ITEMS(root_fields, farm_root),
	  .doc = "The only places jobs read from and write to; a path in a job is ROOT:path." },
	{ "images", FIELD_MAP, IN(farm_spec, images, struct list), ITEMS(image_fields, farm_file),
	  .doc = "Disk images that VMs may be made from." },
	{ "blenders", FIELD_MAP, IN(farm_spec, blenders, struct list), ITEMS(blender_fields, farm_file),
	  .doc = "Blender versions that jobs may ask for; without the key any." },
	{ "queues", FIELD_LIST, IN(farm_spec, queues, struct list), ITEMS(queue_fields, farm_queue), .flags = FIELD_ORDERED,
	  .doc = "Queues, most urgent first. Without the key there is one queue." },
	{ "limits", FIELD_LIST, IN(farm_spec, limits, struct list), ITEMS(limit_fields, farm_limit),
	  .doc = "How many frames of a project, or of jobs with a label, run at once." },
	{ "lease", FIELD_DURATION, IN(farm_spec, lease_ms, gint64), .def = "30s", .min = 2000, .max = 3600000,
	  .doc = "How long a worker may be silent before its frames go back to the queue. Workers in VMs are told; others have `--lease`." },
	{ "prices", FIELD_STRUCT, IN(farm_spec, prices, struct farm_prices), .fields = prices_fields,
	  .doc = "What rendering costs, for reports." },
	{ "reconcile", FIELD_ENUM, IN(farm_spec, reconcile, int), .names = &reconcile_names,
	  .doc = "How far cleave goes: observe (say what differs), propose (plan it, act only when a person applies it), "
	         "enforce (the default). A Host or an object may say otherwise for itself." },
	SUSPEND_ROW(farm_spec, "Nothing of the farm is acted on for a while, only looked at and told; one value is the reason. Workers get no new frames."),
	{ "policy", FIELD_STRUCT, IN(farm_spec, policy, struct farm_policy), .fields = policy_fields,
	  .doc = "What a pass may do, and when." },
	{ "defaults", FIELD_STRUCT, IN(farm_spec, defaults, struct farm_defaults), .fields = defaults_fields,
	  .doc = "Values for all objects of a kind that do not say otherwise." },
	{ 0 },
};

static const struct field root_job_fields[] = {
	{ "job", FIELD_STRING, IN(root_job_status, job, const char *), .doc = "PROJECT/NAME." },
	{ "abandoned", FIELD_STRINGS, IN(root_job_status, abandoned, struct strings),
	  .doc = "Attempts that are over and whose files wait for nothing." },
	{ "segments", FIELD_INT, IN(root_job_status, n_segments, gint64), .doc = "Segments of its manifest to be put together." },
	{ "logs", FIELD_INT, IN(root_job_status, n_logs, gint64), .doc = "Logs of frames beyond what is kept." },
	{ "logBytes", FIELD_BYTES, IN(root_job_status, log_bytes, guint64), .doc = "Their size." },
	{ 0 },
};

static const struct field root_store_fields[] = {
	{ "files", FIELD_INT, IN(root_store_status, n_files, gint64), .doc = "Files in the store." },
	{ "size", FIELD_BYTES, IN(root_store_status, bytes, guint64), .doc = "Their size." },
	{ "clear", FIELD_INT, IN(root_store_status, n_clear, gint64), .doc = "Of these, what may go." },
	{ "clearSize", FIELD_BYTES, IN(root_store_status, clear_bytes, guint64), .doc = "Its size." },
	{ 0 },
};

static const struct field root_status_fields[] = {
	{ "mounted", FIELD_BOOL, IN(farm_root_status, mounted, gboolean), .doc = "Its marker file is there." },
	{ "reason", FIELD_STRING, IN(farm_root_status, reason, const char *), .doc = "Why it does not count." },
	{ "free", FIELD_BYTES, IN(farm_root_status, free_bytes, guint64), .doc = "Free space." },
	{ "store", FIELD_STRUCT, IN(farm_root_status, store, struct root_store_status), .fields = root_store_fields,
	  .doc = "What was superseded." },
	{ "jobs", FIELD_LIST, IN(farm_root_status, jobs, struct list), ITEMS(root_job_fields, root_job_status),
	  .doc = "Jobs beside whose frames something is to be cleared up." },
	{ 0 },
};

static const struct field plain_status_fields[] = {
	{ "list", FIELD_STRING, IN(farm_plain_status, list, const char *), .required = TRUE, .doc = "The Redis list." },
	{ "waiting", FIELD_INT, IN(farm_plain_status, n_waiting, gint64), .doc = "Tasks in it." },
	{ "running", FIELD_INT, IN(farm_plain_status, n_running, gint64), .doc = "Tasks that a worker has begun." },
	{ "room", FIELD_INT, IN(farm_plain_status, n_room, gint64), .doc = "How many more tasks it should get." },
	{ "news", FIELD_INT, IN(farm_plain_status, n_news, gint64), .doc = "Tasks that ended, or are to be ended." },
	{ 0 },
};

static const struct field window_status_fields[] = {
	{ "window", FIELD_STRING, IN(farm_window_status, window, const char *), .required = TRUE, .doc = "Its days, times and zone." },
	{ "opens", FIELD_STRING, IN(farm_window_status, opens, const char *), .doc = "When it opened, or opens next." },
	{ "closes", FIELD_STRING, IN(farm_window_status, closes, const char *), .doc = "When it closes then." },
	{ "local", FIELD_STRING, IN(farm_window_status, local, const char *), .doc = "The begin in its own zone." },
	{ "trouble", FIELD_STRING, IN(farm_window_status, trouble, const char *), .doc = "Why it never opens." },
	{ 0 },
};

static const struct field host_status_of_rollout_fields[] = {
	{ "host", FIELD_STRING, IN(farm_ring_host, host, const char *), .required = TRUE, .doc = "The host." },
	{ "revision", FIELD_STRING, IN(farm_ring_host, revision, const char *), .doc = "The revision that it works by." },
	{ "ready", FIELD_BOOL, IN(farm_ring_host, is_ready, gboolean), .doc = "It, its GPUs and its VMs are Ready at that." },
	{ 0 },
};

static const struct field rollout_status_fields[] = {
	{ "slots", FIELD_STRINGS, IN(farm_rollout_status, slots, struct strings), .doc = "Hosts whose turn it is." },
	{ "hosts", FIELD_LIST, IN(farm_rollout_status, hosts, struct list), ITEMS(host_status_of_rollout_fields, farm_ring_host),
	  .doc = "What their controllers told." },
	{ 0 },
};

const struct field farm_status_fields[] = {
	{ "redis", FIELD_ENUM, IN(farm_status, redis, int), .names = &plane_state_names,
	  .doc = "Whether Redis answered." },
	{ "redisReason", FIELD_STRING, IN(farm_status, redis_reason, const char *), .doc = "Why it did not." },
	{ "redisVersion", FIELD_STRING, IN(farm_status, redis_version, const char *), .doc = "Its version." },
	{ "redisEviction", FIELD_STRING, IN(farm_status, redis_eviction, const char *), .doc = "What it does when its memory is full." },
	{ "redisPersistence", FIELD_STRING, IN(farm_status, redis_persistence, const char *), .doc = "How it survives a restart: aof, rdb or none." },
	{ "jobOwner", FIELD_STRING, IN(farm_status, job_owner, const char *),
	  .doc = "The host whose controller reconciles the render jobs." },
	{ "roots", FIELD_MAP, IN(farm_status, roots, struct list), ITEMS(root_status_fields, farm_root_status),
	  .doc = "The roots as this host sees them." },
	{ "plain", FIELD_LIST, IN(farm_status, plain, struct list), ITEMS(plain_status_fields, farm_plain_status),
	  .doc = "Lists for plain workers, and what they have of them." },
	{ "hosts", FIELD_LIST, IN(farm_status, hosts, struct list), ITEMS(farm_host_fields, farm_host_status),
	  .doc = "The farm's hosts, as their controllers told Redis." },
	{ "windows", FIELD_LIST, IN(farm_status, windows, struct list), ITEMS(window_status_fields, farm_window_status),
	  .doc = "The Farm's windows by the clock of this host." },
	{ "rollout", FIELD_STRUCT, IN(farm_status, rollout, struct farm_rollout_status), .fields = rollout_status_fields,
	  .doc = "Which host's turn it is." },
	{ "sweeping", FIELD_BOOL, IN(farm_status, is_sweeping, gboolean),
	  .doc = "Visible frames are being read again, and not all of them have been." },
	{ 0 },
};

static const char *behind_scheme(const char *url)
{
	const char *mark = strstr(url, "://");
	return mark ? mark + strlen("://") : url;
}

gboolean farm_url_has_user(const char *url)
{
	const char *authority = behind_scheme(url);
	return authority[strcspn(authority, "@/?#")] == '@';
}

char *farm_redis_url(const struct farm_redis *redis, const char *url)
{
	if (!url || !redis->user || farm_url_has_user(url))
		return g_strdup(url);
	const char *rest = behind_scheme(url);
	return g_strdup_printf("%.*s%s@%s", (int)(rest - url), url, redis->user, rest);
}

char *farm_window_text(struct arena *a, const struct farm_window *w)
{
	return arena_printf(a, "%s%s%s-%s %s", w->days ? w->days : "", w->days ? " " : "", w->from, w->to, w->zone);
}

gboolean farm_has_rollout(const struct farm_spec *farm)
{
	return farm->policy.rollout.order.n || farm->policy.rollout.hosts_at_once > 0;
}

const char *farm_root_where(const struct farm_root *root)
{
	return root->path ? root->path : root->url;
}

const struct farm_root *farm_root_find(const struct farm_spec *farm, const char *name)
{
	for (guint i = 0; i < farm->roots.n; i++)
		if (strcmp(LIST_AT(farm->roots, struct farm_root, i)->name, name) == 0)
			return LIST_AT(farm->roots, struct farm_root, i);
	return NULL;
}

int farm_queue_rank(const struct farm_spec *farm, const char *name)
{
	int rank = farm->queues.n ? (int)farm->queues.n - 1 : 0;
	if (!name && farm->queues.n == 0)
		return 0;
	for (guint i = 0; i < farm->queues.n; i++) {
		const struct farm_queue *q = LIST_AT(farm->queues, struct farm_queue, i);
		if (name ? g_strcmp0(q->name, name) == 0 : q->is_default) /* one without a name was reported */
			return (int)i;
	}
	return name ? -1 : rank;
}

const struct farm_file *farm_file_find(const struct list *files, const char *name)
{
	for (guint i = 0; i < files->n; i++)
		if (strcmp(LIST_AT(*files, struct farm_file, i)->name, name) == 0)
			return LIST_AT(*files, struct farm_file, i);
	return NULL;
}
