/* Commands of our own schedulers whose loss would leave something running for ever on disk: how a
 * call to Pronto or a run of a hook ended. While the store cannot commit they are kept and posted
 * again. Thread of the main loop. */
#pragma once

#include "store/store.h"

#include <systemd/sd-event.h>

struct insist;

/* 0 or a negative errno. */
int insist_new(sd_event *loop, struct store *store, struct insist **ret);

/* Posts @command (where STORE_DONE_ON_LOOP) until the store took it: its done sees any result but
 * STORE_E_UNAVAILABLE and STORE_E_FULL. The command needs room for the list: its base.next is used
 * while it waits. */
void insist_post(struct insist *insist, struct store_command *command);

/* To be called first in the command's done: true when the command was taken back to be posted
 * again, and done must return at once. */
bool insist_again(struct insist *insist, struct store_command *command);

/* What still waits is given to @drop (may be NULL) and forgotten: the recovery at the next start
 * does what they would have. */
void insist_free(struct insist *insist, void (*drop)(struct store_command *command));
