/* VM ↔ libvirt domain XML, both ways through one table (domain.c).
 *
 * In: a resolved VM spec. Out: the XML to define; and from XML, the same fields again, so that wanted
 * and defined are compared as typed values. What libvirt adds by itself is not read. */
#pragma once
#include "spec/vm.h"
#include <glib.h>

struct arena;

struct domain_identity {
	const char *farm, *name;
	const char *uuid;         /* NULL: the one that follows from the names; a domain that was taken over keeps its own */
	const char *media;        /* folder of the VM's discs and of its firmware's variables; NULL where it needs none */
	const char *vnc_password; /* NULL = none */
};

/* What only libvirt's XML tells. */
struct domain_facts {
	const char *name, *uuid;
	const char *owner;        /* farm in cleave's mark; NULL: not made by cleave */
	const char *machine_type; /* as recorded */
	struct strings host_devices; /* "0000:65:00.0" of PCI devices, UUIDs of mdevs; in the XML's order */
};

/* UUID of version 5 over farm and VM name (RFC 9562): the same at every define. */
char *domain_uuid(struct arena *a, const struct domain_identity *id);

/* XML for virDomainDefineXML. `previous` (may be NULL) is its definition so far: the machine type recorded there is kept,
 * so that an upgrade of QEMU changes no guest, and so are the devices' addresses in the guest.
 * Format: https://libvirt.org/formatdomain.html */
char *domain_to_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm, const char *previous);
/* Reads the FIELD_IN_DOMAIN rows back. ERROR_INVALID when it is not domain XML. */
gboolean domain_from_xml(struct arena *a, const char *xml, struct vm_spec *ret, struct domain_facts *ret_facts,
                         GError **error);

/* Name of the file with a UEFI firmware's variables, in the VM's folder of media; NULL: it has none. */
const char *domain_variables_name(int firmware);

/* The fields of vm_fields that the table's nth row holds, with spaces between; NULL past the last. */
const char *domain_row_fields(guint i);

enum domain_device { DOMAIN_DISK, DOMAIN_NETWORK, DOMAIN_HOST_DEVICE, DOMAIN_SETTINGS, DOMAIN_SCREEN };
/* The element of one device as the running domain takes it (`running` is its XML); NULL when there is none. `index` is
 * its place in the VM's list. */
char *domain_device_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm, const char *running,
                        enum domain_device device, guint index);
/* All of cleave's mark for this VM, as virDomainSetMetadata() takes it: without its namespace. */
char *domain_mark_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm);
