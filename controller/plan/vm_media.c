/* Digests of a VM's media, of its worker and of its secrets: a changed file shows as a changed field. */
#include "base/arena.h"
#include "plan/plan_vm.h"
#include "spec/seed.h"
#include <string.h>

/* Of secrets a plan knows digests only; they stand where the bytes will. */
static struct list known_secrets(const struct vm_target *t)
{
	struct guest_secret *all = ARENA_ARRAY(t->b->arena, struct guest_secret, t->host->secrets.n);
	guint n = 0;
	for (guint i = 0; i < t->host->secrets.n; i++) {
		const struct host_secret_status *s = LIST_AT(t->host->secrets, struct host_secret_status, i);
		if (s->digest)
			all[n++] = (struct guest_secret){ s->name, s->digest, strlen(s->digest) };
	}
	return (struct list){ all, n };
}

static void wait_for_file(struct vm_target *t, const char *path)
{
	if (t->waits_for)
		return;
	t->waits_reason = path[0] == '/' ? "SecretMissing" : "FileMissing";
	t->waits_for = arena_printf(t->b->arena, path[0] == '/' ? "the file %s cannot be read on the host" : "the file %s was not read from the specs' tree", path);
}

/* NULL, and waited for, when a file is missing. */
static const char *digest_of(struct vm_target *t, const struct guest_input *in,
                             gboolean (*make)(struct arena *a, const struct guest_input *in, struct list *ret, const char **ret_missing))
{
	struct list files;
	const char *missing = NULL;
	if (make(t->b->arena, in, &files, &missing))
		return medium_digest(t->b->arena, files);
	wait_for_file(t, missing);
	return NULL;
}

void vm_target_give_media(struct vm_target *t)
{
	struct guest_input in = { t->b->in->want, t->object, t->told, known_secrets(t), NULL };
	const char *password_file = t->want->console.password_file;
	const char *bundle = t->host->worker_bundle;
	/* One that is not installed on the host any more is not taken from a guest that has it. */
	if (!bundle && t->have)
		bundle = t->have->defined.worker.bundle;
	if (t->want->worker.enabled)
		in.bundle = t->want->worker.bundle = bundle;
	if (vm_has_seed(in.want))
		t->want->seed = digest_of(t, &in, seed_told);
	if (t->want->worker.enabled)
		t->want->settings = digest_of(t, &in, settings_files);
	if (!password_file)
		return;
	const struct guest_secret *password = guest_secret_find(&in, password_file);
	t->want->console.password_digest = password ? password->bytes : NULL;
	if (!password)
		wait_for_file(t, password_file);
}
