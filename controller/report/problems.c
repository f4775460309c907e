/* Problems for those who read merge requests: GitHub's workflow commands, and SARIF for code scanning. */
#include "report/merge.h"
#include "spec/rules.h"
#include <jansson.h>
#include <string.h>

/* -- GitHub ------------------------------------------------------------------------------------------------ */

static void put_command(GString *out, enum severity severity, const struct place *place, const char *message)
{
	const char *word = severity == SEVERITY_ERROR ? "error" : "warning";
	g_string_append_printf(out, "::%s ", word);
	if (place->path) {
		g_string_append(out, "file=");
		merge_put_command(out, place->path, TRUE);
		g_string_append_c(out, ',');
	}
	if (place->path && place->line)
		g_string_append_printf(out, "line=%u,col=%u,", place->line, MAX(place->column, 1));
	g_string_append_printf(out, "title=cleave validate%%3A %s::", word);
	merge_put_command(out, message, FALSE);
	g_string_append_c(out, '\n');
}

void report_problems_github(GString *out, const struct problems *problems)
{
	for (guint i = 0; i < problems->list->len; i++) {
		const struct problem *p = &g_array_index(problems->list, struct problem, i);
		put_command(out, p->severity, &p->place, p->message);
	}
	if (problems_left_out(problems)) {
		g_autofree char *rest = g_strdup_printf("and %u more", problems_left_out(problems));
		put_command(out, problems->n_errors ? SEVERITY_ERROR : SEVERITY_WARNING, &(struct place){ 0 }, rest);
	}
}

/* -- SARIF --------------------------------------------------------------------------------------------------- */

/* A problem is of the rule that found it, or of one of these two: what decoding finds has no name. Their
 * levels are those of the severities. */
struct sarif_rule {
	const char *id, *level, *doc;
};
static const struct sarif_rule unnamed_rules[] = {
	[SEVERITY_ERROR] = { "invalid-spec", "error", "A spec that cleave refuses." },
	[SEVERITY_WARNING] = { "doubtful-spec", "warning", "A spec that cleave takes, and that may not do what was meant." },
};

static json_t *sarif_text(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	return json_pack("{s:s}", "text", valid);
}

static json_t *sarif_location(const struct place *place)
{
	/* A relative URI reference: what is not allowed in one is escaped. */
	g_autofree char *uri = g_uri_escape_string(place->path, "/", FALSE);
	json_t *physical = json_pack("{s:{s:s}}", "artifactLocation", "uri", uri);
	if (place->line)
		json_object_set_new(physical, "region",
		                    json_pack("{s:I,s:I}", "startLine", (json_int_t)place->line, "startColumn", (json_int_t)MAX(place->column, 1)));
	return json_pack("{s:o}", "physicalLocation", physical);
}

static json_t *sarif_result(const struct problem *p)
{
	const struct sarif_rule *unnamed = &unnamed_rules[p->severity];
	json_t *result = json_pack("{s:s,s:s,s:o}", "ruleId", p->rule ? p->rule : unnamed->id, "level", unnamed->level, "message",
	                           sarif_text(p->message));
	if (p->place.path)
		json_object_set_new(result, "locations", json_pack("[o]", sarif_location(&p->place)));
	return result;
}

static void add_rule(json_t *rules, const char *id, const char *doc)
{
	json_array_append_new(rules, json_pack("{s:s,s:o}", "id", id, "shortDescription", sarif_text(doc)));
}

static json_t *sarif_tool(void)
{
	json_t *rules = json_array();
	for (guint i = 0; i < G_N_ELEMENTS(unnamed_rules); i++)
		add_rule(rules, unnamed_rules[i].id, unnamed_rules[i].doc);
	for (guint i = 0; i < n_spec_rules; i++)
		if (i == 0 || strcmp(spec_rules[i].name, spec_rules[i - 1].name) != 0) /* rows of two kinds */
			add_rule(rules, spec_rules[i].name, spec_rules[i].doc);
	return json_pack("{s:{s:s,s:s,s:o}}", "driver", "name", "cleave", "version", CLEAVE_VERSION, "rules", rules);
}

void report_problems_sarif(GString *out, const struct problems *problems)
{
	json_t *results = json_array();
	for (guint i = 0; i < problems->list->len; i++)
		json_array_append_new(results, sarif_result(&g_array_index(problems->list, struct problem, i)));
	if (problems_left_out(problems)) {
		g_autofree char *rest = g_strdup_printf("and %u more", problems_left_out(problems));
		struct problem more = { .severity = problems->n_errors ? SEVERITY_ERROR : SEVERITY_WARNING, .message = rest };
		json_array_append_new(results, sarif_result(&more));
	}
	/* libyaml counts characters; SARIF's default is UTF-16 code units. */
	json_t *run = json_pack("{s:o,s:s,s:o}", "tool", sarif_tool(), "columnKind", "unicodeCodePoints", "results", results);
	json_t *log = json_pack("{s:s,s:s,s:[o]}", "$schema", "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0",
	                        "runs", run);
	g_autofree char *text = json_dumps(log, JSON_INDENT(2));
	g_string_append_printf(out, "%s\n", text);
	json_decref(log);
}
