/* Budgets, and what is told of what is beyond them. A budget throttles where a later pass goes on by itself (restarts,
 * frames), and refuses where many at once are more often a mistake (deleting, data): that waits for `cleave approve`. */
#include "base/arena.h"
#include "plan/builder.h"
#include "spec/controller.h"
#include "spec/farm.h"
#include <string.h>

const char *const budget_keys[N_BUDGETS] = { "maxDelete", "maxRestart", "maxDataLoss", "maxRender" };

/* Frames move on with each pass, whoever approves what: they are throttled in any case. */
gint64 builder_budget(const struct builder *b, enum budget budget)
{
	const struct object *farm = objects_farm(b->in->want);
	if (!farm || (b->is_unlimited && budget != BUDGET_RENDER))
		return G_MAXINT64;
	const struct farm_budgets *of = &((const struct farm_spec *)farm->spec)->policy.budgets;
	const gint64 budgets[N_BUDGETS] = { of->max_delete, of->max_restart, of->max_data_loss, of->max_render };
	if (!b->in->local)
		return budgets[budget];
	const struct controller_ceilings *least = &b->in->local->ceilings;
	const gint64 ceilings[N_BUDGETS] = { least->max_delete, least->max_restart, least->max_data_loss, least->max_render };
	return MIN(budgets[budget], ceilings[budget]);
}

void builder_waits(struct builder *b, const char *item)
{
	for (guint i = 0; i < b->waiting->len; i++)
		if (strcmp(b->waiting->pdata[i], item) == 0)
			return;
	g_ptr_array_add(b->waiting, (gpointer)item);
}

const char *builder_beyond(const struct builder *b, enum budget budget, guint64 n_wanted)
{
	return arena_printf(b->arena, "beyond %s %" G_GINT64_FORMAT " (%" G_GUINT64_FORMAT " wanted)", budget_keys[budget],
	                    builder_budget(b, budget), n_wanted);
}

const char *builder_approve_words(const struct builder *b)
{
	if (b->in->is_assumed)
		return "`cleave approve` with the digest that `cleave plan` shows on that host";
	return arena_printf(b->arena, "`cleave approve %s`", b->approval ? b->approval : "DIGEST");
}

/* -- the digest ---------------------------------------------------------------------------------------------------- */

/* A length in front of each text: no two plans run into one. */
static void add(GChecksum *sum, const char *text)
{
	char length[24];
	g_snprintf(length, sizeof length, "%" G_GSIZE_FORMAT ":", text ? strlen(text) : (gsize)0);
	g_checksum_update(sum, (const guchar *)(text ? length : "-"), -1);
	if (text)
		g_checksum_update(sum, (const guchar *)text, -1);
}

static void add_number(GChecksum *sum, guint64 n)
{
	char text[24];
	g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, n);
	add(sum, text);
}

static void add_steps(GChecksum *sum, const struct action *act)
{
	for (guint i = 0; i < act->n_volumes; i++) {
		const struct volume_step *v = &act->volumes[i];
		add(sum, v->path);
		add(sum, v->image);
		add_number(sum, v->before_bytes);
		add_number(sum, v->size_bytes);
	}
	for (guint i = 0; i < act->n_steps; i++) {
		const char *texts[] = { act->steps[i].address, act->steps[i].from, act->steps[i].to, act->steps[i].uuid };
		for (guint k = 0; k < G_N_ELEMENTS(texts); k++)
			add(sum, texts[k]);
	}
}

static void add_action(GChecksum *sum, const struct action *act)
{
	add(sum, verbs[act->verb].name);
	add(sum, kinds[act->kind].name);
	add(sum, act->id);
	add(sum, name_of(&effect_names, (int)act->effect));
	add_number(sum, act->count);
	add(sum, act->digest);
	add_number(sum, act->changes.n);
	for (guint i = 0; i < act->changes.n; i++) {
		add(sum, act->changes.items[i].field);
		add(sum, act->changes.items[i].before);
		add(sum, act->changes.items[i].after);
	}
	add_steps(sum, act);
}

const char *plan_digest(struct arena *a, const struct plan *p)
{
	enum { DIGITS = 16 };
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	add(sum, p->host);
	add(sum, p->revision);
	for (guint i = 0; i < p->n_actions; i++) {
		enum kind_id kind = p->actions[i].kind;
		if (kind == KIND_HOST || kind == KIND_GPU || kind == KIND_VM)
			add_action(sum, &p->actions[i]);
	}
	const char *digest = arena_strndup(a, g_checksum_get_string(sum), DIGITS);
	g_checksum_free(sum);
	return digest;
}

/* -- approvals ----------------------------------------------------------------------------------------------------- */

static gboolean has_item(const struct strings *all, const char *item)
{
	for (guint i = 0; i < all->n; i++)
		if (strcmp(all->items[i], item) == 0)
			return TRUE;
	return FALSE;
}

static gboolean is_rest_of(const struct strings *rest, const struct strings *all)
{
	for (guint i = 0; i < rest->n; i++)
		if (!has_item(all, rest->items[i]))
			return FALSE;
	return TRUE;
}

const struct plan_approval *plan_find_approval(const struct plan_input *in, const struct strings *waiting, const char *digest)
{
	for (guint i = 0; i < in->n_approvals; i++) {
		const struct plan_approval *one = &in->approvals[i];
		if (strcmp(one->digest, digest) == 0 || (one->has_begun && is_rest_of(waiting, &one->items)))
			return one;
	}
	return NULL;
}
