#include "ctl/import_unit.h"

#include <errno.h>
#include <string.h>

void unit_free(struct unit *unit)
{
    LIST_REMOVE(unit, link);
    free(unit->rows);
    free(unit->body);
    free(unit);
}

static int unit_add_text(struct unit *unit, const char *text, size_t size)
{
    if (unit->body_capacity - unit->size < size + 1) {
        size_t capacity = (unit->size + size + 1) * 2;
        char *grown = realloc(unit->body, capacity);

        if (!grown)
            return -ENOMEM;
        unit->body = grown;
        unit->body_capacity = capacity;
    }
    memcpy(unit->body + unit->size, text, size);
    unit->size += size;
    unit->body[unit->size] = '\0';
    return 0;
}

int unit_new(struct units *units, size_t capacity, bool array, struct unit **ret)
{
    struct unit *unit = calloc(1, sizeof(*unit));

    if (!unit)
        return -ENOMEM;
    LIST_INSERT_HEAD(units, unit, link);
    unit->rows = calloc(capacity, sizeof(*unit->rows));
    if (!unit->rows)
        return -ENOMEM;
    unit->capacity = capacity;
    unit->array = array;
    *ret = unit;
    return 0;
}

int unit_add(struct unit *unit, uint64_t line, const char *key, const char *text, size_t size)
{
    struct unit_row *row = &unit->rows[unit->n];
    int r = unit->array ? unit_add_text(unit, unit->n == 0 ? "[" : ",", 1) : 0;

    if (r < 0)
        return r;
    *row = (struct unit_row){.line = line, .at = unit->size, .size = size};
    memcpy(row->key, key, sizeof(row->key));
    unit->n++;
    return unit_add_text(unit, text, size);
}

bool unit_has(const struct unit *unit, const char *key)
{
    for (size_t i = 0; i < unit->n; i++)
        if (strcmp(unit->rows[i].key, key) == 0)
            return true;
    return false;
}

int unit_end(struct unit *unit)
{
    return unit->array ? unit_add_text(unit, "]", 1) : 0;
}
