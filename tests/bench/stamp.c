/* A hook that says when it began: one line "ENRICHMENT-ID NANOSECONDS" on standard output, or to the fifo that is its argument. */
#include "clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int64_t began = clock_ns();
    const char *id = getenv("PRONTO_ENRICHMENT_ID");
    int fd = argc > 1 ? open(argv[1], O_WRONLY | O_CLOEXEC) : STDOUT_FILENO;

    return id && fd >= 0 && dprintf(fd, "%s %" PRId64 "\n", id, began) > 0 ? 0 : 1;
}
