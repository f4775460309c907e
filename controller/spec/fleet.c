#include "spec/fleet.h"
#include "spec/farm.h"
#include <string.h>

static const struct field condition_rows[] = {
	{ "kind", FIELD_STRING, IN(farm_host_condition, kind, const char *), .doc = "The object's kind." },
	{ "name", FIELD_STRING, IN(farm_host_condition, name, const char *), .doc = "Its name." },
	{ "type", FIELD_STRING, IN(farm_host_condition, type, const char *), .doc = "Ready, Reconciling or Stalled." },
	{ "reason", FIELD_STRING, IN(farm_host_condition, reason, const char *), .doc = "Why, in one word." },
	{ "message", FIELD_STRING, IN(farm_host_condition, message, const char *), .doc = "Why, as a sentence." },
	{ "since", FIELD_STRING, IN(farm_host_condition, since, const char *), .doc = "Since when, by that host's clock." },
	{ 0 },
};

const struct field farm_host_fields[] = {
	{ "name", FIELD_STRING, IN(farm_host_status, name, const char *), .required = TRUE, .doc = "The Host." },
	{ "machineId", FIELD_STRING, IN(farm_host_status, machine_id, const char *), .doc = "Its machine's." },
	{ "version", FIELD_STRING, IN(farm_host_status, version, const char *), .doc = "Of cleave there." },
	{ "revision", FIELD_STRING, IN(farm_host_status, revision, const char *), .doc = "The revision that it works with." },
	{ "commit", FIELD_STRING, IN(farm_host_status, commit, const char *), .doc = "Its commit." },
	{ "observedAt", FIELD_STRING, IN(farm_host_status, observed_at, const char *), .doc = "When its conditions were told last." },
	{ "silent", FIELD_DURATION, IN(farm_host_status, silent_ms, gint64), .doc = "Time since it was heard." },
	{ "conditions", FIELD_LIST, IN(farm_host_status, conditions, struct list), ITEMS(condition_rows, farm_host_condition),
	  .doc = "How its objects stand." },
	{ 0 },
};

const struct farm_host_status *farm_host_find(const struct farm_status *farm, const char *name)
{
	for (guint i = 0; i < farm->hosts.n; i++)
		if (g_strcmp0(LIST_AT(farm->hosts, struct farm_host_status, i)->name, name) == 0)
			return LIST_AT(farm->hosts, struct farm_host_status, i);
	return NULL;
}

const struct farm_host_condition *farm_host_condition(const struct farm_host_status *host, const char *kind, const char *name)
{
	for (guint i = 0; i < host->conditions.n; i++) {
		const struct farm_host_condition *c = LIST_AT(host->conditions, struct farm_host_condition, i);
		if (g_strcmp0(c->name, name) == 0 && g_strcmp0(c->kind, kind) == 0)
			return c;
	}
	return NULL;
}
