/* The table of commands. */
#include "store/engine.h"

#include <assert.h>

struct command_kind {
    int (*apply)(struct writer *writer, struct store_command *command);
    void (*drop)(struct store_command *command); /* its outputs, after a rollback; or NULL */
    bool ours; /* of our own schedulers: always fits in the queue */
    bool (*goes_on)(struct store_command *command); /* takes several transactions; or NULL */
};

static const struct command_kind kinds[STORE_COMMAND_MAX_] = {
    [STORE_RECEIVE] = {apply_receive, NULL, false, NULL},
    [STORE_SUBMIT] = {apply_submit, NULL, false, NULL},
    [STORE_REGISTER] = {apply_register, NULL, false, NULL},
    [STORE_CLAIM_SUBMISSIONS] = {apply_claim_submissions, drop_claim_submissions, true, NULL},
    [STORE_FINISH_CALL] = {apply_finish_call, NULL, true, NULL},
    [STORE_CLAIM_POLLS] = {apply_claim_polls, NULL, true, NULL},
    [STORE_CLAIM_POLL] = {apply_claim_poll, NULL, false, NULL},
    [STORE_FINISH_POLL] = {apply_finish_poll, NULL, true, NULL},
    [STORE_CLAIM_DELIVERIES] = {apply_claim_deliveries, NULL, true, NULL},
    [STORE_FINISH_ATTEMPT] = {apply_finish_attempt, NULL, true, NULL},
    [STORE_RETRY] = {apply_retry, NULL, false, retry_goes_on},
    [STORE_PAUSE_HOOK] = {apply_pause_hook, NULL, false, NULL},
    [STORE_PURGE_HOOK] = {apply_purge_hook, NULL, false, purge_goes_on},
    [STORE_MATCH] = {apply_match, NULL, false, NULL},
    [STORE_ERASE] = {apply_erase, NULL, false, NULL},
    [STORE_PURGE] = {apply_purge, NULL, true, old_goes_on},
    [STORE_FORGET] = {apply_forget, NULL, false, forget_goes_on},
    [STORE_RECONFIGURE] = {apply_reconfigure, NULL, true, NULL},
};

int apply_reconfigure(struct writer *writer, struct store_command *command)
{
    writer->settings = ((struct store_reconfigure *)command)->settings;
    writer_set_free(writer, writer->free_bytes);
    return 0;
}

int command_apply(struct writer *writer, struct store_command *command)
{
    int r = kinds[command->kind].apply(writer, command);

    if (r < 0)
        return r;
    command->result = (enum store_result)r;
    return 0;
}

void command_drop(struct store_command *command)
{
    if (kinds[command->kind].drop)
        kinds[command->kind].drop(command);
}

bool command_goes_on(struct store_command *command)
{
    const struct command_kind *kind = &kinds[command->kind];

    return kind->goes_on && command->result == STORE_OK && kind->goes_on(command);
}

bool command_always_fits(const struct store_command *command)
{
    assert((unsigned)command->kind < STORE_COMMAND_MAX_);
    return kinds[command->kind].ours;
}

/* Trees are not measured: a contact is estimated. */
size_t command_bytes(const struct store_command *command)
{
    if (command->kind == STORE_RECEIVE)
        return sizeof(struct store_receive) + ((const struct store_receive *)command)->body_size;
    if (command->kind == STORE_SUBMIT)
        return ((const struct store_submit *)command)->n_contacts * 4096;
    return 4096;
}
