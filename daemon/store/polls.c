/* Which pending requests Pronto is asked for, and what came of it. */
#include "store/writer.h"

int apply_claim_polls(struct writer *writer, struct store_command *command)
{
    (void)writer;
    (void)command;
    return (int)STORE_E_STATE;
}

int apply_claim_poll(struct writer *writer, struct store_command *command)
{
    (void)writer;
    (void)command;
    return (int)STORE_E_STATE;
}

int apply_finish_poll(struct writer *writer, struct store_command *command)
{
    (void)writer;
    (void)command;
    return (int)STORE_E_STATE;
}
