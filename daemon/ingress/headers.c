/* Framing that two HTTP readers could understand differently is refused before the body is read
 * (RFC 9112, 6.1 to 6.3 and 11.2): libmicrohttpd 0.9.75 lets Content-Length beside
 * Transfer-Encoding, differing lengths and folded lines through.
 *
 * It also takes a line with an empty header name for the end of the header, so that the next lines
 * would be the body: then more than the blank line stands between the last value and where the
 * header ends.
 *
 * And it glues a folded line to the name of the header before it, not to its value, in memory of
 * its own; so a header whose value does not follow its name, with nothing but the colon and blanks
 * between, was folded. */
#include "ingress/ingress_internal.h"

#include "common/json.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define KEPT_HEADERS_MAX 16
#define KEPT_VALUE_MAX   1024

static bool is_token(const char *name, size_t size)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < size; i++) {
        char c = name[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || !strchr(others, c)))
            return false;
    }
    return size > 0;
}

static bool follows(const char *name, size_t name_size, const char *value)
{
    const char *p = name + name_size + 1;

    if (!value)
        return true;
    if (value < p || value - p > 65536)
        return false;
    for (; p < value; p++)
        if (*p != ' ' && *p != '\t')
            return false;
    return true;
}

static bool is(const char *name, size_t size, const char *other)
{
    return size == strlen(other) && strncasecmp(name, other, size) == 0;
}

static bool parse_length(const char *text, size_t size, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *ret = value;
    return size > 0;
}

struct check {
    struct header_facts *facts;
    const char *last_end; /* of the last value, in the library's read buffer */
    unsigned lengths, encodings, hosts;
};

static void check_framing(struct check *check, const char *name, size_t name_size,
                          const char *value, size_t size)
{
    struct header_facts *facts = check->facts;

    if (is(name, name_size, "Content-Length")) {
        check->lengths++;
        facts->has_length = true;
        if (!parse_length(value, size, &facts->length))
            facts->framing = FRAMING_BAD;
    } else if (is(name, name_size, "Transfer-Encoding")) {
        check->encodings++;
        if (!is(value, size, "chunked") && facts->framing == FRAMING_OK)
            facts->framing = FRAMING_NOT_IMPLEMENTED;
    } else if (is(name, name_size, "Host")) {
        check->hosts++;
    } else if (is(name, name_size, "Content-Encoding")) {
        facts->encoded = facts->encoded || (size > 0 && !is(value, size, "identity"));
    }
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_size, const char *value, size_t size)
{
    struct check *check = cls;

    (void)kind;
    check->last_end = value ? value + size : NULL;
    if (!is_token(name, name_size) || !follows(name, name_size, value))
        check->facts->framing = FRAMING_BAD;
    else
        check_framing(check, name, name_size, value ? value : "", value ? size : 0);
    return MHD_YES;
}

/* @method is where the request line begins in the read buffer. */
static bool ends_with_blank_line(struct MHD_Connection *connection, const char *method,
                                 const char *last_end)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *end = info ? method + info->header_size : NULL;

    if (!end || !last_end || last_end < method || last_end > end)
        return !last_end; /* without any header there is nothing to end wrongly */
    while (last_end < end && (*last_end == ' ' || *last_end == '\t'))
        last_end++;
    return end - last_end <= 4;
}

void headers_check(struct MHD_Connection *connection, const char *method, struct header_facts *ret)
{
    struct check check = {.facts = ret};

    *ret = (struct header_facts){0};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_header, &check);
    if (check.lengths > 1 || check.encodings > 1 || check.hosts > 1 ||
        (check.lengths > 0 && check.encodings > 0))
        ret->framing = FRAMING_BAD;
    if (!ends_with_blank_line(connection, method, check.last_end))
        ret->framing = FRAMING_BAD;
}

/* What helps an operator to tell where a callback came from; never what lets anybody in. */
static bool is_kept(const char *name, size_t size)
{
    static const char *const exact[] = {"Content-Type", "User-Agent", "Date"};
    static const char *const never[] = {"Authorization", "Proxy-Authorization", "Cookie",
                                        "Set-Cookie"};
    char lower[128];

    for (size_t i = 0; i < ARRAY_SIZE(never); i++)
        if (is(name, size, never[i]))
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
        if (is(name, size, exact[i]))
            return true;
    if (size >= sizeof(lower))
        return false;
    for (size_t i = 0; i < size; i++)
        lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    lower[size] = '\0';
    return strstr(lower, "signature") || strncmp(lower, "webhook-", 8) == 0 ||
           (size > 10 && strcmp(lower + size - 10, "-timestamp") == 0);
}

struct keep {
    struct json_object *object;
    unsigned n;
    int error;
};

static enum MHD_Result on_kept_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      size_t name_size, const char *value, size_t size)
{
    struct keep *keep = cls;
    char key[128], text[KEPT_VALUE_MAX];

    (void)kind;
    if (!value || keep->n >= KEPT_HEADERS_MAX || name_size >= sizeof(key) ||
        !is_kept(name, name_size))
        return MHD_YES;
    memcpy(key, name, name_size);
    key[name_size] = '\0';
    if (size > sizeof(text))
        size = sizeof(text);
    for (size_t i = 0; i < size; i++) /* printable ASCII: headers have no encoding */
        text[i] = value[i] >= 0x20 && value[i] < 0x7f ? value[i] : '?';
    keep->n++;
    keep->error = json_add_string_len(keep->object, key, text, size);
    return keep->error == 0 ? MHD_YES : MHD_NO;
}

int headers_keep(struct MHD_Connection *connection, char **ret)
{
    cleanup_json struct json_object *object = json_object_new_object();
    struct keep keep = {.object = object};
    size_t size;

    if (!object)
        return -ENOMEM;
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_kept_header, &keep);
    return keep.error < 0 ? keep.error : json_serialize(object, ret, &size);
}
