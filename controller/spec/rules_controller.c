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
	for (guint i = 0; i < c->sources.n; i++)
		if (strcmp(LIST_AT(c->sources, struct controller_source, i)->name, "main") == 0)
			ERROR(o, rule_item(a, "sources", i), "the name main is taken by the Controller's own repository; give the source another");
}

RULE(controller_source_beside)
{
	const struct controller_spec *c = o->spec;
	if (c->sources.n && !c->repository)
		ERROR(o, "sources", "they stand beside a main repository: give `repository` as well");
}
