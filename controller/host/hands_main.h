/* The helper's operations that change the host (host/hands.h). Run in the helper only.
 *
 * Requests: {"op":"write","path":…,"text":…}, {"op":"read","path":…}, {"op":"put",…"mode":…}, {"op":"remove","path":…},
 * {"op":"run","argv":[…],"timeout_ms":…}. What the kernel or the program answers is no error of the helper:
 * {"errno":N}, {"short":N}, {"text":…}, {"status":N,"said":…}, {"late":true,…}. */
#pragma once
#include <glib.h>
#include <jansson.h>

json_t *hands_main_write(const json_t *request, GError **error);
json_t *hands_main_read(const json_t *request, GError **error);
json_t *hands_main_put(const json_t *request, GError **error);
json_t *hands_main_remove(const json_t *request, GError **error);
json_t *hands_main_run(const json_t *request, GError **error);
