/* The user that a hook runs as, when it is another one than ours. */
#pragma once

#include "runner/launch.h"
#include "runner/program.h"

#include <stdbool.h>

/* Looks @user up. Returns 0 with *ret for identity_clear(), or PROGRAM_REFUSED with *ret_error. */
int identity_find(const char *user, struct identity *ret,
                  char ret_error[static PROGRAM_ERROR_SIZE]);

/* Whether the process is that user already. */
bool identity_is_ours(const struct identity *identity);

void identity_clear(struct identity *identity);
