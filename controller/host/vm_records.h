/* What this host remembers of its VMs, which neither libvirt nor git knows: when cleave started one, how its runs
 * ended, since when it is drained; of one that was undefined, which of its disks were to be kept. A file a VM below
 * STATE/vm-records/.
 *
 * Facts of this host: they outlive a crash of the controller. One that is lost is as one that never was: a crash is
 * not counted, a drain begins anew. Written by apply/, and by observe/ when a state is first seen. */
#pragma once
#include <glib.h>

struct arena;
struct vm_records;

struct vm_record {
	const char *uuid;             /* another domain of that name has no record */
	const char *state, *since;    /* seen last, and when it was first seen; RFC 3339, UTC */
	const char *started_at;       /* by cleave; NULL when cleave ended that run as well */
	const char *started_revision;
	gint64 n_short_runs;
	const char *draining_since;   /* NULL = it is not drained */
	const char *left_at;          /* when another host was let have it; NULL = it was not, or came back */
	const char *undefined_of;     /* the farm of whom it was, when cleave undefined it: all that is left is .kept; no .uuid */
	const char **kept;            /* disks of it whose volumes are never deleted */
	guint n_kept;
	const char *not_taken;        /* digest of the changes that its last start did not bring; NULL = it brought all */
	const char *shutdown_timeout; /* of its spec, for when it leaves the specs; NULL = not told */
};

/* `state` is the state folder; read anew at each call. Any thread, one at a time for a VM. */
struct vm_records *vm_records_new(const char *state);
/* NULL is fine. */
void vm_records_free(struct vm_records *r);

/* FALSE, and all of it empty but .uuid, when there is none, or what is there is not one. `r` NULL: none. */
gboolean vm_records_find(const struct vm_records *r, struct arena *a, const char *name, const char *uuid, struct vm_record *ret);
/* The whole of it, so that a crash leaves the old one or the new one. ERROR_INVALID for what is no VM's name. */
gboolean vm_records_save(const struct vm_records *r, const char *name, const struct vm_record *record, GError **error);
/* Absent is success. */
gboolean vm_records_forget(const struct vm_records *r, const char *name, GError **error);

/* Of all VMs that have a record, in no order. */
const char **vm_records_names(const struct vm_records *r, struct arena *a, guint *ret_n);

/* The time now, as records have it. */
const char *vm_records_now(struct arena *a);
