/* Checks of what all hosts share, as this one sees it: Redis and roots. */
#include "plan/preflight_check.h"

static gboolean answers(const struct checking *c)
{
	return c->farm_status && c->farm_status->redis == PLANE_OK;
}

CHECK(check_redis)
{
	const struct farm_status *s = c->farm_status;
	if (answers(c))
		check_ok(c, "it answers");
	else if (s && s->redis == PLANE_AWAY)
		check_say(c, CHECK_FAIL, s->redis_reason ? s->redis_reason : "Redis does not answer",
		          "start Redis, or correct redis.url of the Farm; `redis-cli -u URL ping` tries it");
	else
		check_say(c, CHECK_UNKNOWN, s ? "Redis was left out" : "the farm was not observed", NULL);
}

/* 7.0 has functions, in which the queue is written. */
enum { REDIS_LEAST = 7000 };

CHECK(check_redis_version)
{
	const char *version = answers(c) ? c->farm_status->redis_version : NULL;
	if (!answers(c))
		return;
	if (!version)
		check_say(c, CHECK_UNKNOWN, "Redis does not tell its version", "allow its user the command INFO");
	else if (check_version(version) < REDIS_LEAST)
		check_say(c, CHECK_FAIL, SAY("Redis %s is older than 7.0, which has the functions that the queue is made of", version), "update Redis");
	else
		check_ok(c, version);
}

CHECK(check_redis_eviction)
{
	const char *policy = answers(c) ? c->farm_status->redis_eviction : NULL;
	if (!answers(c))
		return;
	if (!policy)
		check_say(c, CHECK_UNKNOWN, "Redis does not tell what it evicts", "allow its user the command INFO");
	else if (strcmp(policy, "noeviction") != 0)
		check_say(c, CHECK_WARN, SAY("Redis evicts (%s): with a full memory it drops queued frames, which come back only with the next pass", policy),
		          "`redis-cli config set maxmemory-policy noeviction`, and the same in redis.conf");
	else
		check_ok(c, policy);
}

CHECK(check_redis_persistence)
{
	const char *how = answers(c) ? c->farm_status->redis_persistence : NULL;
	if (!answers(c))
		return;
	if (!how)
		check_say(c, CHECK_UNKNOWN, "Redis does not tell whether it writes to the disk", NULL);
	else if (strcmp(how, "none") == 0)
		check_say(c, CHECK_WARN, "Redis writes nothing to the disk: a restart empties the queue, and frames that were begun are rendered again",
		          "`redis-cli config set appendonly yes`, and the same in redis.conf");
	else
		check_ok(c, how);
}

CHECK(check_roots)
{
	for (guint i = 0; c->farm_status && i < c->farm_status->roots.n; i++) {
		const struct farm_root_status *r = LIST_AT(c->farm_status->roots, struct farm_root_status, i);
		const struct farm_root *root = farm_root_find(c->farm, r->name);
		if (r->mounted)
			check_ok(c, SAY("%s is mounted", r->name));
		else
			check_say(c, CHECK_FAIL, SAY("the root %s is not mounted: %s", r->name, r->reason ? r->reason : "no reason was given"),
			          root && root->path ? SAY("mount what belongs to %s; the file %s in it proves that it is there", root->path,
			                                   root->marker ? root->marker : ".cleave-root")
			                             : NULL);
	}
}
