/* What decides between "not sent" and "maybe sent" is CURLOPT_PREREQFUNCTION: curl calls it when
 * the connection stands, TLS and its certificate included, and nothing of the request has left. A
 * connection serves one call, and a call has one connection: on one that is used again curl sends a
 * request a second time when the first try died, and a second submission spends credits. */
#include "egress/call.h"

#include "common/cleanup.h"
#include "common/crypto.h"
#include "common/timestamp.h"
#include "egress/api_key.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define CONNECT_TIMEOUT_MS 15000
#define RETRY_AFTER_MAX_MS ((int64_t)24 * 60 * 60 * 1000)
#define LIMIT_CONTACT      256

struct call {
    int64_t id;
    CURL *easy;
    struct curl_slist *headers;
    char *key;
    bool sending, too_large;
    char *answer, *masked;
    size_t answer_size, answer_room, header_size;
};

static const struct {
    const char *path;
    bool post;
} table[] = {
    [EGRESS_SINGLE_ENRICH] = {"/contacts/single_enrich", true},
    [EGRESS_BULK_ENRICH] = {"/contacts/bulk_enrich", true},
    [EGRESS_CONTACT] = {"/contacts/", false},
    [EGRESS_CREDITS] = {"/credits", false},
    [EGRESS_ACCOUNT] = {"/account", false},
};

void call_free(struct call *call)
{
    if (!call)
        return;
    if (call->easy)
        curl_easy_cleanup(call->easy);
    for (struct curl_slist *line = call->headers; line; line = line->next)
        secret_wipe(line->data, strlen(line->data));
    curl_slist_free_all(call->headers);
    if (call->key)
        secret_wipe(call->key, strlen(call->key));
    free(call->key);
    free(call->answer);
    free(call->masked);
    free(call);
}

int64_t call_id(const struct call *call)
{
    return call->id;
}

CURL *call_handle(const struct call *call)
{
    return call->easy;
}

static int on_connected(void *userdata, char *remote, char *local, int remote_port, int local_port)
{
    struct call *call = userdata;

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    if (call->sending)
        return CURL_PREREQFUNC_ABORT;
    call->sending = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
    struct call *call = userdata;

    (void)data;
    call->header_size += size * n;
    call->too_large = call->too_large || call->header_size > LIMIT_ANSWER_HEADER;
    return call->too_large ? 0 : size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
    struct call *call = userdata;
    size_t more = size * n, room = call->answer_room ? call->answer_room : 16384;
    char *bigger;

    if (more > LIMIT_ANSWER_BYTES - call->answer_size) {
        call->too_large = true;
        return 0;
    }
    while (room < call->answer_size + more)
        room *= 2;
    if (room > call->answer_room) {
        bigger = realloc(call->answer, room);
        if (!bigger)
            return 0;
        call->answer = bigger;
        call->answer_room = room;
    }
    memcpy(call->answer + call->answer_size, data, more);
    call->answer_size += more;
    return more;
}

static int make_url(struct call *call, const char *base, const struct egress_job *job, char **ret)
{
    char *escaped = NULL;
    int n;

    if (job->call == EGRESS_CONTACT) {
        /* Dots are not escaped, and a server takes these two for a way up. */
        if (strcmp(job->contact, ".") == 0 || strcmp(job->contact, "..") == 0 ||
            strlen(job->contact) > LIMIT_CONTACT)
            return -EINVAL;
        escaped = curl_easy_escape(call->easy, job->contact, 0);
        if (!escaped)
            return -ENOMEM;
    }
    n = asprintf(ret, "%s%s%s", base, table[job->call].path, escaped ? escaped : "");
    curl_free(escaped);
    return n < 0 ? -ENOMEM : 0;
}

static int add_header(struct call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);

    if (!longer)
        return -ENOMEM;
    call->headers = longer;
    return 0;
}

static int add_headers(struct call *call, bool post)
{
    char line[sizeof("X-API-KEY: ") + LIMIT_API_KEY];
    int r;

    snprintf(line, sizeof(line), "X-API-KEY: %s", call->key);
    r = add_header(call, line);
    secret_wipe(line, sizeof(line));
    if (r == 0)
        r = add_header(call, "Accept: application/json");
    if (r == 0 && post)
        r = add_header(call, "Content-Type: application/json");
    if (r == 0)
        r = add_header(call, "Expect:"); /* would only wait for a permission */
    return r;
}

