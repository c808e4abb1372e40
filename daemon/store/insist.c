#include "store/insist.h"

#include "common/timestamp.h"

#include <errno.h>
#include <stdlib.h>

/* Long enough not to spin on a full disk, short enough that nobody waits for it when the disk is
 * back. */
#define INSIST_AGAIN_US (500 * 1000ULL)

struct insist {
    struct store *store;
    sd_event_source *timer;
    struct store_command *first;
};

static void insist_keep(struct insist *insist, struct store_command *command)
{
    command->next = insist->first;
    insist->first = command;
    sd_event_source_set_time_relative(insist->timer, INSIST_AGAIN_US);
    sd_event_source_set_enabled(insist->timer, SD_EVENT_ONESHOT);
}

static int insist_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct insist *insist = userdata;
    struct store_command *command = insist->first;

    (void)source;
    (void)usec;
    insist->first = NULL;
    while (command) {
        struct store_command *next = command->next;

        insist_post(insist, command);
        command = next;
    }
    return 0;
}

int insist_new(sd_event *loop, struct store *store, struct insist **ret)
{
    struct insist *insist = calloc(1, sizeof(*insist));
    int r;

    if (!insist)
        return -ENOMEM;
    insist->store = store;
    r = sd_event_add_time_relative(loop, &insist->timer, CLOCK_BOOTTIME, UINT64_MAX / 2, 0,
                                   insist_on_timer, insist);
    if (r < 0) {
        free(insist);
        return r;
    }
    sd_event_source_set_enabled(insist->timer, SD_EVENT_OFF);
    *ret = insist;
    return 0;
}

void insist_post(struct insist *insist, struct store_command *command)
{
    command->next = NULL;
    if (store_post(insist->store, command) != STORE_OK)
        insist_keep(insist, command);
}

bool insist_again(struct insist *insist, struct store_command *command)
{
    if (command->result != STORE_E_UNAVAILABLE && command->result != STORE_E_FULL)
        return false;
    insist_keep(insist, command);
    return true;
}

void insist_free(struct insist *insist, void (*drop)(struct store_command *command))
{
    if (!insist)
        return;
    while (insist->first) {
        struct store_command *command = insist->first;

        insist->first = command->next;
        if (drop)
            drop(command);
    }
    sd_event_source_unref(insist->timer);
    free(insist);
}
