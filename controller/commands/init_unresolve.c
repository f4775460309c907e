/* spec/resolve.c backwards: words of the kernel's command line and shares of roots. */
#include "commands/init_unresolve.h"
#include "base/arena.h"
#include "spec/farm.h"
#include "spec/secret.h"
#include <string.h>

/* FALSE when the Farm has another root of that name. */
static gboolean add_root(struct init_farm *farm, const char *name, const char *path)
{
	for (guint i = 0; i < farm->roots->len; i++) {
		const struct farm_root *root = &g_array_index(farm->roots, struct farm_root, i);
		if (strcmp(root->name, name) == 0)
			return g_strcmp0(root->path, path) == 0;
	}
	struct farm_root root = { .name = name, .path = path };
	g_array_append_val(farm->roots, root);
	return TRUE;
}

/* The share that a root became is a root again. */
static void take_root(struct init_farm *farm, struct vm_spec *vm, const char *name)
{
	struct vm_share *shares = vm->shares.items;
	for (guint i = 0; i < vm->shares.n; i++) {
		if (g_strcmp0(shares[i].target, name) != 0 || shares[i].readonly || !add_root(farm, shares[i].target, shares[i].path))
			continue;
		vm->roots.items[vm->roots.n++] = shares[i].target;
		memmove(&shares[i], &shares[i + 1], (--vm->shares.n - i) * sizeof *shares);
		return;
	}
}

static void take_word(struct arena *a, struct init_farm *farm, struct vm_spec *vm, const char *word)
{
	static const char redis[] = "CLEAVE_REDIS=", mounts[] = "CLEAVE_MOUNTS=";
	if (g_str_has_prefix(word, redis) && !secret_check(a, word))
		farm->guest_url = arena_strdup(a, word + strlen(redis));
	if (!g_str_has_prefix(word, mounts))
		return;
	g_auto(GStrv) pairs = g_strsplit(word + strlen(mounts), ",", -1);
	for (char **pair = pairs; *pair; pair++) {
		(*pair)[strcspn(*pair, "=")] = '\0';
		take_root(farm, vm, *pair);
	}
}

void init_unresolve(struct arena *a, struct init_farm *farm, struct vm_spec *vm)
{
	if (!vm->boot.cmdline)
		return;
	g_auto(GStrv) words = g_strsplit(vm->boot.cmdline, " ", -1);
	guint n = g_strv_length(words), at = n;
	while (at && !g_str_has_prefix(words[at - 1], "CLEAVE_VM="))
		at--;
	if (!at)
		return;
	vm->shares.items = arena_memdup(a, vm->shares.items, vm->shares.n * sizeof(struct vm_share));
	vm->roots.items = ARENA_ARRAY(a, const char *, vm->shares.n);
	for (guint i = at; i < n; i++)
		take_word(a, farm, vm, words[i]);
	g_clear_pointer(&words[at - 1], g_free);
	for (guint i = at; i < n; i++)
		g_clear_pointer(&words[i], g_free);
	g_autofree char *rest = g_strjoinv(" ", words);
	vm->boot.cmdline = *rest ? arena_strdup(a, rest) : NULL;
}