/* No proxy stands between this machine and itself, whatever the environment says. */
static bool is_loopback(const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    struct in_addr v4;
    bool loopback = false;

    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        loopback = strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
                   (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
    curl_free(host);
    curl_url_cleanup(parts);
    return loopback;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (c == CURLE_OK)                                                                         \
            c = curl_easy_setopt(easy, option, value);                                             \
    } while (0)

static CURLcode set_policy(CURL *easy, const char *url, int64_t timeout_ms)
{
    long timeout = (long)timeout_ms;
    bool plain = strncasecmp(url, "http://", 7) == 0; /* the configuration allows it to loopback */
    CURLcode c = CURLE_OK;

    SET(CURLOPT_URL, url);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* curl would hand X-API-KEY to the next host */
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, timeout);
    SET(CURLOPT_CONNECTTIMEOUT_MS, timeout < CONNECT_TIMEOUT_MS ? timeout : CONNECT_TIMEOUT_MS);
    SET(CURLOPT_USERAGENT, "prontod/" PRONTOD_VERSION);
    if (is_loopback(url))
        SET(CURLOPT_NOPROXY, "*");
    return c;
}

static CURLcode set_transfer(struct call *call, bool post, const char *payload, size_t size)
{
    CURL *easy = call->easy;
    CURLcode c = CURLE_OK;

    SET(CURLOPT_PRIVATE, call);
    SET(CURLOPT_HTTPHEADER, call->headers);
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, call);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, call);
    if (post) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
        SET(CURLOPT_COPYPOSTFIELDS, size > 0 ? payload : "");
    }
    return c;
}

#undef SET

int call_new(const struct egress_job *job, const char *payload, size_t size,
             const struct call_settings *settings, struct call **ret)
{
    cleanup_free char *url = NULL;
    struct call *call = calloc(1, sizeof(*call));
    bool post = table[job->call].post;
    int r = -ENOMEM;

    if (!call)
        return -ENOMEM;
    call->id = job->id;
    call->easy = curl_easy_init();
    call->key = strdup(settings->api_key);
    if (call->easy && call->key)
        r = make_url(call, settings->api_url, job, &url);
    if (r == 0)
        r = add_headers(call, post);
    if (r == 0 && (set_policy(call->easy, url, settings->timeout_ms) != CURLE_OK ||
                   set_transfer(call, post, payload, size) != CURLE_OK))
        r = -ENOMEM;
    if (r < 0) {
        call_free(call);
        return r;
    }
    *ret = call;
    return 0;
}

static int64_t retry_after(CURL *easy, int64_t now)
{
    struct curl_header *header;
    int64_t wait;

    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        time_parse_retry_after(header->value, now, RETRY_AFTER_MAX_MS, &wait) < 0)
        return -1;
    return wait;
}

/* Nobody asked for a compressed answer, and in one the key could not be found. */
static bool is_encoded(CURL *easy)
{
    struct curl_header *header;

    return curl_easy_header(easy, "Content-Encoding", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
           strcasecmp(header->value, "identity") != 0;
}

/* What is wrong with the certificate, in our own words: curl's error buffer may quote the peer. The numbers are those of X.509
 * verification in OpenSSL (X509_STORE_CTX_get_error(3)). */
static const char *certificate_fault(CURL *easy)
{
    static const struct {
        long code;
        const char *text;
    } faults[] = {
        {1, "Pronto's certificate is for another host: look at api_url"}, /* said by curl itself */
        {9, "Pronto's certificate is not valid yet: look at this machine's clock"},
        {10, "Pronto's certificate has expired"},
        {18,
         "Pronto's certificate is self-signed: api_url, or a proxy in between, is not Pronto's"},
        {19, "Pronto's certificate is signed by an authority that this machine does not know"},
        {20,
         "Pronto's certificate is signed by an authority that this machine does not know: is the "
         "package ca-certificates installed?"},
        {21, "Pronto's certificate cannot be verified: a certificate of its authority is missing"},
    };
    long code = 0;

    if (curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &code) == CURLE_OK)
        for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
            if (faults[i].code == code)
                return faults[i].text;
    return "Pronto's certificate is not valid for api_url";
}

int call_finish(struct call *call, CURLcode result, int64_t now, struct call_answer *ret)
{
    struct call_answer answer = {.fate = call->sending ? CALL_MAYBE_SENT : CALL_NOT_SENT,
                                 .retry_after_ms = -1};
    long status = 0;
    int r;

    if (call->too_large) {
        answer.error = "answer too large";
    } else if (result == CURLE_PEER_FAILED_VERIFICATION) {
        answer.error = certificate_fault(call->easy);
    } else if (result != CURLE_OK) {
        answer.error =
            curl_easy_strerror(result); /* never the error buffer: it may quote the peer */
    } else if (curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
               status < 100 || status > 999) {
        answer.error = "answer without a status";
    } else if (is_encoded(call->easy)) {
        answer.error = "answer in an encoding that was not asked for";
    } else {
        r = api_key_mask(call->key, call->answer ? call->answer : "", call->answer_size,
                         &call->masked, &answer.body_size);
        if (r < 0)
            return r;
        answer.body = call->masked;
        answer.fate = CALL_ANSWERED;
        answer.status = (int)status;
        answer.retry_after_ms = retry_after(call->easy, now);
    }
    *ret = answer;
    return 0;
}
