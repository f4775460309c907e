/* Controller's tables. */
#include "spec/controller.h"
#include "spec/kinds.h"

static const struct field source_fields[] = {
	{ "name", FIELD_STRING, IN(controller_source, name, const char *), .required = TRUE, .form = FORM_NAME,
	  .doc = "What messages call it: its files are shown as NAME:path, its commit in a revision as `+NAME@sha1:` and its number." },
	{ "repository", FIELD_STRING, IN(controller_source, repository, const char *), .required = TRUE,
	  .doc = "A repository on this host, or a URL that the git program fetches." },
	{ "ref", FIELD_STRING, IN(controller_source, ref, const char *), .form = FORM_REVISION, .doc = "Branch or tag; without the key the repository's HEAD." },
	{ "path", FIELD_STRING, IN(controller_source, path, const char *), .form = FORM_TREE_FOLDER, .doc = "Folder within the tree; without the key all of it." },
	{ "kinds", FIELD_STRINGS, IN(controller_source, kinds, struct strings), .names = &spec_kind_names,
	  .doc = "Kinds it may contain; without the key all." },
	{ "projects", FIELD_STRINGS, IN(controller_source, projects, struct strings), .form = FORM_NAME,
	  .doc = "Projects its jobs may belong to; without the key all." },
	{ "allowedSignersFile", FIELD_STRING, IN(controller_source, allowed_signers_file, const char *), .form = FORM_ABSOLUTE_PATH,
	  .doc = "Whose SSH signature a commit of this source needs (ssh-keygen's ALLOWED SIGNERS). Without this and `keyringFile` it needs "
	         "none, and `kinds` has to say what it may contain." },
	{ "keyringFile", FIELD_STRING, IN(controller_source, keyring_file, const char *), .form = FORM_ABSOLUTE_PATH,
	  .doc = "Whose OpenPGP signature a commit of this source needs: public keys, as `gpg --export` writes them." },
	{ 0 },
};

static const struct field owner_fields[] = {
	{ "author", FIELD_STRING, IN(controller_owner, author, const char *), .required = TRUE,
	  .doc = "The signer, as the allowed signers' file names them; of OpenPGP an address of the key, or its fingerprint." },
	{ "kinds", FIELD_STRINGS, IN(controller_owner, kinds, struct strings), .names = &spec_kind_names,
	  .doc = "Kinds they may change; without the key all." },
	{ "projects", FIELD_STRINGS, IN(controller_owner, projects, struct strings), .form = FORM_NAME,
	  .doc = "Projects whose jobs they may change; with it, nothing that is of no project (unless `hosts` allows it)." },
	{ "hosts", FIELD_STRINGS, IN(controller_owner, hosts, struct strings), .form = FORM_NAME,
	  .doc = "Hosts which, and whose GPUs and VMs, they may change; with it, nothing that is of no host (unless `projects` allows it)." },
	{ 0 },
};

#define FOLDERS(name_, doc_)                                                                                 \
	{ #name_, FIELD_STRINGS, IN(controller_paths, name_, struct strings), .form = FORM_ABSOLUTE_PATH,    \
	  .doc = doc_ }

static const struct field path_fields[] = {
	FOLDERS(images, "Where files of images and disks may lie, and pools."),
	FOLDERS(kernels, "Where kernels and initial RAM disks may come from."),
	FOLDERS(roms, "Where ROM files of cards may come from."),
	FOLDERS(shares, "What may be shared with guests."),
	FOLDERS(outputs, "Where the Farm's roots and serial logs may lie."),
	FOLDERS(secrets, "Where files with passwords, and all that guests are told from the host, may come from."),
	{ 0 },
};

#define CEILING(name_, member, doc_)                                                                         \
	{ name_, FIELD_INT, IN(controller_ceilings, member, gint64), .def = "1000000000", .max = 1000000000, .doc = doc_ }

