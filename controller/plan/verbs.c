/* The verb table. */
#include "plan/verbs.h"

const struct verb_row verbs[N_VERBS] = {
	[VERB_CANCEL_FRAMES] = { "cancel-frames", 'x', PHASE_TEARDOWN, TRUE, "Takes frames that are not wanted any more from the queue." },
	[VERB_STOP_VM] = { "stop-vm", '-', PHASE_TEARDOWN, TRUE, "Shuts a VM down; after its time, destroys it." },
	[VERB_DEFINE_VM] = { "define-vm", '+', PHASE_GUESTS, FALSE, "Writes a VM's definition to libvirt." },
	[VERB_START_VM] = { "start-vm", '>', PHASE_GUESTS, FALSE, "Starts a VM." },
	[VERB_PIN_SCENE] = { "pin-scene", '*', PHASE_WORK, FALSE, "Records the digest of a job's scene beside its frames." },
	[VERB_DELIVER_FRAMES] = { "deliver-frames", '^', PHASE_WORK, FALSE, "Makes verified frames visible that a worker could not deliver." },
	[VERB_PUT_BACK_FRAMES] = { "put-back-frames", '<', PHASE_WORK, FALSE, "Puts frames back from the store, without rendering." },
	[VERB_UPDATE_JOB] = { "update-job", '~', PHASE_WORK, FALSE, "Changes how the queue treats a job: priority, chunk, retries." },
	[VERB_ENQUEUE_FRAMES] = { "enqueue-frames", '+', PHASE_WORK, FALSE, "Hands frames to the queue to be rendered." },
	[VERB_COMPLETE_JOB] = { "complete-job", '=', PHASE_WORK, FALSE, "Records that all frames of a job are there, whole." },
};
