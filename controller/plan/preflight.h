/* Preflight: what is wrong with a host before anything is done, as a value. Pure: what is wanted (may be nothing) and
 * what is there give the findings, so that an observation taken on the host is judged anywhere, in equal bytes.
 *
 * What the machine does not tell is unknown, never right. */
#pragma once
#include "base/names.h"
#include "spec/kinds.h"

/* Worst first: they are told in this order. */
enum check_verdict { CHECK_FAIL, CHECK_WARN, CHECK_UNKNOWN, CHECK_OK, N_CHECK_VERDICTS };
extern const struct name_table check_verdict_names;

/* What a check looks at, one after the other. */
enum check_scope { CHECKS_HOST, CHECKS_CARDS, CHECKS_VMS, CHECKS_FARM };

struct checking;

struct preflight_check {
	const char *name, *doc;
	enum check_scope scope;
	void (*ask)(struct checking *c); /* says nothing where it does not apply */
};

/* In the order in which they matter. */
extern const struct preflight_check preflight_checks[];
extern const guint n_preflight_checks;

struct finding {
	const struct preflight_check *check;
	enum kind_id kind;
	const char *id;
	enum check_verdict verdict;
	const char *why; /* a sentence */
	const char *fix; /* what to do, or a command; NULL = nothing is to be done, or nothing is known */
};

struct preflight {
	const char *host;
	gboolean has_specs; /* something is wanted */
	struct finding *findings; /* worst first */
	guint n_findings;
	guint n_of[N_CHECK_VERDICTS];
};

/* Of the host of that name: its cards, and VMs that are wanted on it. */
struct preflight *preflight_build(struct arena *a, const char *host, const struct objects *want, const struct objects *have);
/* "Host", "GPU", "VM" or "Farm". */
const char *preflight_scope_kind(enum check_scope scope);
