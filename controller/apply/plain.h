/* What both verbs on plain workers know. Private to apply/. */
#pragma once
#include "apply/job.h"
#include "queue/plain.h"

/* The name in staging/<id>/ that they are told, and without extension what Blender makes of it. */
#define PLAIN_OUTPUT "frame_#####"
