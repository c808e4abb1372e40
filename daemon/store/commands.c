/* The table of commands. */
#include "store/engine.h"

#include <assert.h>

struct command_kind {
    int (*apply)(struct writer *writer, struct store_command *command);
    void (*drop)(struct store_command *command); /* its outputs, after a rollback; or NULL */
    bool ours; /* of our own schedulers: always fits in the queue */
};

static const struct command_kind kinds[STORE_COMMAND_MAX_] = {
    [STORE_RECEIVE] = {apply_receive, NULL, false},
    [STORE_SUBMIT] = {apply_submit, NULL, false},
    [STORE_REGISTER] = {apply_register, NULL, false},
    [STORE_CLAIM_SUBMISSIONS] = {apply_claim_submissions, drop_claim_submissions, true},
    [STORE_FINISH_CALL] = {apply_finish_call, NULL, true},
    [STORE_CLAIM_POLLS] = {apply_claim_polls, NULL, true},
    [STORE_CLAIM_POLL] = {apply_claim_poll, NULL, false},
    [STORE_FINISH_POLL] = {apply_finish_poll, NULL, true},
    [STORE_CLAIM_DELIVERIES] = {apply_claim_deliveries, NULL, true},
    [STORE_FINISH_ATTEMPT] = {apply_finish_attempt, NULL, true},
    [STORE_RETRY] = {apply_retry, NULL, false},
    [STORE_MATCH] = {apply_match, NULL, false},
    [STORE_ERASE] = {apply_erase, NULL, false},
    [STORE_RECONFIGURE] = {apply_reconfigure, NULL, true},
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
