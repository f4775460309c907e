/* What the files of spec rules share. Private to spec/rules*.c. */
#pragma once
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/gpu.h"
#include "spec/host.h"
#include "spec/renderjob.h"
#include "spec/rules.h"
#include "spec/vm.h"
#include <string.h>

#define PROBLEM(severity, o, path, ...)                                                                     \
	problem_add(problems, severity,                                                                     \
	            problems_has_room(problems, severity) ? object_look_place(problems->look, (o), (path)) : (o)->place, __VA_ARGS__)
#define ERROR(o, path, ...) PROBLEM(SEVERITY_ERROR, o, path, __VA_ARGS__)
#define WARNING(o, path, ...) PROBLEM(SEVERITY_WARNING, o, path, __VA_ARGS__)
/* What is written at the path of the object, right or wrong. Dear: asked only where the value itself is not there. */
#define HAS(o, path) object_look_has(problems->look, (o), (path))
#define HAS_MAP(o, path) object_look_has_map(problems->look, (o), (path))
/* `o` is NULL in rules over all objects at once. */
#define RULE(name)                                                                                         \
	void name(struct arena *a G_GNUC_UNUSED, const struct objects *all G_GNUC_UNUSED,                   \
	          const struct object *o G_GNUC_UNUSED, struct problems *problems G_GNUC_UNUSED)

/* The Farm's spec, or NULL. */
const struct farm_spec *rule_farm(const struct objects *all);
/* "; known: a, b" of the objects of a kind; for messages. */
const char *rule_known_ids(struct arena *a, const struct objects *all, enum kind_id kind);
/* "; known: a, b" of the items of a map; their first member is the name. */
const char *rule_known_names(struct arena *a, const struct list *list, gsize item_size);
/* "disks[2]" */
const char *rule_item(struct arena *a, const char *list, guint i);
/* "RenderJob p/a (jobs.yaml:12)" */
const char *rule_who(struct arena *a, const struct object *o);

RULE(farm_one);
RULE(farm_there);
RULE(farm_redis_user_once);
RULE(farm_root_one_place);
RULE(farm_root_own);
RULE(farm_queue_one_default);
RULE(farm_limit_one_scope);
RULE(farm_queue_list_own);
RULE(farm_file_one_source);
RULE(farm_file_checked);
RULE(host_hugepages_once);
RULE(host_pool_own);
RULE(host_boot_managed);
RULE(host_state_said);
RULE(host_modules_not_blacklisted);
RULE(host_kernel_args_once);
RULE(gpu_driver_blacklisted);
RULE(gpu_host_known);
RULE(gpu_identified);
RULE(gpu_share_settings);
RULE(gpu_count_typed);
RULE(gpu_address_own);
RULE(vm_host_known);
RULE(vm_boots);
RULE(vm_roots_known);
RULE(vm_share_targets_differ);
RULE(vm_share_of_everything);
RULE(vm_cpu_fits);
RULE(vm_numa_named);
RULE(vm_gpu_known);
RULE(vm_gpu_share_fits);
RULE(vm_gpu_whole_once);
RULE(vm_vgpu_one_type);
RULE(vm_vgpu_computes);
RULE(vm_disk_source);
RULE(vm_disk_pool_known);
RULE(vm_disk_image_known);
RULE(vm_disk_image_checked);
RULE(vm_disk_mounts);
RULE(vm_disk_own);
RULE(vm_network_one_way);
RULE(vm_network_fits);
RULE(vm_mac_own);
RULE(vm_address_own);
RULE(vm_serial_log_own);
RULE(vm_guest_file_one_source);
RULE(vm_commands_are_words);
RULE(vm_drain_covers_jobs);
RULE(job_scene_one);
RULE(job_output_one);
RULE(job_outputs_one_root);
RULE(job_inputs_one);
RULE(job_roots_known);
RULE(job_queue_known);
RULE(job_blender_known);
RULE(job_output_named_by_format);
RULE(job_overrides_inside);
RULE(job_output_own);
RULE(job_preview_own);
RULE(job_after_known);
RULE(job_after_cycle);
RULE(job_depth_fits);
RULE(job_preview_has_movie);
RULE(job_scene_blend);
RULE(job_arguments_allowed);
RULE(vm_cpu_model_named);
RULE(vm_cpu_lists_rise);
RULE(vm_hugepages_known);
RULE(vm_gateway_in_subnet);
RULE(vm_gpu_slices_enough);
RULE(host_hugepages_known);
RULE(farm_window_opens);
RULE(job_chunk_one);
RULE(controller_owners_signed);
RULE(controller_source_bounded);
RULE(controller_source_named);
RULE(controller_source_beside);
