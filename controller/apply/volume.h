/* What the verbs on volumes share. Private to apply/. */
#pragma once
#include "apply/apply.h"
#include "host/virt_storage.h"
#include "spec/host.h"

/* To fill a large disk takes its time; the deadline is for a libvirt that does not answer at all. */
enum { POOL_MS = 60000, VOLUME_MS = 3600000, VOLUME_QUICK_MS = 120000 };

gboolean volumes_need_libvirt(const struct apply_input *in, GError **error);
/* Bytes that the pool leaves free on the file system of its folder. */
guint64 volume_least_free(const struct apply_input *in, const char *pool, const char *folder);
/* Its folder and format. */
struct virt_volume_order volume_order(const struct apply_input *in, const struct volume_step *step);
