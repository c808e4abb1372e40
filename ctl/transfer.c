#include "ctl/transfer.h"

#include "common/problem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES_MAX                                                                           \
    (64UL * 1024 * 1024) /* a page of 1000 requests with large custom payloads */

static size_t on_data(char *data, size_t one, size_t size, void *userdata)
{
    struct transfer *transfer = userdata;
    char *grown;

    (void)one;
    if (transfer->size + size > ANSWER_BYTES_MAX)
        return 0;
    grown = realloc(transfer->text, transfer->size + size + 1);
    if (!grown)
        return 0;
    transfer->text = grown;
    memcpy(grown + transfer->size, data, size);
    transfer->size += size;
    grown[transfer->size] = '\0';
    return size;
}

static struct curl_slist *make_headers(bool body, const char *idempotency_key)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    cleanup_free char *line = NULL;

    if (body)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (idempotency_key && asprintf(&line, "Idempotency-Key: %s", idempotency_key) >= 0)
        list = curl_slist_append(list, line);
    return list;
}

int transfer_prepare(struct transfer *transfer, const char *method, const char *path,
                     const char *body, size_t body_size, const char *idempotency_key)
{
    CURL *curl = transfer->curl;
    cleanup_free char *url = NULL;

    if (asprintf(&url, "http://prontod%s", path) < 0) {
        url = NULL;
        return -ENOMEM;
    }
    transfer->headers = make_headers(body != NULL, idempotency_key);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, transfer->socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    return 0;
}

/* Says in words why nothing answered. */
static void explain(const struct transfer *transfer, CURLcode code, struct answer *ret)
{
    if (code == CURLE_COULDNT_CONNECT)
        snprintf(ret->detail, sizeof(ret->detail),
                 "cannot reach prontod at %s: is it running (systemctl status prontod)? Another "
                 "socket is named with --socket",
                 transfer->socket);
    else
        snprintf(ret->detail, sizeof(ret->detail), "prontod at %s did not answer: %s",
                 transfer->socket, curl_easy_strerror(code));
}

static void find_detail(struct answer *answer)
{
    const char *detail = json_get_string(answer->json, "detail");

    if (!detail)
        detail = json_get_string(answer->json, "title");
    snprintf(answer->detail, sizeof(answer->detail), "%s",
             detail ? detail : problem_title(answer->status));
    for (char *p = answer->detail; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
}

int transfer_answer(struct transfer *transfer, CURLcode code, struct answer *ret)
{
    struct answer answer = {0};
    long status = 0;
    int r = CLIENT_OK;

    if (code != CURLE_OK) {
        explain(transfer, code, ret);
        return CLIENT_E_UNREACHABLE;
    }
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    answer.status = (int)status;
    if (transfer->size > 0 || answer.status == 200) {
        r = json_parse_strict(transfer->text ? transfer->text : "", transfer->size, false,
                              &answer.json);
        if (r > 0) {
            snprintf(answer.detail, sizeof(answer.detail), "what answers at %s is not prontod",
                     transfer->socket);
            r = CLIENT_E_GARBAGE;
        }
    }
    if (r == CLIENT_OK && answer.status >= 300)
        find_detail(&answer);
    if (r < 0) {
        answer_done(&answer);
        return r;
    }
    *ret = answer;
    return r;
}

void transfer_done(struct transfer *transfer)
{
    curl_slist_free_all(transfer->headers);
    free(transfer->text);
    transfer->headers = NULL;
    transfer->text = NULL;
    transfer->size = 0;
}
