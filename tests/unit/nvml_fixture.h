/* A machine of NVIDIA cards that only tests/tools/fake_nvml.c knows: an A100 with MIG, an RTX A4000 without. */
#pragma once
#include <glib.h>

#define A100 "0000:65:00.0"
#define A4000 "0000:b3:00.0"

/* Makes it, and lets helpers that are started from now on find the library. The path of its file. */
char *fake_machine_new(void);
void fake_machine_free(char *path);
void fake_machine_set(const char *path, const char *group, const char *key, const char *value);
/* "" when there is none. */
char *fake_machine_get(const char *path, const char *group, const char *key);
