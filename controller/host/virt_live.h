/* Changes of a running domain. None of these touches what the next start uses: that is defined (virt_define).
 *
 * All are asked of libvirt and return when it has answered, which is not when the guest has followed: it switches a
 * CPU on, gives memory back and lets go of a device in its own time, or never. Whoever asks looks afterwards. */
#pragma once
#include "host/virt.h"

gboolean virt_set_vcpus(struct virt *v, const struct virt_id *id, guint n, gint64 timeout_ms, GError **error);
/* What the balloon leaves to the guest. */
gboolean virt_set_memory(struct virt *v, const struct virt_id *id, guint64 bytes, gint64 timeout_ms, GError **error);

/* CPUs of the host, as "0-3,8". */
gboolean virt_pin_vcpu(struct virt *v, const struct virt_id *id, guint vcpu, const char *cpus, gint64 timeout_ms, GError **error);
gboolean virt_pin_emulator(struct virt *v, const struct virt_id *id, const char *cpus, gint64 timeout_ms, GError **error);
/* I/O threads count from 1. */
gboolean virt_pin_iothread(struct virt *v, const struct virt_id *id, guint iothread, const char *cpus, gint64 timeout_ms, GError **error);

/* One element of <devices>. A device that is there already, or gone already, is libvirt's error. */
gboolean virt_attach_device(struct virt *v, const struct virt_id *id, const char *xml, gint64 timeout_ms, GError **error);
gboolean virt_detach_device(struct virt *v, const struct virt_id *id, const char *xml, gint64 timeout_ms, GError **error);
/* What of a device can change: a medium, a link, a bridge, a VNC password. */
gboolean virt_update_device(struct virt *v, const struct virt_id *id, const char *xml, gint64 timeout_ms, GError **error);
/* An element in the metadata of the running domain alone (virt_set_mark: of its definition as well). */
gboolean virt_set_live_mark(struct virt *v, const struct virt_id *id, const char *xml, const char *uri, gint64 timeout_ms, GError **error);
