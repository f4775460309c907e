// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that does not let go: unbinding a card from it blocks in the kernel, uninterruptibly, until somebody
 * writes 1 to /sys/module/labhold/parameters/release. So behave GPU drivers whose device files are open.
 *
 *   insmod labhold.ko vendor=0x1002 device=0x5159
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/wait.h>

static unsigned int vendor;
module_param(vendor, uint, 0444);
static unsigned int device;
module_param(device, uint, 0444);

static DECLARE_WAIT_QUEUE_HEAD(released);
static bool is_released;

static int set_released(const char *value, const struct kernel_param *param)
{
	int ret = param_set_bool(value, param);

	wake_up_all(&released);
	return ret;
}

static const struct kernel_param_ops release_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_released,
	.get = param_get_bool,
};
module_param_cb(release, &release_ops, &is_released, 0644);

static int hold_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return 0;
}

static void hold_remove(struct pci_dev *pdev)
{
	pci_info(pdev, "held until it is released\n");
	wait_event(released, READ_ONCE(is_released));
}

static const struct pci_device_id hold_ids[] = { { 0 } };
static struct pci_driver hold_driver = {
	.name = "labhold",
	.id_table = hold_ids,
	.probe = hold_probe,
	.remove = hold_remove,
};

static int __init labhold_init(void)
{
	int ret = pci_register_driver(&hold_driver);

	if (ret)
		return ret;
	ret = pci_add_dynid(&hold_driver, vendor, device, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0);
	if (ret)
		pci_unregister_driver(&hold_driver);
	return ret;
}

static void __exit labhold_exit(void)
{
	pci_unregister_driver(&hold_driver);
}

module_init(labhold_init);
module_exit(labhold_exit);
MODULE_DESCRIPTION("A driver whose unbind blocks, for tests");
MODULE_LICENSE("GPL");
