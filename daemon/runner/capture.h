/* Reads what a program prints and keeps the end of it. */
#pragma once

#include "runner/output.h"

#include <systemd/sd-event.h>

struct capture {
    int fd;
    sd_event_source *source;
    struct output output;
};

/* Takes @fd over, which does not block, also on failure. @capture must stay where it is. Returns 0
 * or a negative errno. */
int capture_start(struct capture *capture, sd_event *loop, int fd);

/* Reads what is there now. */
void capture_drain(struct capture *capture);

/* Stops; what was kept stays. Also for one that was never started and is all zeros. */
void capture_stop(struct capture *capture);
