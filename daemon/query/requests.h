/* What the calls share that name a request. */
#pragma once

#include "query/query_internal.h"

#define REQUEST_ANSWERED 2 /* with a problem */

#define IDEMPOTENCY_KEY_MAX 255 /* bytes */

/* By id or enrichment_id. 0, REQUEST_ANSWERED, or a negative errno. @not_found: status when there
 * is none. */
int request_find(struct call *call, const char *text, int not_found, store_key *ret);

/* One request by its key, as an answer: what submitting and registering end with. */
int request_answer(struct call *call, int status, store_key key);
