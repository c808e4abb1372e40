#include "model/schedule.h"

/* first * 2^(failures - 1), at most longest, at least 1, without overflow. */
static int64_t doubled(int64_t first_ms, int64_t longest_ms, unsigned failures)
{
    int64_t wait = first_ms > 0 ? first_ms : 1;

    if (longest_ms < 1)
        return 1;
    for (unsigned i = 1; i < failures && wait < longest_ms; i++) {
        if (wait > longest_ms / 2)
            return longest_ms;
        wait *= 2;
    }
    return wait < longest_ms ? wait : longest_ms;
}

/* A share of @span: in 0..span, all of it for the largest random number. */
static int64_t share(int64_t span, uint32_t random)
{
    return (int64_t)(((unsigned __int128)span * ((uint64_t)random + 1)) >> 32);
}

int64_t backoff_equal_jitter(int64_t first_ms, int64_t longest_ms, unsigned failures,
                             uint32_t random)
{
    int64_t wait = doubled(first_ms, longest_ms, failures);
    int64_t fixed = wait - wait / 2; /* rounded up, so never 0 */

    return fixed + share(wait / 2, random);
}

int64_t backoff_full_jitter(int64_t first_ms, int64_t longest_ms, unsigned failures,
                            uint32_t random)
{
    int64_t wait = share(doubled(first_ms, longest_ms, failures), random);

    return wait > 0 ? wait : 1;
}

int64_t poll_next(int64_t since, int64_t first_ms, int64_t deadline_at, int64_t now,
                  uint32_t random)
{
    int64_t wait = first_ms > 0 ? first_ms : 1;
    int64_t next;

    if (now > since && now - since > wait)
        wait = now - since;
    next = now + wait - wait / 2 + share(wait / 2, random);
    return deadline_at > now && next > deadline_at ? deadline_at : next;
}

static enum attempt_outcome used_up(int64_t attempts, int64_t age_ms, int64_t max_attempts,
                                    int64_t give_up_ms)
{
    if (max_attempts > 0 && attempts + 1 >= max_attempts)
        return ATTEMPT_DEAD;
    return age_ms >= give_up_ms ? ATTEMPT_DEAD : ATTEMPT_RETRY;
}

enum attempt_outcome attempt_judge(const struct attempt_end *end, int64_t attempts,
                                   int64_t interruptions, int64_t age_ms, int64_t max_attempts,
                                   int64_t give_up_ms)
{
    bool by_itself = !end->interrupted && !end->timed_out && end->signal == 0;

    if (end->not_started)
        return ATTEMPT_HOOK_BROKEN;
    if (end->interrupted && interruptions + 1 < INTERRUPTIONS_MAX)
        return ATTEMPT_AGAIN;
    /* An exit code counts only of a program that ended by itself: one that we sent SIGTERM may exit
     * 0 half done. */
    if (by_itself && end->exit_code == 0)
        return ATTEMPT_SUCCEEDED;
    if (by_itself && end->exit_code == EXIT_PERMANENT)
        return ATTEMPT_DEAD;
    return used_up(attempts, age_ms, max_attempts, give_up_ms);
}
