/* A PCI card as the status of a GPU. Private to observe/. */
#pragma once
#include <glib.h>

struct arena;
struct gpu_status;
struct pci_gpu;
struct taken;
struct uses;

struct card_input {
	struct arena *arena;
	const char *host;
	struct taken *taken; /* may be NULL */
	struct uses *uses;   /* NULL: what the host does with it is not known here */
};

/* Fills what PCI tells, in a status where nothing is told yet; who holds it is not looked for. */
void observe_card(const struct card_input *in, const struct pci_gpu *gpu, struct gpu_status *ret);
