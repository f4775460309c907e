/* The verb table. */
#include "plan/verbs.h"

const struct verb_row verbs[N_VERBS] = {
	[VERB_CANCEL_FRAMES] = { "cancel-frames", 'x', PHASE_TEARDOWN, TRUE, FALSE, "Takes frames that are not wanted any more from the queue." },
	[VERB_STOP_VM] = { "stop-vm", '-', PHASE_TEARDOWN, TRUE, FALSE, "Shuts a VM down; after its time, destroys it." },
	[VERB_REMOVE_VGPUS] = { "remove-vgpus", '-', PHASE_TEARDOWN, TRUE, FALSE, "Removes vGPUs that are not wanted any more." },
	[VERB_RELEASE_DEVICE] = { "release-device", '-', PHASE_TEARDOWN, FALSE, FALSE, "Gives a card back to the driver that it had." },
	[VERB_WRITE_BOOT_FILES] = { "write-boot-files", '~', PHASE_DEVICES, FALSE, FALSE, "Writes cleave's own drop-in files for the next boot." },
	[VERB_UPDATE_BOOT] = { "update-boot", '~', PHASE_DEVICES, FALSE, FALSE, "Runs the programs that take the drop-in files into the boot." },
	[VERB_LOAD_MODULES] = { "load-modules", '+', PHASE_DEVICES, FALSE, FALSE, "Loads kernel modules." },
	[VERB_SET_HUGEPAGES] = { "set-hugepages", '~', PHASE_DEVICES, FALSE, FALSE, "Sets huge pages aside, per size and NUMA node." },
	[VERB_SET_VFS] = { "set-vfs", '~', PHASE_DEVICES, TRUE, TRUE, "Sets the number of a card's virtual functions." },
	[VERB_SET_MIG] = { "set-mig", '~', PHASE_DEVICES, TRUE, FALSE, "Cuts a card into MIG instances." },
	[VERB_BIND_DEVICE] = { "bind-device", '+', PHASE_DEVICES, TRUE, TRUE, "Takes a card, all its functions, from the host for VMs (vfio-pci)." },
	[VERB_CREATE_VGPUS] = { "create-vgpus", '+', PHASE_DEVICES, FALSE, TRUE, "Makes vGPUs on a card." },
	[VERB_DEFINE_VM] = { "define-vm", '+', PHASE_GUESTS, FALSE, FALSE, "Writes a VM's definition to libvirt." },
	[VERB_START_VM] = { "start-vm", '>', PHASE_GUESTS, FALSE, FALSE, "Starts a VM." },
	[VERB_PIN_SCENE] = { "pin-scene", '*', PHASE_WORK, FALSE, FALSE, "Records the digest of a job's scene beside its frames." },
	[VERB_DELIVER_FRAMES] = { "deliver-frames", '^', PHASE_WORK, FALSE, FALSE, "Makes verified frames visible that a worker could not deliver." },
	[VERB_PUT_BACK_FRAMES] = { "put-back-frames", '<', PHASE_WORK, FALSE, FALSE, "Puts frames back from the store, without rendering." },
	[VERB_UPDATE_JOB] = { "update-job", '~', PHASE_WORK, FALSE, FALSE, "Changes how the queue treats a job: priority, chunk, retries." },
	[VERB_ENQUEUE_FRAMES] = { "enqueue-frames", '+', PHASE_WORK, FALSE, FALSE, "Hands frames to the queue to be rendered." },
	[VERB_COMPLETE_JOB] = { "complete-job", '=', PHASE_WORK, FALSE, FALSE, "Records that all frames of a job are there, whole." },
};
