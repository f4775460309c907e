/* Words of the effects. */
#include "spec/effect.h"

NAME_TABLE(effect_names, "an effect", N_EFFECTS, "none", "live", "render", "cancel", "vm-restart", "gpu-reset",
           "reboot", "replace", "data-loss");
