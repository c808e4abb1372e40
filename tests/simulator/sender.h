/* Sends the callbacks, by libcurl. The only user of libcurl. */
#pragma once

#include "simulator/schedule.h"

#include <stdint.h>

struct sim;
struct sender;

/* Returns 0 or -ENOMEM. */
int sender_new(struct sim *sim, struct sender **ret);
void sender_free(struct sender *sender);

/* Any thread, with the mutex held: takes a callback (and its next ones) over, to be sent when it is
 * due. Returns 0, or -ENOMEM: then it is still the caller's. */
int sender_add(struct sender *sender, struct callback *callback);

/* With the mutex held: everything that waits is due now. Returns how many. */
size_t sender_flush(struct sender *sender);

/* With the mutex held: how many wait for their time, and how many are being sent. */
size_t sender_waiting(const struct sender *sender);
size_t sender_active(const struct sender *sender);

/* Any thread: main's thread looks around again. */
void sender_wake(struct sender *sender);

/* Main's thread, without the mutex: starts what is due, goes on with what is under way and ends
 * what is over. */
void sender_turn(struct sender *sender);

/* Main's thread, without the mutex: waits for a transfer, for @fd to be readable, for
 * sender_wake(), or for @until (CLOCK_BOOTTIME). Returns 0 or -EIO. */
int sender_wait(struct sender *sender, int fd, int64_t until);
