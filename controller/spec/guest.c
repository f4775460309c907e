/* Tables of what is done inside a VM. What is in the seed (spec/seed.c) is read when the guest boots, and carried out
 * again after a change: such rows restart the VM. What is on the settings medium alone acts while it runs. */
#include "spec/guest.h"

LOCAL_NAME_TABLE(nvidia_from_names, "a source", 3, "", "image", "apt");
LOCAL_NAME_TABLE(feature_names, "a licence", 4, "", "vGPU", "vWS", "vCS");

#define RESTARTS .on_change = EFFECT_VM_RESTART

static const struct field user_fields[] = {
	{ "name", FIELD_STRING, IN(guest_user, name, const char *), .required = TRUE, .form = FORM_NAME, RESTARTS, .doc = "Login name." },
	{ "sudo", FIELD_BOOL, IN(guest_user, sudo, gboolean), RESTARTS, .doc = "May become root without a password." },
	{ "groups", FIELD_STRINGS, IN(guest_user, groups, struct strings), .form = FORM_NAME, RESTARTS, .doc = "More groups." },
	{ "shell", FIELD_STRING, IN(guest_user, shell, const char *), .form = FORM_ABSOLUTE_PATH, RESTARTS, .doc = "Login shell." },
	{ "sshKeys", FIELD_STRINGS, IN(guest_user, ssh_keys, struct strings), .max = 2048, RESTARTS, .doc = "Public keys, as ssh-ed25519 AAAA… name." },
	{ "sshKeysFile", FIELD_STRING, IN(guest_user, ssh_keys_file, const char *), .form = FORM_FILE, .place = PLACE_SECRETS, .flags = FIELD_FILE, RESTARTS,
	  .doc = "A file of public keys, one a line." },
	{ "passwordHashFile", FIELD_STRING, IN(guest_user, password_hash_file, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_SECRETS, RESTARTS,
	  .doc = "File on the host with a hash of crypt(5); without the key no password works." },
	{ 0 },
};

static const struct field file_fields[] = {
	{ "path", FIELD_STRING, IN(guest_file, path, const char *), .required = TRUE, .form = FORM_ABSOLUTE_PATH, RESTARTS, .doc = "Where it goes in the guest." },
	{ "source", FIELD_STRING, IN(guest_file, source, const char *), .form = FORM_FILE, .place = PLACE_SECRETS, .flags = FIELD_FILE, RESTARTS,
	  .doc = "The file: relative in the commit's tree, absolute on the host." },
	{ "content", FIELD_STRING, IN(guest_file, content, const char *), .form = FORM_TEXT, .max = 65536, RESTARTS, .doc = "Its text, instead of `source`." },
	{ "mode", FIELD_STRING, IN(guest_file, mode, const char *), .def = "0644", .form = FORM_OCTAL_MODE, RESTARTS, .doc = "Permissions." },
	{ "owner", FIELD_STRING, IN(guest_file, owner, const char *), .def = "root", .form = FORM_NAME, RESTARTS, .doc = "Owner." },
	{ 0 },
};

static const struct field command_fields[] = {
	{ "argv", FIELD_STRINGS, IN(guest_command, argv, struct strings), .required = TRUE, .flags = FIELD_SHORTHAND, RESTARTS,
	  .doc = "The program and its arguments; no shell reads them." },
	{ 0 },
};

const struct field cloud_init_fields[] = {
	{ "hostname", FIELD_STRING, IN(cloud_init, hostname, const char *), .form = FORM_NAME, RESTARTS, .doc = "Without the key the VM's name." },
	{ "timezone", FIELD_STRING, IN(cloud_init, timezone, const char *), .form = FORM_ZONE, RESTARTS, .doc = "Time zone in the guest." },
	{ "users", FIELD_LIST, IN(cloud_init, users, struct list), ITEMS(user_fields, guest_user), RESTARTS, .doc = "Users to make." },
	{ "packages", FIELD_STRINGS, IN(cloud_init, packages, struct strings), .form = FORM_NAME, RESTARTS, .doc = "Packages to install." },
	{ "files", FIELD_LIST, IN(cloud_init, files, struct list), ITEMS(file_fields, guest_file), RESTARTS, .doc = "Files to write." },
	{ "runCommands", FIELD_LIST, IN(cloud_init, run_commands, struct list), ITEMS(command_fields, guest_command), RESTARTS,
	  .doc = "Programs to run once, each a list of words." },
	{ 0 },
};

const struct field guest_worker_fields[] = {
	{ "enabled", FIELD_BOOL, IN(guest_worker, enabled, gboolean), RESTARTS, .doc = "Install and start cleave-worker in the guest." },
	{ "slotsPerGpu", FIELD_INT, IN(guest_worker, slots_per_gpu, gint64), .def = "1", .min = 1, .max = 16, .on_change = EFFECT_LIVE,
	  .doc = "Frames rendered at once on a GPU; more than one is rarely faster." },
	{ "cache", FIELD_BYTES, IN(guest_worker, cache_bytes, guint64), .min = (gint64)GiB, .max = 1024 * (gint64)TiB,
	  .unit = (gint64)MiB, .on_change = EFFECT_LIVE, .doc = "Most space for fetched scenes." },
	{ "labels", FIELD_MAP, IN(guest_worker, labels, struct list), ITEMS(label_fields, label), .on_change = EFFECT_LIVE,
	  .doc = "Labels that jobs may require, besides the VM's." },
	{ "maxGpuTemp", FIELD_INT, IN(guest_worker, max_gpu_temp, gint64), .min = 40, .max = 110, .on_change = EFFECT_LIVE,
	  .doc = "Degrees Celsius above which no frame is begun." },
	{ "bundle", FIELD_STRING, IN(guest_worker, bundle, const char *), .flags = FIELD_DERIVED, .on_change = EFFECT_VM_RESTART,
	  .doc = "Version and digest of the worker that the host has for its guests." },
	{ 0 },
};

const struct field guest_nvidia_fields[] = {
	{ "driver", FIELD_STRING, IN(guest_nvidia, driver, const char *), .max = 32, RESTARTS, .doc = "Branch or version, as \"535\"; what apt installs." },
	{ "from", FIELD_ENUM, IN(guest_nvidia, from, int), .names = &nvidia_from_names, RESTARTS, .doc = "In the image already, or installed by apt." },
	{ "licenseTokenFile", FIELD_STRING, IN(guest_nvidia, license_token_file, const char *), .form = FORM_ABSOLUTE_PATH, .place = PLACE_SECRETS, RESTARTS,
	  .doc = "File on the host with the vGPU client's token." },
	{ "featureType", FIELD_ENUM, IN(guest_nvidia, feature_type, int), .names = &feature_names, RESTARTS, .doc = "The licence to ask for." },
	{ 0 },
};
