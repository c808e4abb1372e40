/* An operator says whose callback it is. */
#include "store/writer.h"

#include "model/state_machine.h"

#include <errno.h>

static int match_row(struct writer *writer, struct store_match *command, struct callback_row *row)
{
    struct request_row request;
    struct reading reading;
    struct callback_match match = {
        .request = &request, .reading = &reading, .reason = REASON_BY_HAND, .now = command->now};
    int r = request_get(writer, command->request, &request);

    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    if (row->body == NULL || !callback_may_become(row->state, CALLBACK_MATCHED))
        return (int)STORE_E_STATE;
    r = reading_parse(row->body, &reading);
    if (r < 0)
        return r;
    r = callback_match(writer, row, &match);
    command->state = row->state;
    reading_done(&reading);
    return r;
}

int apply_match(struct writer *writer, struct store_command *base)
{
    struct store_match *command = (struct store_match *)base;
    struct callback_row row;
    int r = callback_get(writer, command->callback, &row);

    if (r <= 0)
        return r < 0 ? r : (int)STORE_E_NOT_FOUND;
    r = match_row(writer, command, &row);
    callback_row_done(&row);
    return r;
}
