/* The parts of a domain, each a pair of functions: what is wanted into the tree, and the tree into fields. Private to
 * domain/. A part writes and reads only what the fields of its rows say (the table: domain.c). */
#pragma once
#include "domain/domain.h"
#include "domain/xml.h"

struct context {
	struct arena *arena;
	const struct domain_identity *id; /* NULL while reading */
	xmlNode *root;
	const xmlNode *previous; /* the definition so far, or NULL; while reading always */
	gboolean is_live;        /* what is read is a running domain */
};

#define DOMAIN_PART(part)                                                    \
	void part##_write(struct context *c, const struct vm_spec *vm);      \
	void part##_read(struct context *c, struct vm_spec *ret)

DOMAIN_PART(accelerator); /* cpu.c */
DOMAIN_PART(vcpus);
DOMAIN_PART(cpu);
DOMAIN_PART(iothreads);
DOMAIN_PART(memory); /* memory.c */
DOMAIN_PART(hugepages);
DOMAIN_PART(numa);
DOMAIN_PART(machine); /* boot.c */
DOMAIN_PART(firmware);
DOMAIN_PART(boot);
DOMAIN_PART(disks); /* disks.c */
DOMAIN_PART(discs);
DOMAIN_PART(networks); /* nets.c */
DOMAIN_PART(shares);
DOMAIN_PART(devices); /* devices.c */
DOMAIN_PART(console); /* console.c */
DOMAIN_PART(serial_log);
DOMAIN_PART(agent);
DOMAIN_PART(tpm);
DOMAIN_PART(watchdog);
DOMAIN_PART(worker); /* mark.c */
DOMAIN_PART(kept);

/* -- cleave's mark in the metadata (mark.c): what libvirt has no place for ----------------------------------- */

void mark_set(struct context *c, const char *word, const char *value);
char *mark_get(struct context *c, const char *word);
/* Words without spaces, such as names. */
void mark_set_words(struct context *c, const char *word, const struct strings *values);
struct strings mark_get_words(struct context *c, const char *word);
char *mark_get_of(struct arena *a, const xmlNode *root, const char *word);

/* -- disks (disks.c) --------------------------------------------------------------------------------------- */

/* What a disk is told apart by, in the guest and here. */
char *disk_serial_of(struct context *c, const xmlNode *disk);
/* "seed", "settings": which of cleave's own discs it is; else NULL. */
const char *medium_word_of(struct context *c, const xmlNode *disk);
/* vda, vdb, … and what SCSI disks need besides; after all disks were written. */
void disks_give_targets(struct context *c);

/* -- addresses (addresses.c) ------------------------------------------------------------------------------- */

/* What was in the definition so far stays in its place in the guest. */
void addresses_keep(struct context *c);
/* The functions of each card in one slot of the guest, behind a port of its own. After addresses_keep(). */
void addresses_give_cards(struct context *c);
/* Ports of PCI Express that stay free, for what is plugged in while the guest runs: libvirt makes no more than are needed
 * at the start. Last of all. */
void addresses_spare_ports(struct context *c);
/* The device of the definition so far that `e` is, or NULL. */
const xmlNode *addresses_find_before(struct context *c, const xmlNode *e);

/* -- devices of the host (devices.c) ------------------------------------------------------------------------- */

/* "0000:65:00.0" or an mdev's UUID; NULL when the element holds no device of the host. */
const char *host_device_of(struct context *c, const xmlNode *e);
/* A PCI address from `n`'s attributes; NULL when there is none. */
const char *pci_address_of(struct context *c, const xmlNode *n);
