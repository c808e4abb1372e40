#include "store/records.h"

#include <stdlib.h>

void request_record_done(struct request_record *record)
{
    free(record->enrichment_id);
    free(record->error);
    json_object_put(record->content);
    json_object_put(record->result);
    *record = (struct request_record){0};
}

void callback_record_done(struct callback_record *record)
{
    free(record->enrichment_id);
    free(record->client);
    free(record->body);
    json_object_put(record->headers);
    *record = (struct callback_record){0};
}

void attempt_record_done(struct attempt_record *record)
{
    free(record->error);
    free(record->output);
    *record = (struct attempt_record){0};
}

void delivery_record_done(struct delivery_record *record)
{
    for (size_t i = 0; i < record->n_attempt_records; i++)
        attempt_record_done(&record->attempts[i]);
    free(record->attempts);
    free(record->hook);
    *record = (struct delivery_record){0};
}

void event_record_done(struct event_record *record)
{
    free(record->enrichment_id);
    free(record->hook);
    *record = (struct event_record){0};
}

void delivery_facts_done(struct delivery_facts *facts)
{
    free(facts->hook);
    request_record_done(&facts->request);
    json_object_put(facts->raw);
    json_object_put(facts->dead);
    *facts = (struct delivery_facts){0};
}
