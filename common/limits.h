/* Bounds on quantities that someone else controls and that more than one room must agree on. A
 * bound that only one room needs stands beside that room's type. */
#pragma once

/* Nesting of a JSON body; the body itself is level 1 (the manual, "Callback endpoint"). */
#define LIMIT_JSON_DEPTH 32

/* A frame between prontod and a worker: a whole callback body (max_body is at most 8M), escaped. */
#define LIMIT_FRAME_BYTES (64 * 1024 * 1024)

/* Contacts in one submission: Pronto's bulk_enrich takes 2 to 100. */
#define LIMIT_BATCH 100

/* A request body on the query socket: a batch of 100 with large custom payloads. */
#define LIMIT_QUERY_BODY (4 * 1024 * 1024)

/* Items of one list answer (the manual, "Query socket"). */
#define LIMIT_PAGE_DEFAULT 50
#define LIMIT_PAGE_MAX     1000

/* Output of a hook kept with its attempt. */
#define LIMIT_HOOK_OUTPUT 4096

/* Hooks in one configuration: a delivery list merges one ordered range for each hook. */
#define LIMIT_HOOKS 64
