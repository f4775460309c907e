/* Farm's tables. */
#include "spec/farm.h"
#include "spec/kinds.h"
#include "spec/renderjob.h"
#include "spec/vm.h"
#include <string.h>

NAME_TABLE(plane_state_names, "a state", 3, "leftOut", "ok", "away");

static const char *check_redis_url(struct arena *a, const char *text)
{
	(void)a;
	if (g_str_has_prefix(text, "rediss://"))
		return "TLS is not built in; put stunnel in front and write redis:// to it";
	if (!g_str_has_prefix(text, "redis://") && !g_str_has_prefix(text, "redis+unix:///"))
		return "write redis://HOST:PORT/DB or redis+unix:///PATH";
	return NULL;
}

static const struct field redis_fields[] = {
	{ "url", FIELD_STRING, IN(farm_redis, url, const char *), .required = TRUE, .check = check_redis_url,
	  .doc = "Where controllers reach Redis, as redis://10.0.0.5:6379/0." },
	{ "guestUrl", FIELD_STRING, IN(farm_redis, guest_url, const char *), .check = check_redis_url,
	  .doc = "Where the VMs reach the same Redis, if another way than `url`." },
	{ "passwordFile", FIELD_STRING, IN(farm_redis, password_file, const char *), .check = check_absolute_path,
	  .doc = "File on the host with the password of the user in `url`." },
	{ 0 },
};

static const struct field root_fields[] = {
	{ "path", FIELD_STRING, IN(farm_root, path, const char *), .required = TRUE, .check = check_absolute_path,
	  .doc = "Where the root is mounted on the hosts. A file .cleave-root in it proves that it is." },
	{ 0 },
};

static const struct field queue_fields[] = {
	{ "name", FIELD_STRING, IN(farm_queue, name, const char *), .required = TRUE, .check = check_name,
	  .doc = "The name jobs use." },
	{ "default", FIELD_BOOL, IN(farm_queue, is_default, gboolean),
	  .doc = "Jobs that name no queue go here; else to the last one." },
	{ 0 },
};

static const struct field defaults_fields[] = {
	{ "vm", FIELD_TEMPLATE, IN(farm_defaults, vm, const struct node *), .fields = vm_fields,
	  .doc = "Keys of VM specs; a VM's own value wins, maps merge, lists replace." },
	{ "job", FIELD_TEMPLATE, IN(farm_defaults, job, const struct node *), .fields = renderjob_fields,
	  .doc = "Keys of RenderJob specs; a job's own value wins, maps merge, lists replace." },
	{ 0 },
};

const struct field farm_fields[] = {
	{ "redis", FIELD_STRUCT, IN(farm_spec, redis, struct farm_redis), .fields = redis_fields, .required = TRUE,
	  .doc = "The queue's server." },
	{ "roots", FIELD_MAP, IN(farm_spec, roots, struct list), ITEMS(root_fields, farm_root),
	  .doc = "The only places jobs read from and write to; a path in a job is ROOT:path." },
	{ "queues", FIELD_LIST, IN(farm_spec, queues, struct list), ITEMS(queue_fields, farm_queue),
	  .doc = "Queues, most urgent first. Without the key there is one queue." },
	{ "lease", FIELD_DURATION, IN(farm_spec, lease_ms, gint64), .def = "30s", .min = 2000, .max = 3600000,
	  .doc = "How long a worker may be silent before its frames go back to the queue." },
	{ "defaults", FIELD_STRUCT, IN(farm_spec, defaults, struct farm_defaults), .fields = defaults_fields,
	  .doc = "Values for all VMs and jobs that do not say otherwise." },
	{ 0 },
};

static const struct field root_status_fields[] = {
	{ "mounted", FIELD_BOOL, IN(farm_root_status, mounted, gboolean), .doc = "Its marker file is there." },
	{ "reason", FIELD_STRING, IN(farm_root_status, reason, const char *), .doc = "Why it does not count." },
	{ 0 },
};

const struct field farm_status_fields[] = {
	{ "redis", FIELD_ENUM, IN(farm_status, redis, int), .names = &plane_state_names,
	  .doc = "Whether Redis answered." },
	{ "redisReason", FIELD_STRING, IN(farm_status, redis_reason, const char *), .doc = "Why it did not." },
	{ "jobOwner", FIELD_STRING, IN(farm_status, job_owner, const char *),
	  .doc = "The host whose controller reconciles the render jobs." },
	{ "roots", FIELD_MAP, IN(farm_status, roots, struct list), ITEMS(root_status_fields, farm_root_status),
	  .doc = "The roots as this host sees them." },
	{ 0 },
};

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
		if (name ? strcmp(q->name, name) == 0 : q->is_default)
			return (int)i;
	}
	return name ? -1 : rank;
}
