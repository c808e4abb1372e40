/* Frames over one stream socket, on an sd-event loop. A frame is a JSON object, the head, and a
 * payload of bytes; on the wire three 32-bit big-endian numbers (magic, size of head, size of
 * payload) and then both. Knows nothing of what they mean. One thread.
 *
 * A peer that breaks the framing, sends a frame over LIMIT_FRAME_BYTES, or closes, ends the link:
 * on_down is called once, nothing after it. */
#pragma once

#include "common/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct link;

struct link_handlers {
    /* @head and @payload are borrowed for the call. */
    void (*on_frame)(struct json_object *head, const char *payload, size_t size, void *userdata);
    /* @error: 0 for an orderly end of the peer, else a negative errno. The link may be freed in
     * here. */
    void (*on_down)(int error, void *userdata);
};

/* Takes @fd over (also on failure). Returns 0 or a negative errno. */
int link_new(sd_event *loop, int fd, const struct link_handlers *handlers, void *userdata,
             struct link **ret);
void link_free(struct link *link);

/* Serves it before all else that is ready in the loop: for an end whose frames somebody waits for.
 * The peer must not be able to send without end, or nobody else gets a turn. Returns 0 or a negative
 * errno. */
int link_go_first(struct link *link);

/* Queues a frame; what the socket does not take now is kept and sent as it drains. @head borrowed,
 * @payload copied. Returns 0, -ENOMEM, -EMSGSIZE, or -ENOTCONN when the link is down. */
int link_send(struct link *link, struct json_object *head, const void *payload, size_t size);

/* Bytes that wait to be sent. */
size_t link_pending(const struct link *link);
