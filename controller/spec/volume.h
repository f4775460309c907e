/* Names of volumes. A name proves what the volume is: whose disk, and what it began as. So another image is another
 * volume, and nothing is ever written over; what is only half made has another name until it is whole.
 *
 *   VM.DISK.OOOOOOOOBBBBBBBB.qcow2      O: digest of farm, VM and disk; B: of the image it began as, or of none
 *   cleave-image-DDDDDDDDDDDD.raw       an image of the Farm, D: the begin of its sha256 */
#pragma once
#include "spec/vm.h"

struct arena;

#define VOLUME_PART ".part" /* behind the name, while it is made */

/* Of enum disk_format: "raw" also when it is not said. */
const char *volume_format_name(int format);

/* `sha256` of the image that it begins as; NULL = empty. */
char *volume_name(struct arena *a, const char *farm, const char *vm, const char *disk, const char *sha256, int format);
char *volume_image_name(struct arena *a, const char *sha256, int format);

/* Whether the name has one of the two forms, .part behind it or not. */
gboolean volume_is_named(const char *name);
gboolean volume_is_image(const char *name);
gboolean volume_is_part(const char *name);
int volume_format(const char *name);
/* Whether it is that disk's, whatever it began as. */
gboolean volume_is_of(const char *name, const char *farm, const char *vm, const char *disk);
/* The VM and the disk of this farm that it is of; FALSE: it is of another farm, or its name was cut short. */
gboolean volume_owner(struct arena *a, const char *name, const char *farm, const char **ret_vm, const char **ret_disk);
