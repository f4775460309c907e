/* Rules of the Controller, which lies on its host. */
#include "spec/controller.h"
#include "spec/rule.h"

RULE(controller_owners_signed)
{
	const struct controller_spec *c = o->spec;
	if (c->owners.n && !c->allowed_signers_file && !c->keyring_file)
		ERROR(o, "owners", "owners are known by their signatures: give allowedSignersFile (SSH) or keyringFile (OpenPGP) as well");
}

static gboolean is_signed(const struct controller_source *s)
{
	return s->allowed_signers_file || s->keyring_file;
}

/* Else the signatures that the main repository needs would be worth nothing. */
RULE(controller_source_bounded)
{
	const struct controller_spec *c = o->spec;
	for (guint i = 0; i < c->sources.n; i++) {
		const struct controller_source *s = LIST_AT(c->sources, struct controller_source, i);
		if ((c->allowed_signers_file || c->keyring_file) && !is_signed(s) && !s->kinds.n)
			ERROR(o, rule_item(a, "sources", i),
			      "source %s needs no signature and may contain anything, which the main repository may not: give it allowedSignersFile, or kinds: [RenderJob]",
			      s->name);
	}
}

RULE(controller_source_named)
{
	const struct controller_spec *c = o->spec;
	for (guint i = 0; i < c->sources.n; i++) {
		const char *name = LIST_AT(c->sources, struct controller_source, i)->name;
		gboolean is_taken = strcmp(name, "main") == 0;
		for (guint k = 0; k < i; k++)
			is_taken |= strcmp(name, LIST_AT(c->sources, struct controller_source, k)->name) == 0;
		if (is_taken)
			ERROR(o, rule_item(a, "sources", i), "the name %s is taken%s; give the source another", name,
			      strcmp(name, "main") == 0 ? " by the Controller's own repository" : "");
	}
	if (c->sources.n && !c->repository)
		ERROR(o, "sources", "sources stand beside the Controller's own repository, where the Farm is: give repository as well");
}
