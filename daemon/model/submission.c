/* What an answer means (pronto-api, "Errors and limits"):
 *
 *   not sent                                  AGAIN
 *   may have been sent                        MAYBE
 *   no API key                                AUTH
 *   2xx with an identifier                    ACCEPTED
 *   2xx without one, or not a JSON object     MAYBE    Pronto said yes to something; sending again
 * may cost twice 401, 403                                  AUTH 402, 422 that speaks of credits or
 * plan   CREDITS 408, 425, 429                             AGAIN    they ask for it themselves
 *   other 4xx                                 REFUSED
 *   everything else (3xx, 5xx, no status)     AGAIN    a gateway's error, or not Pronto at all
 */
#include "model/submission.h"

#include "model/result.h"
#include "model/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ERROR_TEXT_MAX 1024

/* Members of the body in the order of Pronto's documentation; @to shares them with @content. */
static int add_members(struct json_object *to, struct json_object *content,
                       const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct json_object *value = json_get(content, names[i]);
        int r = value != NULL ? json_add(to, names[i], json_object_get(value)) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

static const char *const contact_names[] = {"firstname", "lastname", "domain", "company_name",
                                            "linkedin_url"};
static const char *const custom_name[] = {"custom"};
static const char *const countries_name[] = {"phone_country_codes"};

static int add_webhook_url(struct json_object *body, const char *public_url,
                           const struct token *token)
{
    char text[TOKEN_TEXT_SIZE];
    cleanup_free char *url = NULL;

    token_format(token, text);
    if (asprintf(&url, "%s/callback/%s", public_url, text) < 0) {
        url = NULL; /* undefined after a failure */
        return -ENOMEM;
    }
    return json_add_string(body, "webhook_url", url);
}

static int add_type(struct json_object *body, enum enrichment_type type)
{
    cleanup_json struct json_object *types = json_object_new_array();
    struct json_object *name;
    int r;

    if (types == NULL)
        return -ENOMEM;
    name = json_object_new_string(enrichment_type_name(type));
    if (name == NULL)
        return -ENOMEM;
    r = json_append(types, name);
    if (r < 0)
        return r;
    return json_add(body, "enrichment_type", TAKE_PTR(types));
}

static int add_contacts(struct json_object *body, struct json_object *const *contents, size_t n)
{
    cleanup_json struct json_object *contacts = json_object_new_array();

    if (contacts == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        cleanup_json struct json_object *contact = json_object_new_object();
        int r = contact != NULL
                    ? add_members(contact, contents[i], contact_names, ARRAY_SIZE(contact_names))
                    : -ENOMEM;

        if (r == 0)
            r = add_members(contact, contents[i], custom_name, 1);
        if (r == 0)
            r = json_append(contacts, TAKE_PTR(contact));
        if (r < 0)
            return r;
    }
    return json_add(body, "contacts", TAKE_PTR(contacts));
}

int submission_body(enum enrichment_type type, struct json_object *const *contents, size_t n,
                    bool bulk, const char *public_url, const struct token *token,
                    struct json_object **ret)
{
    cleanup_json struct json_object *body = json_object_new_object();
    int r = 0;

    if (body == NULL)
        return -ENOMEM;
    if (bulk)
        r = add_contacts(body, contents, n);
    else
        r = add_members(body, contents[0], contact_names, ARRAY_SIZE(contact_names));
    if (r == 0)
        r = add_webhook_url(body, public_url, token);
    if (r == 0)
        r = add_type(body, type);
    if (r == 0)
        r = add_members(body, contents[0], countries_name, 1);
    if (r == 0 && !bulk)
        r = add_members(body, contents[0], custom_name, 1);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(body);
    return 0;
}

/* The words of @value, a string or an object with "message"; after a "; " if there are others
 * before. */
static void add_words(struct text_line *line, struct json_object *value, const char *const *secrets)
{
    struct json_object *message = json_get(value, "message");
    struct json_object *words = message != NULL ? message : value;

    if (!json_object_is_type(words, json_type_string) || json_object_get_string_len(words) == 0)
        return;
    text_line_add(line, line->size > 0 ? "; " : "");
    text_line_add_foreign(line, json_object_get_string(words),
                          (size_t)json_object_get_string_len(words), TEXT_LINE_MAX, secrets);
}

/* Pronto's words in an error body: "error", else "message", else all of "errors". Leaves @line
 * empty when there are none. */
static void error_words(struct json_object *body, const char *const *secrets,
                        struct text_line *line)
{
    struct json_object *errors = json_get(body, "errors");

    add_words(line, json_get(body, "error"), secrets);
    if (line->size == 0)
        add_words(line, json_get(body, "message"), secrets);
    if (line->size > 0)
        return;
    if (!json_object_is_type(errors, json_type_array)) {
        add_words(line, errors, secrets);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(errors) && !line->cut; i++)
        add_words(line, json_object_array_get_idx(errors, i), secrets);
}

static bool speaks_of_credits(const char *words)
{
    static const char *const signs[] = {"enrichment credits", "insufficient credits",
                                        "import limits", "plan limit"};

    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (strcasestr(words, signs[i]) != NULL)
            return true;
    return false;
}

static enum submission_outcome outcome_of(int status, const char *words)
{
    if (status >= 200 && status <= 299)
        return SUBMISSION_MAYBE;
    if (status < 400 || status > 499)
        return SUBMISSION_AGAIN;
    switch (status) {
    case 401:
    case 403:
        return SUBMISSION_AUTH;
    case 402:
        return SUBMISSION_CREDITS;
    case 408:
    case 425:
    case 429:
        return SUBMISSION_AGAIN;
    case 422:
        return speaks_of_credits(words) ? SUBMISSION_CREDITS : SUBMISSION_REFUSED;
    default:
        return SUBMISSION_REFUSED;
    }
}

static int accept(const char *enrichment_id, struct submission_verdict *ret)
{
    char *copy = strdup(enrichment_id);

    if (copy == NULL)
        return -ENOMEM;
    *ret = (struct submission_verdict){
        .outcome = SUBMISSION_ACCEPTED, .enrichment_id = copy, .retry_after_ms = -1};
    return 0;
}

static int give(enum submission_outcome outcome, const struct text_line *line,
                int64_t retry_after_ms, struct submission_verdict *ret)
{
    char *copy = strdup(line->text);

    if (copy == NULL)
        return -ENOMEM;
    *ret = (struct submission_verdict){
        .outcome = outcome, .error = copy, .retry_after_ms = retry_after_ms};
    return 0;
}

static int judge_answered(const struct call_answer *answer, const char *const *secrets,
                          struct submission_verdict *ret)
{
    cleanup_json struct json_object *body = NULL;
    struct text_line line = {.limit = ERROR_TEXT_MAX};
    bool yes = answer->status >= 200 && answer->status <= 299;
    enum submission_outcome outcome;
    int r =
        json_parse_strict(answer->body != NULL ? answer->body : "", answer->body_size, true, &body);

    if (r < 0)
        return r;
    if (yes && reading_identifier(body) != NULL)
        return accept(reading_identifier(body), ret);
    error_words(body, secrets, &line);
    outcome = outcome_of(answer->status, line.text);
    if (line.size == 0)
        text_line_addf(&line, "HTTP %d%s", answer->status, yes ? " without an enrichment_id" : "");
    return give(outcome, &line, answer->retry_after_ms, ret);
}

int submission_judge(const struct call_answer *answer, const char *const *secrets,
                     struct submission_verdict *ret)
{
    struct text_line line = {.limit = ERROR_TEXT_MAX};
    const char *why = answer->error;

    if (answer->fate == CALL_ANSWERED)
        return judge_answered(answer, secrets, ret);
    if (answer->fate == CALL_NO_KEY) {
        text_line_add(&line, "there is no API key: set api_key_file in [pronto], or give the "
                             "credential pronto-api-key");
        return give(SUBMISSION_AUTH, &line, -1, ret);
    }
    if (why == NULL || *why == '\0')
        why = answer->fate == CALL_NOT_SENT ? "Pronto could not be reached"
                                            : "Pronto's answer did not arrive";
    text_line_add_foreign(&line, why, strlen(why), TEXT_LINE_MAX, secrets);
    return give(answer->fate == CALL_NOT_SENT ? SUBMISSION_AGAIN : SUBMISSION_MAYBE, &line, -1,
                ret);
}

void submission_verdict_done(struct submission_verdict *verdict)
{
    free(verdict->enrichment_id);
    free(verdict->error);
    *verdict = (struct submission_verdict){0};
}
