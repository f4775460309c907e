/* libvirt names what it did not find; what to install for it is said here. */
#include "apply/vm.h"
#include "base/error.h"
#include <string.h>

static const struct {
	const char *words; /* in libvirt's message */
	const char *hint;
} hints[] = {
	{ "Unable to find any firmware", "firmware: uefi and uefi-secure need OVMF on the host (package ovmf, or edk2-ovmf)" },
	{ "satisfying virtiofsd", "a share with `driver: virtiofs` needs virtiofsd on the host" },
	{ "swtpm", "tpm needs the packages swtpm and swtpm-tools on the host" },
	{ "TPM", "tpm needs the packages swtpm and swtpm-tools on the host" },
	{ "vlan tag", "vlan needs an Open vSwitch bridge, or libvirt 11 and a Linux bridge that filters VLANs" },
	{ "read-only mode", "a share that is `readonly` goes by 9p" },
	{ "O_DIRECT", "cache: none and directsync need a file system with O_DIRECT; tmpfs has none" },
};

gboolean vm_fail_with_hint(GError **error, GError *wrong)
{
	const char *hint = NULL;
	for (guint i = 0; i < G_N_ELEMENTS(hints) && !hint; i++)
		if (strstr(wrong->message, hints[i].words))
			hint = hints[i].hint;
	fail(error, (enum cleave_error)wrong->code, "%s%s%s", wrong->message, hint ? "; " : "", hint ? hint : "");
	g_error_free(wrong);
	return FALSE;
}
