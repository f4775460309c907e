/* A VM's media as files: the seed and the worker's settings (spec/seed.h) below STATE/vms/NAME/. Private to apply/. */
#pragma once
#include "apply/apply.h"

struct vm_now;

/* Makes the VM's folder, if it has media or libvirt is to put its firmware's variables there. */
gboolean vm_media_make_folder(const struct apply_input *in, const struct action *act, GError **error);
/* Writes the media that act->vm has, whole or not at all, and reads them back. What they are made of is read here, from
 * the host and the commit: ERROR_REFUSED when it is not what was planned any more. */
gboolean vm_media_write(const struct apply_input *in, const struct action *act, GError **error);
/* Writes again those that the domain, as it is defined, has and that are not there: removed by hand, or before an undefine
 * that failed. Makes the folder as well. */
gboolean vm_media_restore(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error);
/* Removes the VM's media, and variables of another firmware, that neither act->vm nor the domain, defined and live, has. act->vm NULL, no domain: all. */
gboolean vm_media_tidy(const struct apply_input *in, const struct action *act, const struct vm_now *now, GError **error);
