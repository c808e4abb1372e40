#include "simulator/record.h"

#include <errno.h>
#include <string.h>

#define SECOND_US 1000000

static const char *const count_names[COUNT_COUNT] = {
    [COUNT_CALLS] = "calls",
    [COUNT_SUBMISSIONS] = "submissions",
    [COUNT_CONTACTS] = "contacts",
    [COUNT_REPEATS] = "repeats",
    [COUNT_REPEAT_WHILE_WAITING] = "repeat_while_waiting",
    [COUNT_POLLS] = "polls",
    [COUNT_FINISHED] = "finished",
    [COUNT_CALLBACKS] = "callbacks",
    [COUNT_FAILED] = "failed",
    [COUNT_ATTEMPTS] = "attempts",
    [COUNT_LOST] = "lost",
};

static const char *const list_names[RECORD_LISTS] = {
    [RECORD_CALLS] = "calls",
    [RECORD_SUBMISSIONS] = "submissions",
    [RECORD_CALLBACKS] = "callbacks",
};

const char *count_name(enum count count)
{
    return count_names[count];
}

enum count count_parse(const char *name)
{
    for (unsigned i = 0; i < COUNT_COUNT; i++)
        if (strcmp(count_names[i], name) == 0)
            return (enum count)i;
    return COUNT_COUNT;
}

int record_init(struct record *ret)
{
    *ret = (struct record){.arrivals = calloc(LIMIT_RATE, sizeof(int64_t))};
    if (ret->arrivals && record_clear(ret) == 0)
        return 0;
    record_release(ret);
    return -ENOMEM;
}

void record_release(struct record *record)
{
    for (unsigned i = 0; i < RECORD_LISTS; i++)
        json_object_put(record->lists[i]);
    free(record->arrivals);
    *record = (struct record){0};
}

int record_clear(struct record *record)
{
    struct json_object *fresh[RECORD_LISTS];
    bool complete = true;

    for (unsigned i = 0; i < RECORD_LISTS; i++) {
        fresh[i] = json_object_new_array();
        complete = complete && fresh[i];
    }
    for (unsigned i = 0; i < RECORD_LISTS; i++) {
        json_object_put(complete ? record->lists[i] : fresh[i]);
        if (complete)
            record->lists[i] = fresh[i];
    }
    if (!complete)
        return -ENOMEM;
    memset(record->counts, 0, sizeof(record->counts));
    record->dropped = 0;
    record->max_concurrent = record->concurrent;
    record->max_rate = 0;
    record->n_arrivals = 0;
    return 0;
}

int record_append(struct record *record, enum record_list list, struct json_object *entry)
{
    struct json_object *array = record->lists[list];

    if (json_object_array_length(array) >= LIMIT_RECORD &&
        json_object_array_del_idx(array, 0, LIMIT_RECORD / 10) == 0)
        record->dropped += LIMIT_RECORD / 10;
    return json_append(array, entry);
}

/* Bytes of the character at the start of @text, 0 when it is none (RFC 3629, 4). */
static size_t character_size(const unsigned char *text, size_t left)
{
    size_t size = text[0] < 0x80   ? 1
                  : text[0] < 0xc2 ? 0
                  : text[0] < 0xe0 ? 2
                  : text[0] < 0xf0 ? 3
                  : text[0] < 0xf5 ? 4
                                   : 0;

    if (size > left)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if (size < 3)
        return size;
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return size;
}

int record_add_text(struct json_object *entry, const char *key, const char *text, size_t size,
                    size_t limit)
{
    size_t kept = size < limit ? size : limit;
    cleanup_free char *copy = malloc(kept + 1);

    if (!copy)
        return -ENOMEM;
    memcpy(copy, text, kept);
    for (size_t i = 0; i < kept;) {
        size_t n = character_size((const unsigned char *)copy + i, kept - i);

        if (n == 0)
            copy[i] = '?';
        i += n > 0 ? n : 1;
    }
    return json_add_string_len(entry, key, copy, kept);
}

int64_t record_call_begin(struct record *record, int64_t now_us)
{
    while (record->n_arrivals > 0 &&
           (record->arrivals[record->first_arrival] <= now_us - SECOND_US ||
            record->n_arrivals == LIMIT_RATE)) {
        record->first_arrival = (record->first_arrival + 1) % LIMIT_RATE;
        record->n_arrivals--;
    }
    record->arrivals[(record->first_arrival + record->n_arrivals++) % LIMIT_RATE] = now_us;
    if (record->n_arrivals > record->max_rate)
        record->max_rate = record->n_arrivals;
    if (++record->concurrent > record->max_concurrent)
        record->max_concurrent = record->concurrent;
    record->counts[COUNT_CALLS]++;
    return record->n_arrivals;
}

void record_call_end(struct record *record)
{
    record->concurrent--;
}

int record_to_json(const struct record *record, struct json_object *ret)
{
    struct json_object *counts = json_object_new_object();
    int r = counts ? json_add(ret, "counts", counts) : -ENOMEM;

    for (unsigned i = 0; r == 0 && i < COUNT_COUNT; i++)
        r = json_add_int64(counts, count_names[i], record->counts[i]);
    for (unsigned i = 0; r == 0 && i < RECORD_LISTS; i++)
        r = json_add(ret, list_names[i], json_object_get(record->lists[i]));
    if (r == 0)
        r = json_add_int64(ret, "dropped", record->dropped);
    if (r == 0)
        r = json_add_int64(ret, "concurrent", record->concurrent);
    if (r == 0)
        r = json_add_int64(ret, "max_concurrent", record->max_concurrent);
    if (r == 0)
        r = json_add_int64(ret, "max_rate", record->max_rate);
    return r;
}
