/* What is done inside a VM: its users, files and disks (cloud-init), its worker and driver. */
#pragma once
#include "spec/field.h"

struct guest_user {
	const char *name, *shell, *ssh_keys_file, *password_hash_file;
	gboolean sudo;
	struct strings ssh_keys, groups;
};

struct guest_file {
	const char *path, *source, *content, *mode, *owner;
};

struct guest_command {
	struct strings argv;
};

struct cloud_init {
	const char *hostname, *timezone;
	struct list users; /* struct guest_user */
	struct strings packages;
	struct list files;        /* struct guest_file */
	struct list run_commands; /* struct guest_command */
};

struct guest_worker {
	gboolean enabled;
	gint64 slots_per_gpu;
	guint64 cache_bytes;
	struct list labels; /* struct label */
	gint64 max_gpu_temp;
	const char *bundle; /* derived: version and digest of what is installed, "0.1.0 5f3c…" */
};

enum nvidia_from { NVIDIA_FROM_UNSAID, NVIDIA_FROM_IMAGE, NVIDIA_FROM_APT };

struct guest_nvidia {
	const char *driver, *license_token_file;
	int from; /* enum nvidia_from */
	int feature_type;
};

extern const struct field cloud_init_fields[], guest_worker_fields[], guest_nvidia_fields[];
