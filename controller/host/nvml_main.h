/* The helper's operations on NVML (host/nvml.h). Run in the helper only. */
#pragma once
#include <glib.h>
#include <jansson.h>

/* {"op":"nvml","cards":["0000:65:00.0",…]} → {"driver":…,"cards":[CARD,…]}; CARD is {"address":…} with "error", or with
 * "serial", "name", "celsius", "milliwatts", "memory", "ecc", "mig", "pending", "instances":[{"id":…,"profile":…},…] as far as the card tells them. */
json_t *nvml_main_read(const json_t *request, GError **error);
/* {"op":"mig","card":…,"profile":…,"count":N} → CARD. */
json_t *nvml_main_cut(const json_t *request, GError **error);
