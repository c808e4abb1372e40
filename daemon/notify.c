#include "notify.h"

#include "common/cleanup.h"

#include <stdarg.h>
#include <systemd/sd-daemon.h>
#include <time.h>

void notify_ready(void)
{
    sd_notify(0, "READY=1");
}

void notify_status(const char *format, ...)
{
    cleanup_free char *text = NULL;
    va_list args;
    int n;

    va_start(args, format);
    n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) {
        text = NULL;
        return;
    }
    sd_notifyf(0, "STATUS=%s", text);
}

void notify_reloading(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

int64_t notify_watchdog_limit_ms(void)
{
    uint64_t usec = 0;

    return sd_watchdog_enabled(0, &usec) > 0 ? (int64_t)(usec / 1000) : 0;
}

void notify_watchdog(void)
{
    sd_notify(0, "WATCHDOG=1");
}

void notify_extend_timeout(long long ms)
{
    sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%lld", ms * 1000);
}
