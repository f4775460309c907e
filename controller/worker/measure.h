/* What a worker measures, written for node_exporter's textfile collector as it goes. Used by the main thread alone;
 * a NULL measure measures nothing. */
#pragma once
#include <glib.h>

struct config;
struct gpus;
struct measure;

/* NULL when the settings name no file. */
struct measure *measure_new(const struct config *c, const struct gpus *gpus);
void measure_free(struct measure *m);

/* From now on it is in this state: starting, idle, rendering, waiting, drained. */
void measure_state(struct measure *m, const char *state);
/* A frame of the job was accepted. */
void measure_frame(struct measure *m, const char *job, double seconds);
void measure_failed_frame(struct measure *m);
/* What Blender wrote is not what was asked for: not whole, of another size, black. */
void measure_bad_image(struct measure *m);
