/* What both kinds of hooks say to the one who gives them jobs. */
#pragma once

#include "model/wire.h"

struct teller {
    /* What came of a job; once for each, unless its link is gone. All is borrowed. */
    void (*tell)(const struct hook_outcome *outcome, const char *output, size_t size,
                 void *userdata);
    /* The last process ended. */
    void (*idle)(void *userdata);
    void *userdata;
};

/* Why a job that was cancelled comes back. */
#define TELLER_ERASED "the delivery was erased"

/* The job comes back without having run. Not @interrupted: the hook cannot be started. */
void teller_refuse(const struct teller *teller, int64_t id, bool interrupted, const char *error);
