// SPDX-License-Identifier: GPL-2.0
/*
 * A vGPU driver for any PCI function: it offers mediated device types as a vendor's driver does, so that
 * /sys/bus/pci/devices/ADDRESS/mdev_supported_types is there. A vGPU is a VFIO device with a configuration
 * space and nothing else: a VM sees it, and cannot work with it.
 *
 *   insmod labvgpu.ko ids=1002:5046 [name=nvidia] [homogeneous=1]
 *
 * ids          vendor:device of the functions that it takes, separated by commas
 * name         the driver's name, and with it the prefix of its types: NAME-35, NAME-36, NAME-37
 * homogeneous  while a card has a vGPU of one type, its other types have no instance available
 *
 * Each card has 24 GB, shared by its vGPUs.
 */
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#define CARD_GB 24
#define N_TYPES 3

static char *ids = "";
module_param(ids, charp, 0444);
static char *name = "nvidia";
module_param(name, charp, 0444);
static bool homogeneous = true;
module_param(homogeneous, bool, 0644);

static const struct {
	const char *number, *name;
	unsigned int gb;
} kinds[N_TYPES] = {
	{ "35", "LAB-4Q", 4 },
	{ "36", "LAB-8Q", 8 },
	{ "37", "LAB-24Q", 24 },
};

struct card {
	struct mdev_parent parent;
	struct mutex lock; /* of n_live */
	unsigned int n_live[N_TYPES];
	struct mdev_type types[N_TYPES];
	struct mdev_type *pointers[N_TYPES];
};

static struct card *card_of(struct mdev_type *type)
{
	return container_of(type->parent, struct card, parent);
}

static unsigned int index_of(struct mdev_type *type)
{
	return type - card_of(type)->types;
}

/* With the lock held. */
static unsigned int available(struct card *card, unsigned int wanted)
{
	unsigned int i, used_gb = 0;

	for (i = 0; i < N_TYPES; i++) {
		if (homogeneous && i != wanted && card->n_live[i])
			return 0;
		used_gb += card->n_live[i] * kinds[i].gb;
	}
	return (CARD_GB - used_gb) / kinds[wanted].gb;
}

/* -- a vGPU, to VFIO --------------------------------------------------------------------------------- */

struct vgpu {
	struct vfio_device vdev;
};

/* What a guest sees of it: a display controller of nobody's, without any BAR. */
static const u8 vgpu_config[PCI_CFG_SPACE_SIZE] = {
	[PCI_VENDOR_ID] = 0x34, 0x12, [PCI_DEVICE_ID] = 0x50, 0x67, [PCI_CLASS_DEVICE] = 0x02, 0x03,
};

static ssize_t vgpu_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *at)
{
	if (*at >= PCI_CFG_SPACE_SIZE)
		return 0;
	count = min_t(size_t, count, PCI_CFG_SPACE_SIZE - *at);
	if (copy_to_user(buf, vgpu_config + *at, count))
		return -EFAULT;
	*at += count;
	return count;
}

/* It does nothing, whatever it is told. */
static ssize_t vgpu_write(struct vfio_device *vdev, const char __user *buf, size_t count, loff_t *at)
{
	*at += count;
	return count;
}

static long vgpu_tell_device(void __user *arg)
{
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, offsetofend(struct vfio_device_info, num_irqs)))
		return -EFAULT;
	info.flags = VFIO_DEVICE_FLAGS_PCI;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, offsetofend(struct vfio_device_info, num_irqs)) ? -EFAULT : 0;
}

