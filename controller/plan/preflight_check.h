/* What the files of checks share. Private to plan/preflight*.c. */
#pragma once
#include "base/arena.h"
#include "plan/plan.h"
#include "plan/preflight.h"
#include "spec/boot.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/vm.h"
#include <string.h>

/* A card of the host, a spec for one, or both. */
struct check_card {
	const char *id;                 /* the spec's name, else the observation's */
	const struct gpu_spec *spec;    /* NULL: no spec names it */
	const struct gpu_status *card;  /* NULL: it was not found */
	struct gpu_identity identity;   /* where there is a spec */
};

struct checking {
	struct arena *arena;
	const struct objects *want, *have;
	const char *host_id;
	const struct host_spec *spec;   /* NULL: no Host is wanted */
	const struct host_status *host; /* NULL: it was not observed; then only `observed` is asked */
	const struct object *farm_want;
	const struct farm_spec *farm; /* NULL: no Farm */
	const struct farm_status *farm_status;
	const struct plan *plan;
	struct check_card *cards;
	guint n_cards;
	gboolean names_cards; /* a spec names a card of this host */
	guint n_vms;          /* wanted on it */
	GArray *findings;
	/* What is asked now, and of what. */
	const struct preflight_check *check;
	enum kind_id kind;
	const char *id;
	const struct check_card *at; /* CHECKS_CARDS */
	const struct vm_spec *vm;    /* CHECKS_VMS */
};

void check_say(struct checking *c, enum check_verdict verdict, const char *why, const char *fix);
static inline void check_ok(struct checking *c, const char *why)
{
	check_say(c, CHECK_OK, why, NULL);
}

#define CHECK(name) void name(struct checking *c)
#define SAY(...) arena_printf(c->arena, __VA_ARGS__)

/* Whether VMs get the card by that share (GPU_SHARE_UNSAID: by any). */
gboolean check_gives(const struct check_card *at, enum gpu_share share);
/* Whether a check of whole cards applies, and how bad its trouble is: FAIL for a card that is to be passed through;
 * WARN for any as long as no spec says which are. */
gboolean check_is_passed(const struct checking *c, enum check_verdict *ret_trouble);
/* Whether the card is spoken of at all: a spec names it, or none names any. */
gboolean check_is_spoken_of(const struct checking *c);
/* Of a GPU's name; NULL when there is none. */
const struct check_card *check_card_of(const struct checking *c, const char *gpu);
/* Adds to "a, b", and to "a, b and 3 more" in the end: `most` of them are named. */
const char *check_list(struct checking *c, const GPtrArray *words, guint most);
/* "6.1.0-18-amd64", "QEMU 7.2.0" → 6001, 7002; -1 when there is no number. */
gint64 check_version(const char *text);

CHECK(check_observed);
CHECK(check_iommu);
CHECK(check_interrupt_remapping);
CHECK(check_acs_override);
CHECK(check_cards_there);
CHECK(check_kvm);
CHECK(check_libvirt);
CHECK(check_kernel);
CHECK(check_libvirt_version);
CHECK(check_qemu);
CHECK(check_modules);
CHECK(check_boot);
CHECK(check_cpu_idle);
CHECK(check_clock);
CHECK(check_root);
CHECK(check_hugepages);
CHECK(check_bridges);
CHECK(check_pools);
CHECK(check_images);
CHECK(check_card_found);
CHECK(check_card_identity);
CHECK(check_card_bars);
CHECK(check_card_group);
CHECK(check_card_console);
CHECK(check_card_holders);
CHECK(check_card_reset);
CHECK(check_card_share);
CHECK(check_card_refused);
CHECK(check_nvswitch);
CHECK(check_card_stuck);
CHECK(check_card_driver);
CHECK(check_card_link);
CHECK(check_card_errors);
CHECK(check_vm_firmware);
CHECK(check_vm_networks);
CHECK(check_vm_hiding);
CHECK(check_vgpu_licence);
CHECK(check_vgpu_driver);
CHECK(check_vgpu_series);
CHECK(check_vgpu_ecc);
CHECK(check_redis);
CHECK(check_redis_version);
CHECK(check_redis_eviction);
CHECK(check_redis_persistence);
CHECK(check_roots);
