/* The folder of an embedded QEMU driver, `qemu:///embed?root=DIR`. Called by virt_open().
 *
 * The driver runs in this process, without a daemon: for the demo and for tests. One program at a time may
 * have a root open; VMs outlive it. It has no storage, network, node-device or secret API. */
#pragma once
#include <glib.h>

/* For an embedded URI makes DIR and, if there is none, DIR/etc/qemu.conf. TRUE and nothing for others. */
gboolean virt_embed_prepare(const char *uri, GError **error);
