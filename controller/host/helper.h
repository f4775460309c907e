/* The program itself in a second process, for what may hang or end the process it runs in: libpci (its
 * error callback must not return) and sysfs (an unbind can block in the kernel for ever).
 *
 * A request and its answer are a line of JSON each, over a socket pair: {"op":"pci","sysfs":"/sys"},
 * {"ok":…} or {"error":"sentence"}. The process is started when it is first needed, ends when its
 * socket closes, and is killed and replaced when it does not answer in time or dies. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <sys/types.h>

struct helper;

/* `program` is run as `PROGRAM helper`; NULL for the running program. Starts no process yet. */
struct helper *helper_start(const char *program);
void helper_stop(struct helper *h);

/* From now on the default main context is iterated while an answer is waited for on the thread that runs it: what is
 * attached there only notes that there is something to do, and asks the helper nothing. */
void helper_serve_loop(struct helper *h);

/* Waits at most `timeout_ms` for the answer, without running any main loop, unless helper_serve_loop() says so. *ret_answer is a new reference
 * (json_decref). ERROR_FAILED with the helper's sentence; ERROR_TIMEOUT, ERROR_AWAY when it hung or died. */
gboolean helper_call(struct helper *h, json_t *request, gint64 timeout_ms, json_t **ret_answer, GError **error);
/* 0 when none runs. */
pid_t helper_pid(const struct helper *h);
/* The process that the last call went to; it may have ended. 0 before the first. */
pid_t helper_last_pid(const struct helper *h);

/* -- the other side ----------------------------------------------------------------------------------- */

struct helper_operation {
	const char *name;
	/* A new reference, or NULL with an error. */
	json_t *(*run)(const json_t *request, GError **error);
};

struct helper_table {
	const struct helper_operation *first; /* are looked up before the others */
	guint n_first;
	const struct helper_operation *rest;
	guint n_rest;
};

/* Answers requests on descriptor 0 until it closes. */
int helper_serve(const struct helper_table *t);
/* With all that the controller asks for. main.c's hidden command `helper`. */
int helper_main(void);
/* The same; `first` are looked up before the helper's own. */
int helper_main_with(const struct helper_operation *first, guint n_first);
/* In the helper, where there is no way back: answers with an error and exits. */
G_NORETURN void helper_die(const char *sentence);
