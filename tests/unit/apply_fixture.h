/* A small host for the verbs on devices: a tree on which tests/tools/sim_kernel answers the writes, and the whole way
 * from goals to outcomes: specs, observation, plan, apply.
 *
 * 01 and 02 are twin cards of two functions on host drivers (02's audio has none, and an override); 03 makes VFs; 04 as
 * well, and the host uses two of them; 05 has mediated vGPUs, 06 is cut by vendor VFIO, 07 is a network
 * card, 08 shares its IOMMU group with a disk. */
#pragma once
#include "apply/apply.h"
#include "host/hands.h"
#include "host/helper.h"
#include "host/taken.h"
#include "spec/gpu.h"

#define CARD_A "0000:01:00.0"
#define CARD_B "0000:02:00.0"
#define CARD_VF "0000:03:00.0"
#define CARD_USED_VF "0000:04:00.0"
#define CARD_MDEV "0000:05:00.0"
#define CARD_VENDOR "0000:06:00.0"
#define CARD_OTHER "0000:07:00.0"
#define CARD_SHARED "0000:08:00.0"

struct rig {
	struct arena *arena; /* of the scenario: rig_reset() clears it */
	char *dir;           /* desk/ (sim_kernel's), root/sys/, state/ */
	char *kernel;        /* the program */
	struct host_tree tree;
	struct hands hands;
};

struct rig *rig_new(void);
void rig_free(struct rig *r);
/* The host as it was made; nothing taken, no faults. */
void rig_reset(struct rig *r);
/* As in tests/tools/sim_kernel.c; NULL = none. Writes are counted from 1 again. */
void rig_fault(struct rig *r, const char *fault);
guint rig_count_writes(struct rig *r);

/* What stands in the tree and in the record, a line each, sorted. */
char *rig_snapshot(struct rig *r);
void rig_assert_same(const char *expected, const char *actual, const char *when);
/* Lines that are in one of them only have to name `address`'s bus. */
void rig_assert_only_touched(const char *before, const char *after, const char *address);

/* How a card is wanted. */
struct goal {
	const char *card;
	int share;
	guint count;
	const char *type;
	gboolean takes_group;
};
/* The name of its GPU. */
const char *rig_name(struct rig *r, const char *card);
/* From what is there now. */
struct plan *rig_plan(struct rig *r, const struct goal *goals, guint n);
/* The plan with these events; the outcomes are the rig's. */
struct outcomes rig_apply(struct rig *r, const struct plan *p, void (*acting)(void *user, guint action), void *user);
/* Plans and applies until nothing is left to do and all is Ready; nothing may fail, and it may take three rounds. */
void rig_reach(struct rig *r, const struct goal *goals, guint n);
/* What is not as the host made it stands in the record, as the host had it. */
void rig_assert_recorded(struct rig *r);
