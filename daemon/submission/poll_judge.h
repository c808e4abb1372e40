/* What the answer to GET /contacts/{id} means. Pure. */
#pragma once

#include "model/submission.h"
#include "store/commands.h"

#include "model/result.h"

struct poll_verdict {
    enum poll_outcome outcome;
    struct reading reading; /* POLL_FINISHED */
    char error[128];        /* POLL_FAILED: without secrets and persons */
};
void poll_verdict_done(struct poll_verdict *verdict);

/* 0 or -ENOMEM. */
int poll_judge(const struct call_answer *answer, struct poll_verdict *ret);