static long vgpu_tell_region(void __user *arg)
{
	struct vfio_region_info info;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info.offset = 0;
	info.size = info.index == VFIO_PCI_CONFIG_REGION_INDEX ? PCI_CFG_SPACE_SIZE : 0;
	info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long vgpu_tell_irq(void __user *arg)
{
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.flags = 0;
	info.count = 0;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long vgpu_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return vgpu_tell_device((void __user *)arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return vgpu_tell_region((void __user *)arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vgpu_tell_irq((void __user *)arg);
	case VFIO_DEVICE_RESET:
		return 0;
	}
	return -ENOTTY;
}

static void vgpu_release(struct vfio_device *vdev)
{
	vfio_free_device(vdev);
}

static const struct vfio_device_ops vgpu_ops = {
	.name = "labvgpu",
	.release = vgpu_release,
	.read = vgpu_read,
	.write = vgpu_write,
	.ioctl = vgpu_ioctl,
};

static int vgpu_register(struct mdev_device *mdev)
{
	struct vgpu *vgpu = vfio_alloc_device(vgpu, vdev, &mdev->dev, &vgpu_ops);
	int ret;

	if (IS_ERR(vgpu))
		return PTR_ERR(vgpu);
	ret = vfio_register_emulated_iommu_dev(&vgpu->vdev);
	if (ret) {
		vfio_put_device(&vgpu->vdev);
		return ret;
	}
	dev_set_drvdata(&mdev->dev, vgpu);
	return 0;
}

/* -- a vGPU, to its card --------------------------------------------------------------------------------- */

static int vgpu_probe(struct mdev_device *mdev)
{
	struct card *card = card_of(mdev->type);
	unsigned int i = index_of(mdev->type);
	int ret = -ENOSPC;

	mutex_lock(&card->lock);
	if (available(card, i))
		ret = vgpu_register(mdev);
	if (!ret)
		card->n_live[i]++;
	mutex_unlock(&card->lock);
	return ret;
}

static void vgpu_remove(struct mdev_device *mdev)
{
	struct card *card = card_of(mdev->type);
	struct vgpu *vgpu = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&vgpu->vdev);
	vfio_put_device(&vgpu->vdev);
	mutex_lock(&card->lock);
	card->n_live[index_of(mdev->type)]--;
	mutex_unlock(&card->lock);
}

static unsigned int tell_available(struct mdev_type *type)
{
	struct card *card = card_of(type);
	unsigned int n;

	mutex_lock(&card->lock);
	n = available(card, index_of(type));
	mutex_unlock(&card->lock);
	return n;
}

static ssize_t tell_description(struct mdev_type *type, char *buf)
{
	unsigned int gb = kinds[index_of(type)].gb;

	return sysfs_emit(buf, "num_heads=4, frl_config=60, framebuffer=%uM, max_resolution=4096x2160, max_instance=%u\n",
			  gb * 1024, CARD_GB / gb);
}

static struct mdev_driver vgpu_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.driver = {
		.name = "labvgpu_mdev",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
	.probe = vgpu_probe,
	.remove = vgpu_remove,
	.get_available = tell_available,
	.show_description = tell_description,
};

/* -- the card -------------------------------------------------------------------------------------------- */

static int card_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct card *card = kzalloc(sizeof(*card), GFP_KERNEL);
	int i, ret;

	if (!card)
		return -ENOMEM;
	mutex_init(&card->lock);
	for (i = 0; i < N_TYPES; i++) {
		card->types[i].sysfs_name = kinds[i].number;
		card->types[i].pretty_name = kinds[i].name;
		card->pointers[i] = &card->types[i];
	}
	pci_set_drvdata(pdev, card);
	ret = mdev_register_parent(&card->parent, &pdev->dev, &vgpu_driver, card->pointers, N_TYPES);
	if (ret)
		kfree(card);
	return ret;
}

static void card_remove(struct pci_dev *pdev)
{
	struct card *card = pci_get_drvdata(pdev);

	mdev_unregister_parent(&card->parent);
	kfree(card);
}

static const struct pci_device_id card_ids[] = { { 0 } };
static struct pci_driver card_driver = {
	.id_table = card_ids,
	.probe = card_probe,
	.remove = card_remove,
};

static int add_ids(void)
{
	char *rest = ids, *word;
	unsigned int vendor, device;
	int ret;

	while ((word = strsep(&rest, ",")) != NULL) {
		if (sscanf(word, "%x:%x", &vendor, &device) != 2)
			return -EINVAL;
		ret = pci_add_dynid(&card_driver, vendor, device, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0);
		if (ret)
			return ret;
	}
	return 0;
}

static int __init labvgpu_init(void)
{
	int ret = mdev_register_driver(&vgpu_driver);

	if (ret)
		return ret;
	card_driver.name = name;
	ret = pci_register_driver(&card_driver);
	if (!ret) {
		ret = add_ids();
		if (ret)
			pci_unregister_driver(&card_driver);
	}
	if (ret)
		mdev_unregister_driver(&vgpu_driver);
	return ret;
}

static void __exit labvgpu_exit(void)
{
	pci_unregister_driver(&card_driver);
	mdev_unregister_driver(&vgpu_driver);
}

module_init(labvgpu_init);
module_exit(labvgpu_exit);
MODULE_DESCRIPTION("vGPU types on any PCI function, for tests");
MODULE_LICENSE("GPL");
