/* What json_scan() accepts, json-c accepts too and understands the same; a tree comes back whole
 * from each of its texts; the canonical text is its own canonical text. */
#include "common/json.h"

#include "common/cleanup.h"
#include "common/limits.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* json-c's depth counts otherwise than ours; this is deep enough. */
#define TOKENER_DEPTH (LIMIT_JSON_DEPTH + 2)

DEFINE_CLEANUP(struct json_tokener *, json_tokener_free);
#define cleanup_tokener __attribute__((cleanup(json_tokener_free_p)))

/* The first value of the text for json-c; numbers at its end need the NUL. */
static void check_with_tokener(const char *text, size_t size, struct json_object *ours,
                               const struct json_scan_info *info)
{
    cleanup_free char *copy = strndup(text + info->start, size - info->start);
    cleanup_tokener struct json_tokener *tokener = json_tokener_new_ex(TOKENER_DEPTH);

    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    cleanup_json struct json_object *theirs =
        json_tokener_parse_ex(tokener, copy, (int)(size - info->start + 1));
    assert(json_tokener_get_error(tokener) == json_tokener_success);
    if (!info->has_long_int) /* it clamps those */
        assert(json_equal(ours, theirs, false) == 1);
}

static struct json_object *parse(const char *text, size_t size)
{
    struct json_object *tree = NULL;

    assert(json_parse_strict(text, size, false, &tree) == 0);
    return tree;
}

static void check_serialized(struct json_object *tree)
{
    cleanup_free char *text = NULL;
    size_t size = 0;

    assert(json_serialize(tree, &text, &size) == 0);
    cleanup_json struct json_object *again = parse(text, size);
    assert(json_equal(tree, again, false) == 1);
}

static void check_canonical(struct json_object *tree)
{
    cleanup_free char *text = NULL, *second = NULL;
    size_t size = 0, second_size = 0;

    assert(json_canonical(tree, &text, &size) == 0);
    cleanup_json struct json_object *again = parse(text, size);
    assert(json_canonical(again, &second, &second_size) == 0);
    assert(size == second_size && memcmp(text, second, size) == 0);
    assert(json_equal(tree, again, false) == 1);
    assert(json_equal(again, tree, true) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct json_scan_info info;
    struct json_object *untouched = NULL;

    enum json_scan scan = json_scan(text, size, LIMIT_JSON_DEPTH, false, &info);
    if (scan != JSON_SCAN_OK) {
        assert(json_parse_strict(text, size, false, &untouched) == (int)scan);
        assert(!untouched);
        return 0;
    }

    cleanup_json struct json_object *tree = parse(text, size);
    bool is_object = json_object_is_type(tree, json_type_object);
    scan = json_scan(text, size, LIMIT_JSON_DEPTH, true, NULL);
    assert(scan == (is_object ? JSON_SCAN_OK : JSON_SCAN_NOT_OBJECT));
    check_with_tokener(text, size, tree, &info);
    check_serialized(tree);
    check_canonical(tree);
    return 0;
}
