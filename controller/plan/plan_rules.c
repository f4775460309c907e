/* The table of refusals: what is never done, whatever the specs say. */
#include "base/arena.h"
#include "plan/plan_gpu.h"
#include "plan/plan_vm.h"
#include "plan/plan_volumes.h"
#include "spec/host.h"

static gboolean empty_tree(struct arena *a, const struct plan *p, const char **ret_message)
{
	guint n = 0;
	(void)a;
	for (int kind = 0; kind < N_KINDS; kind++)
		n += p->want->by_kind[kind]->len;
	*ret_message = "the specs hold no object at all; an empty tree is taken for a mistake";
	return n == 0;
}

static gboolean host_taken(struct arena *a, const struct plan *p, const char **ret_message)
{
	const struct object *host = objects_get(p->have, KIND_HOST, p->host);
	const struct host_status *s = host ? host->status : NULL;
	(void)a;
	if (s && s->taken)
		*ret_message = s->taken;
	return s && s->taken;
}

#define OF_PLAN(name_, doc_, forbids_) { .name = name_, .doc = doc_, .scope = RULE_OF_PLAN, .forbids = forbids_ }
#define OF_GPU(name_, reason_, doc_, refuses_) \
	{ .name = name_, .doc = doc_, .scope = RULE_OF_OBJECT, .reason = reason_, .refuses = refuses_ }
#define OF_VM(name_, reason_, doc_, refuses_) \
	{ .name = name_, .doc = doc_, .scope = RULE_OF_OBJECT, .reason = reason_, .refuses_vm = refuses_ }

/* Of an object's rules the first that refuses is told: which card it is comes before what is in the way there. */
const struct plan_rule plan_rules[] = {
	OF_PLAN("empty-tree", "Specs without any object change nothing.", empty_tree),
	OF_PLAN("host-taken", "Of two controllers that claim one host the second does nothing.", host_taken),
	OF_VM("vm-not-ours", "NotOurs", "A domain that this farm did not make is never touched.", vm_not_ours),
	OF_VM("vm-path-allowed", "PathNotAllowed", "A VM uses paths of the host that its controller.yaml allows, and no others.", vm_path_not_allowed),
	OF_GPU("gpu-path-allowed", "PathNotAllowed", "A ROM file lies where the host's controller.yaml allows it.", gpu_path_not_allowed),
	OF_GPU("gpu-not-found", "NotFound", "Nothing is done for a card that is not there.", gpu_not_found),
	OF_GPU("gpu-ambiguous", "Ambiguous", "A card is only touched when exactly one fits its GPU.", gpu_ambiguous),
	OF_GPU("gpu-moved", "IdentityMoved", "Another card at the address is never touched.", gpu_moved),
	OF_GPU("gpu-stuck", "Stuck", "A device that a write has not returned from is left alone until it does.", gpu_stuck),
	OF_GPU("gpu-not-ours", "NotOurs", "vGPUs that cleave did not make are never touched.", gpu_not_ours),
	OF_GPU("gpu-not-offered", "NotOffered", "A card is only cut as its driver offers it.", gpu_not_offered),
	OF_GPU("gpu-reset-required", "ResetRequired", "A card whose MIG mode waits for its reset is not cut before.", gpu_reset_required),
	OF_GPU("gpu-no-iommu", "NoIommu", "A card is only given to VMs behind an IOMMU.", gpu_no_iommu),
	OF_GPU("gpu-no-vfio", "NoDriver", "A card is only taken from its driver when vfio-pci is there to take it.", gpu_no_vfio),
	OF_GPU("gpu-console", "Console", "The card with the firmware's console stays with the host.", gpu_console),
	OF_GPU("gpu-in-use", "InUse", "What a running VM or the host itself works with is not taken away.", gpu_in_use),
	OF_GPU("gpu-held", "Held", "A card that processes have open is not taken from them.", gpu_held),
	OF_GPU("gpu-group-shared", "GroupShared", "A card whose IOMMU group holds other devices of the host is not taken.",
	       gpu_group_shared),
	OF_GPU("gpu-no-reset", "NoReset", "A card that cannot be reset is not given from VM to VM.", gpu_no_reset),
	OF_VM("vm-no-memory", "NoRoom", "A VM is not started, or stopped to be, with more memory than its host has.", vm_no_memory),
	OF_VM("vm-no-kvm", "NoKvm", "A VM is not started, or stopped to be, with an accelerator that its host lacks.", vm_no_kvm),
	OF_VM("vm-no-storage", "NoStorage", "A disk in a pool takes a libvirt connection that has pools.", vm_no_storage),
	OF_VM("vm-pool-differs", "PoolDiffers", "A pool that is not the Host's is never touched.", vm_pool_differs),
	OF_VM("vm-pool-unreadable", "PoolUnreadable", "A volume is not taken for gone while its pool's folder cannot be read.", vm_pool_unreadable),
	OF_VM("vm-image-larger", "ImageLarger", "A disk is never smaller than its image.", vm_image_larger),
	OF_VM("vm-volume-gone", "VolumeGone", "The volume of a running VM is not made anew behind its back.", vm_volume_gone),
	OF_VM("vm-disk-kept", "DiskKept", "A disk with `keep` is never made anew.", vm_disk_kept),
	{ .name = "vm-data-loss", .doc = "Disks are only made anew within the Farm's maxDataLoss, or when that plan was approved.", .scope = RULE_OF_OBJECT,
	  .reason = "DataLoss", .is_limit = TRUE, .refuses_vm = vm_data_loss },
};
const guint n_plan_rules = G_N_ELEMENTS(plan_rules);
