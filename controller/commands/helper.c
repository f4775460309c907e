/* cleave helper: hidden; the program itself as a second process, for what may hang or end the process it
 * runs in (host/helper.h). */
#include "host/helper.h"
#include "commands/command.h"

int command_helper(void)
{
	return helper_main();
}
