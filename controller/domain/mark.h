/* cleave's mark in a domain's metadata: who made it. */
#pragma once

struct arena;

#define DOMAIN_MARK_URI "urn:cleave:domain:1"
#define DOMAIN_MARK_PREFIX "cleave"

struct domain_identity;
struct vm_spec;

/* The element, without its namespace, as libvirt's virDomainSetMetadata() takes it: whose the domain is, and no more. */
char *domain_mark(struct arena *a, const char *farm);
/* The whole mark that a VM's definition has. */
char *domain_mark_xml(struct arena *a, const struct domain_identity *id, const struct vm_spec *vm);
