#include "ingress/ingress_internal.h"

#include "common/problem.h"

#include <errno.h>
#include <string.h>

/* Pronto's side learns the state of its callback and nothing else; a reason is given only for a
 * body it can mend. */
struct answer_text {
    unsigned status;
    const char *body;
    const char *header, *value; /* one more header, or NULL */
    bool close;
};

#define PROBLEM(title, status) "{\"title\":\"" title "\",\"status\":" status "}"
#define REJECTED(reason)       "{\"title\":\"Bad Request\",\"status\":400,\"detail\":\"" reason "\"}"

static const struct answer_text texts[ANSWER_MAX_] = {
    [ANSWER_MATCHED] = {200, "{\"status\":\"matched\"}", NULL, NULL, false},
    [ANSWER_DUPLICATE] = {200, "{\"status\":\"duplicate\"}", NULL, NULL, false},
    [ANSWER_UNMATCHED] = {200, "{\"status\":\"unmatched\"}", NULL, NULL, false},
    [ANSWER_MISMATCHED] = {200, "{\"status\":\"mismatched\"}", NULL, NULL, false},
    [ANSWER_INTERIM] = {200, "{\"status\":\"interim\"}", NULL, NULL, false},
    [ANSWER_NOT_JSON] = {400, REJECTED("not_json"), NULL, NULL, false},
    [ANSWER_NOT_OBJECT] = {400, REJECTED("not_object"), NULL, NULL, false},
    [ANSWER_TOO_DEEP] = {400, REJECTED("too_deep"), NULL, NULL, false},
    [ANSWER_NOT_UTF8] = {400, REJECTED("not_utf8"), NULL, NULL, false},
    [ANSWER_BAD_FRAMING] = {400, PROBLEM("Bad Request", "400"), NULL, NULL, true},
    [ANSWER_UNKNOWN_TOKEN] = {404, PROBLEM("Not Found", "404"), NULL, NULL, false},
    [ANSWER_NOT_FOUND] = {404, PROBLEM("Not Found", "404"), NULL, NULL, false},
    [ANSWER_METHOD] = {405, PROBLEM("Method Not Allowed", "405"), "Allow", "POST", false},
    [ANSWER_METHOD_PROBE] = {405, PROBLEM("Method Not Allowed", "405"), "Allow", "GET, HEAD",
                             false},
    [ANSWER_TOO_LARGE] = {413, PROBLEM("Content Too Large", "413"), NULL, NULL, true},
    [ANSWER_ENCODING] = {415, PROBLEM("Unsupported Media Type", "415"), "Accept-Encoding",
                         "identity", false},
    [ANSWER_NOT_IMPLEMENTED] = {501, PROBLEM("Not Implemented", "501"), NULL, NULL, true},
    [ANSWER_UNAVAILABLE] = {503, PROBLEM("Service Unavailable", "503"), "Retry-After", "10", false},
    [ANSWER_OK] = {200, "{\"status\":\"ok\"}", NULL, NULL, false},
    [ANSWER_NOT_READY] = {503, PROBLEM("Service Unavailable", "503"), "Retry-After", "10", false},
};

static struct MHD_Response *answer_new(const struct answer_text *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text->body), (void *)text->body, MHD_RESPMEM_PERSISTENT);
    bool ok = response && MHD_add_response_header(response, "Content-Type",
                                                  text->status < 300 ? "application/json"
                                                                     : PROBLEM_CONTENT_TYPE);

    ok = ok && (!text->header || MHD_add_response_header(response, text->header, text->value));
    ok = ok && (!text->close || MHD_add_response_header(response, "Connection", "close"));
    ok = ok && MHD_add_response_header(response, "Cache-Control", "no-store");
    if (!ok && response) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return response;
}

int answers_new(struct answers *ret)
{
    struct answers answers = {0};

    for (int i = 0; i < ANSWER_MAX_; i++) {
        answers.response[i] = answer_new(&texts[i]);
        if (!answers.response[i]) {
            answers_done(&answers);
            return -ENOMEM;
        }
    }
    *ret = answers;
    return 0;
}

void answers_done(struct answers *answers)
{
    for (int i = 0; i < ANSWER_MAX_; i++)
        if (answers->response[i])
            MHD_destroy_response(answers->response[i]);
}

enum MHD_Result answer_queue(const struct answers *answers, struct MHD_Connection *connection,
                             enum answer answer)
{
    return MHD_queue_response(connection, texts[answer].status, answers->response[answer]);
}
