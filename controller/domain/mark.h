/* cleave's mark in a domain's metadata: who made it. */
#pragma once

struct arena;

#define DOMAIN_MARK_URI "urn:cleave:domain:1"
#define DOMAIN_MARK_PREFIX "cleave"

/* The element, without its namespace, as libvirt's virDomainSetMetadata() takes it. */
char *domain_mark(struct arena *a, const char *farm);
