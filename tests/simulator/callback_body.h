/* The text of a callback, with everything that may be wrong with it. */
#pragma once

#include "simulator/behaviour.h"
#include "simulator/job.h"

#include <stddef.h>

enum callback_kind {
    CALLBACK_FINAL,
    CALLBACK_INTERIM, /* status is "pending" */
    CALLBACK_COPY,    /* the same again */
    CALLBACK_MANUAL,  /* asked for by POST /_sim/callback */
};

const char *callback_kind_word(enum callback_kind kind);

/* Bytes of a huge body. */
#define CALLBACK_HUGE_BYTES ((size_t)16 * 1024 * 1024)

/* The body for a contact. The text may hold NUL and is an allocation of the caller's. Returns 0 or
 * -ENOMEM. */
int callback_body(const struct behaviours *behaviours, uint64_t seed,
                  const struct job_contact *contact, enum callback_kind kind, char **ret,
                  size_t *ret_size);
