#include "runner/output.h"

#include <string.h>

void output_add(struct output *output, const char *data, size_t size)
{
    size_t at, first;

    output->total += size;
    if (size > LIMIT_HOOK_OUTPUT) {
        data += size - LIMIT_HOOK_OUTPUT;
        size = LIMIT_HOOK_OUTPUT;
    }
    at = (output->total - size) % LIMIT_HOOK_OUTPUT;
    first = size < LIMIT_HOOK_OUTPUT - at ? size : LIMIT_HOOK_OUTPUT - at;
    memcpy(output->ring + at, data, first);
    memcpy(output->ring, data + first, size - first);
}

size_t output_copy(const struct output *output, char ret[static LIMIT_HOOK_OUTPUT])
{
    size_t at;

    if (output->total <= LIMIT_HOOK_OUTPUT) {
        memcpy(ret, output->ring, output->total);
        return output->total;
    }
    at = output->total % LIMIT_HOOK_OUTPUT;
    memcpy(ret, output->ring + at, LIMIT_HOOK_OUTPUT - at);
    memcpy(ret + LIMIT_HOOK_OUTPUT - at, output->ring, at);
    return LIMIT_HOOK_OUTPUT;
}
