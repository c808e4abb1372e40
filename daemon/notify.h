/* What the service manager is told (sd_notify(3)). The only caller of sd_notify in prontod. Without
 * a service manager these do nothing. */
#pragma once

#include <stdint.h>

void notify_ready(void);
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* RELOADING=1 with the time of now, as Type=notify-reload wants it; notify_ready() ends it. */
void notify_reloading(void);
void notify_stopping(void);
/* The watchdog's time in milliseconds; 0: there is none for us. */
int64_t notify_watchdog_limit_ms(void);
void notify_watchdog(void); /* all is well */
/* Asks for so much more time to start or to stop. */
void notify_extend_timeout(long long ms);
