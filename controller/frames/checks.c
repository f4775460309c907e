/* A row a check, in the order in which they are told. */
#include "frames/checks.h"
#include "base/error.h"
#include <string.h>

enum verdict { VERDICT_ACCEPT, VERDICT_WARN, VERDICT_REJECT };

static enum verdict verdict_of(const char *word)
{
	if (g_strcmp0(word, "accept") == 0)
		return VERDICT_ACCEPT;
	return g_strcmp0(word, "reject") == 0 ? VERDICT_REJECT : VERDICT_WARN;
}

gboolean checks_judge(const struct image_facts *facts, const struct check_words *words, GPtrArray *warnings,
		      GError **error)
{
	/* A black frame is of one colour, too: whoever accepts black ones means these, and once said is enough. */
	enum verdict black = verdict_of(words->black), constant = verdict_of(words->constant);
	gboolean is_said = facts->is_black && (black == VERDICT_ACCEPT || constant != VERDICT_REJECT);
	const struct {
		gboolean is_seen;
		enum verdict verdict;
		const char *sentence;
	} checks[] = {
		{ facts->is_nan, verdict_of(words->nan), "has values that are no numbers (NaN or infinite)" },
		{ facts->is_black, black, "is all black" },
		{ facts->is_constant && !is_said, constant, "is of one colour" },
	};
	for (guint i = 0; i < G_N_ELEMENTS(checks); i++)
		if (checks[i].is_seen && checks[i].verdict == VERDICT_REJECT)
			return fail(error, ERROR_INVALID, "%s, which the job's checks reject", checks[i].sentence);
	for (guint i = 0; i < G_N_ELEMENTS(checks); i++)
		if (checks[i].is_seen && checks[i].verdict == VERDICT_WARN)
			g_ptr_array_add(warnings, (gpointer)checks[i].sentence);
	return TRUE;
}