static const struct field ceiling_fields[] = {
	CEILING("maxDelete", max_delete, "Most objects deleted in a pass, whatever git says."),
	CEILING("maxRestart", max_restart, "Most VMs of this host that may be down for a restart at a time."),
	CEILING("maxRender", max_render, "Most frames that a pass of this host sends to the queue."),
	CEILING("maxDataLoss", max_data_loss, "Most disks made anew, and volumes deleted, in a pass."),
	{ 0 },
};

const struct field controller_fields[] = {
	{ "host", FIELD_STRING, IN(controller_spec, host, const char *), .form = FORM_NAME,
	  .doc = "The Host this machine is; without the key its host name." },
	{ "repository", FIELD_STRING, IN(controller_spec, repository, const char *),
	  .doc = "The repository of specs, when no other is named on the command line." },
	{ "ref", FIELD_STRING, IN(controller_spec, ref, const char *), .form = FORM_REVISION,
	  .doc = "Branch or tag; without the key the repository's HEAD." },
	{ "state", FIELD_STRING, IN(controller_spec, state, const char *), .form = FORM_ABSOLUTE_PATH,
	  .doc = "Folder of the lock and the control socket; without the key /var/lib/cleave." },
	{ "interval", FIELD_DURATION, IN(controller_spec, interval_ms, gint64), .min = 1000, .max = 86400000,
	  .doc = "`run` looks again at least this often; without the key 5m." },
	{ "sweepRate", FIELD_BYTES, IN(controller_spec, sweep_bytes, guint64), .min = (gint64)KiB, .max = 100 * (gint64)GiB, .unit = (gint64)KiB,
	  .doc = "How much of the visible frames `run` reads again in a second, to find what changed without a trace in size "
	         "and time; all of them within a day where that is enough. Without the key 20MiB." },
	{ "metricsFile", FIELD_STRING, IN(controller_spec, metrics_file, const char *), .form = FORM_ABSOLUTE_PATH,
	  .doc = "Where `run` writes its metrics after each pass; without the key cleave.prom in the state folder. A name ending in "
	         ".prom, in a folder that node_exporter's textfile collector reads." },
	{ "sources", FIELD_LIST, IN(controller_spec, sources, struct list), ITEMS(source_fields, controller_source),
	  .doc = "Repositories beside the main one, each with what it may contain; the Farm stands in the main one alone. They are added in this "
	         "order, and what one of them has wrong costs its own newest commit alone: its last good one stays in force, all else goes on. They "
	         "count where the specs are this file's `repository`." },
	{ "allowedSignersFile", FIELD_STRING, IN(controller_spec, allowed_signers_file, const char *), .form = FORM_ABSOLUTE_PATH,
	  .doc = "Whose SSH signature a commit, or the annotated tag that `ref` names, needs before anything in it is decoded (ssh-keygen's "
	         "ALLOWED SIGNERS). A key's time counts at the moment it is checked." },
	{ "keyringFile", FIELD_STRING, IN(controller_spec, keyring_file, const char *), .form = FORM_ABSOLUTE_PATH,
	  .doc = "The same for OpenPGP: public keys, as `gpg --export` writes them. With both files either signature will do." },
	{ "owners", FIELD_LIST, IN(controller_spec, owners, struct list), ITEMS(owner_fields, controller_owner),
	  .doc = "Who may change what. Each commit since the last accepted one (on the way of first parents) is then judged by what it changes; "
	         "without the key every signer may change all." },
	{ "paths", FIELD_STRUCT, IN(controller_spec, paths, struct controller_paths), .fields = path_fields,
	  .doc = "Folders of this host that specs may speak of: what lies outside, or leads there by a link, is not used. Of what is not said, any path may." },
	{ "ceilings", FIELD_STRUCT, IN(controller_spec, ceilings, struct controller_ceilings), .fields = ceiling_fields,
	  .doc = "Limits that the Farm's budgets cannot exceed." },
	{ 0 },
};
