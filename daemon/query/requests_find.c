#include "query/requests.h"

int request_find(struct call *call, const char *text, int not_found, store_key *ret)
{
    int r = reader_request_find(call->query->backend.reader, text, ret);

    if (r == READER_OK || r < 0)
        return r;
    if (r == READER_E_AMBIGUOUS)
        r = answer_problem(call, 409,
                           "several requests share this enrichment_id: "
                           "GET /v1/requests?enrichment_id=... lists them, each with its id");
    else
        r = answer_problem(call, not_found, "there is no such request");
    return r < 0 ? r : REQUEST_ANSWERED;
}
