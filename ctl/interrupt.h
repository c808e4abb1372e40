/* SIGINT and SIGTERM of long commands: they end their work in order, a second one ends at once. */
#pragma once

#include <stdbool.h>

void interrupt_catch(void);
bool interrupted(void);
