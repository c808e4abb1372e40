/* prontod's end of the link to one worker, as a thing that may be up or down: down is a normal
 * state. Two ways to be up:
 *  - adopted: a socket pair to a child that prontod started before it served. When it goes down it
 * stays down (prontod starts no program once it serves); the manager then ends prontod with a clear
 * message.
 *  - connected: the worker is a service of its own behind a UNIX socket. When it goes down it is
 * connected again with backoff (100 ms doubling to 10 s), for ever. The peer must run as root or as
 * the owner of the socket file (SO_PEERCRED). */
#pragma once

#include "link/link.h"

struct worker_link;

struct worker_link_handlers {
    void (*on_up)(void *userdata);
    void (*on_frame)(struct json_object *head, const char *payload, size_t size, void *userdata);
    void (*on_down)(const char *reason, void *userdata); /* whatever was under way is lost; reason
                                                            is static or valid for the call */
};

int worker_link_adopt(sd_event *loop, int fd, const struct worker_link_handlers *handlers,
                      void *userdata, struct worker_link **ret);
int worker_link_connect(sd_event *loop, const char *path,
                        const struct worker_link_handlers *handlers, void *userdata,
                        struct worker_link **ret);
void worker_link_free(struct worker_link *link);
bool worker_link_is_up(const struct worker_link *link);
/* As link_send(). */
int worker_link_send(struct worker_link *link, struct json_object *head, const void *payload,
                     size_t size);
