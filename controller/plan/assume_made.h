/* An observation while it is made up. Private to plan/assume*.c. */
#pragma once
#include "plan/assume.h"
#include "spec/farm.h"
#include "spec/host.h"

struct assuming {
	struct arena *arena;
	const struct assume_input *in;
	struct objects *have;
	struct host_status *host;
	const char *farm; /* its name, or NULL */
};

/* Noon of a day long ago: the clock is part of an observation, and equal input gives an equal plan. */
#define ASSUMED_NOW "2000-01-01T12:00:00Z"

/* Adds an object with this status. */
struct object *assume_seen(struct assuming *s, enum kind_id kind, const char *id, gpointer status);
/* A digest that stands for what only a host can read: another one for each text. */
const char *assume_digest(struct arena *a, const char *what, const char *text);
/* One more item at the end of a list of structs. */
#define ASSUME_APPEND(a, list, type, ...)                                                   \
	do {                                                                                \
		type *items_ = ARENA_ARRAY((a), type, (list).n + 1);                        \
		if ((list).n)                                                               \
			memcpy(items_, (list).items, (list).n * sizeof(type));              \
		items_[(list).n] = (type)__VA_ARGS__;                                       \
		(list).items = (gpointer)items_;                                            \
		(list).n++;                                                                 \
	} while (0)

/* assume_host.c: the machine before anything was done to it, and each verb on it. */
void assume_machine(struct assuming *s);
void assume_on_host(struct assuming *s, const struct action *act);
void assume_on_volumes(struct assuming *s, const struct action *act);
/* assume_gpu.c */
void assume_cards(struct assuming *s);
void assume_on_card(struct assuming *s, const struct action *act);
/* assume_vm.c */
void assume_on_vm(struct assuming *s, const struct action *act);
/* VMs that the earlier specs give to another host: the farm knows them there. */
void assume_homes(struct assuming *s);
/* assume_jobs.c */
void assume_jobs(struct assuming *s);
