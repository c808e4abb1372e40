/* What a hook is given, by number: about as large as what prontod gives for a callback of person.h. */
#pragma once

#include <inttypes.h>
#include <stdio.h>

#define DOCUMENT_SIZE 2048

/* Without a newline, ended by a NUL. Returns the length. */
static inline int document_write(int64_t number, char ret[static DOCUMENT_SIZE])
{
    return snprintf(
        ret, DOCUMENT_SIZE,
        "{\"event\":\"finished\",\"hook\":\"bench\",\"delivery_id\":\"00000000-0000-4000-8000-"
        "%012" PRId64 "\",\"attempt\":1,\"request\":{\"id\":\"00000000-0000-4000-8001-%012" PRId64
        "\",\"enrichment_id\":\"00000000-0000-4000-8002-%012" PRId64
        "\",\"enrichment_type\":\"email\",\"firstname\":\"Given\",\"lastname\":\"Family\","
        "\"domain\":\"example.com\",\"company_name\":\"Example Company\",\"linkedin_url\":\"https:"
        "//www.linkedin.example/in/given-family\",\"custom\":{\"crm_id\":\"%" PRId64
        "\",\"list\":\"bench\"},\"created_at\":\"2026-01-31T12:00:00.000Z\"},\"result\":{"
        "\"status\":\"finished\",\"email\":\"given.family@example.com\",\"email_status\":"
        "\"deliverable\",\"personal_email\":null,\"personal_email_status\":null,\"phones\":["
        "\"+12015550123\"],\"custom\":{}},\"source\":\"callback\",\"received_at\":\"2026-01-31T12:"
        "00:00.000Z\",\"raw\":{\"enrichment_id\":\"00000000-0000-4000-8002-%012" PRId64
        "\",\"first_name\":\"Given\",\"last_name\":\"Family\",\"status\":\"finished\",\"email\":"
        "\"given.family@example.com\",\"email_status\":\"deliverable\",\"phone\":["
        "\"+12015550123\"],\"company\":{\"name\":\"Example Company\",\"domain\":\"example.com\"}}}",
        number, number, number, number, number);
}

/* Environment of an exec hook, but for PATH, HOME and LANG. */
#define DOCUMENT_ENVIRONMENT                                                                       \
    "PRONTO_EVENT=finished", "PRONTO_HOOK=bench", "PRONTO_ATTEMPT=1",                              \
        "PRONTO_REQUEST_ID=00000000-0000-4000-8001-000000000001",                                  \
        "PRONTO_ENRICHMENT_ID=00000000-0000-4000-8002-000000000001",                               \
        "PRONTO_ENRICHMENT_TYPE=email", "PRONTO_STATUS=finished",                                  \
        "PRONTO_EMAIL=given.family@example.com", "PRONTO_EMAIL_STATUS=deliverable",                \
        "PRONTO_PHONE=+12015550123", "PRONTO_CUSTOM_CRM_ID=1", "PRONTO_CUSTOM_LIST=bench"
