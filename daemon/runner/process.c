/* The leader is a zombie while its end is handled, so its number still names its group and nobody
 * else's. What it used is asked of waitid(2) with its fifth argument, which the C library does not
 * have, and so that it stays a zombie. */
#include "runner/process_internal.h"

#include "common/cleanup.h"
#include "common/timestamp.h"
#include "runner/environment.h"
#include "runner/identity.h"
#include "runner/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The loop would round a wait up to a quarter of a second. */
#define TIMER_ACCURACY_US 1000

/* Processor time from SIGXCPU to SIGKILL. */
#define CPU_GRACE_S 5

/* A shell ends so when what it ran was killed by a signal: with this and its number. */
#define SHELL_SIGNAL 128

static void signal_group(const struct process *process, int number)
{
    kill(-process->pid, number);
}

void process_kill(struct process *process)
{
    if (process->over)
        return;
    signal_group(process, SIGKILL);
    if (process->cgroup[0])
        cgroup_kill(process->owner->cgroups, process->cgroup);
}

void process_terminate(struct process *process)
{
    if (process->over || process->terminating)
        return;
    process->terminating = true;
    signal_group(process, SIGTERM);
    signal_group(process, SIGCONT); /* one that stopped itself cannot hear the other */
    sd_event_source_set_time_relative(process->timer, (uint64_t)process->kill_after_ms * 1000);
    sd_event_source_set_enabled(process->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    process_kill(userdata);
    return 0;
}

static int64_t milliseconds(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000 + time->tv_usec / 1000;
}

/* The peak of our own memory. */
static int64_t own_peak(void)
{
    cleanup_file FILE *file = fopen("/proc/self/status", "re");
    static const char name[] = "VmHWM:";
    char line[256];

    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0)
            return strtoll(line + strlen(name), NULL, 10) * 1024;
    return INT64_MAX;
}

/* Until it executed its program, the process had our memory, and the kernel counts that as its peak:
 * a smaller one cannot be known. Ours does not fall, so for small programs, which may be many, what
 * it was the last time is enough. */
static int64_t peak(const struct rusage *usage)
{
    static int64_t last;
    int64_t bytes = (int64_t)usage->ru_maxrss * 1024, now;

    if (bytes <= last)
        return -1;
    now = own_peak();
    if (now < INT64_MAX)
        last = now;
    return bytes > now ? bytes : -1;
}

static bool was_short_of_cpu(const struct process *process, const struct process_end *end)
{
    return process->cpu_limit_ms > 0 &&
           (end->signal == SIGXCPU || end->exit_code == SHELL_SIGNAL + SIGXCPU ||
            (end->signal == SIGKILL && end->cpu_ms >= process->cpu_limit_ms));
}

static const char *find_limit(const struct process *process, const struct process_end *end)
{
    bool killed = end->signal == SIGKILL;

    if (was_short_of_cpu(process, end))
        return "it used up its cpu time; see cpu = in its section";
    if (killed && process->cgroup[0] &&
        cgroup_was_short_of_memory(process->owner->cgroups, process->cgroup))
        return "it needed more memory than it may have; see memory = in its section";
    /* Whom the kernel refuses memory is not told to us; programs that cannot go on end so. */
    if (process->refuses_memory &&
        (killed || end->signal == SIGABRT || end->signal == SIGSEGV || end->signal == SIGBUS))
        return "it may have needed more memory than it may have; see memory = in its section";
    return NULL;
}

static void find_end(const struct process *process, const siginfo_t *info, struct process_end *end)
{
    bool exited = info->si_code == CLD_EXITED;
    struct rusage usage = {0};
    siginfo_t same = {0};
    bool known =
        syscall(SYS_waitid, P_PID, process->pid, &same, WEXITED | WNOWAIT | WNOHANG, &usage) == 0 &&
        same.si_pid == process->pid;

    *end = (struct process_end){
        .exit_code = exited ? info->si_status : -1,
        .signal = exited ? 0 : info->si_status,
        .started_at = process->started_at,
        .duration_ms = time_boot_ms() - process->started_boot_ms,
        .cpu_ms = known ? milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime) : -1,
        .memory_bytes = -1,
    };
    if (process->cgroup[0])
        end->memory_bytes = cgroup_memory_peak(process->owner->cgroups, process->cgroup);
    if (end->memory_bytes < 0 && known)
        end->memory_bytes = peak(&usage);
    end->limit = find_limit(process, end);
}

void process_end_describe(const struct process_end *end, char *ret, size_t size)
{
    if (end->limit)
        snprintf(ret, size, "the process ended before it answered: %s", end->limit);
    else if (end->signal)
        snprintf(ret, size, "the process was killed by signal %d (SIG%s) before it answered",
                 end->signal, sigabbrev_np(end->signal) ? sigabbrev_np(end->signal) : "?");
    else
        snprintf(ret, size, "the process ended with exit status %d before it answered",
                 end->exit_code);
}

static int on_leader_end(sd_event_source *source, const siginfo_t *info, void *userdata)
{
    struct process *process = userdata;
    struct process_end end;

    (void)source;
    find_end(process, info, &end);
    process_kill(process);
    process->over = true;
    sd_event_source_set_enabled(process->timer, SD_EVENT_OFF);
    /* Before its end is told: the next run must not meet what this one left behind. */
    process->owner->unswept = !processes_sweep(process->owner);
    process->ended(process, &end, process->userdata);
    return 0;
}

static int watch(struct process *process)
{
    sd_event *loop = process->owner->loop;
    int r = sd_event_add_time_relative(loop, &process->timer, CLOCK_BOOTTIME, UINT64_MAX / 2,
                                       TIMER_ACCURACY_US, on_timer, process);

    if (r >= 0)
        r = sd_event_source_set_enabled(process->timer, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_child(loop, &process->exit_source, process->pid, WEXITED, on_leader_end,
                               process);
    return r;
}

/* Never more than we have ourselves. */
static void add_limit(struct launch *launch, int resource, int64_t soft, int64_t hard)
{
    struct rlimit ours;

    if (getrlimit(resource, &ours) < 0)
        return;
    launch->limits[launch->n_limits++] = (struct launch_limit){
        .resource = resource,
        .soft = (rlim_t)soft < ours.rlim_max ? (rlim_t)soft : ours.rlim_max,
        .hard = (rlim_t)hard < ours.rlim_max ? (rlim_t)hard : ours.rlim_max,
    };
}

static void add_limits(struct launch *launch, const struct hook_config *hook,
                       const struct cgroups *cgroups)
{
    int64_t cpu_s = (hook->cpu_ms + 999) / 1000;

    add_limit(launch, RLIMIT_NOFILE, hook->files, hook->files);
    if (hook->memory > 0 && !cgroups_limit_memory(cgroups))
        add_limit(launch, RLIMIT_AS, hook->memory, hook->memory);
    if (hook->processes > 0 && !cgroups_limit_processes(cgroups))
        add_limit(launch, RLIMIT_NPROC, hook->processes, hook->processes);
    if (cpu_s > 0)
        add_limit(launch, RLIMIT_CPU, cpu_s, cpu_s + CPU_GRACE_S);
}

static void explain(const struct hook_config *hook, enum launch_step step, int error,
                    char ret_error[static PROGRAM_ERROR_SIZE])
{
    const char *why = strerrordesc_np(error);

    if (step == LAUNCH_PROGRAM && error == EAGAIN)
        snprintf(ret_error, PROGRAM_ERROR_SIZE,
                 "processes: %.64s has more processes than it allows already, those of other hooks "
                 "included; raise it, or give the hook a user of its own",
                 hook->user ? hook->user : "the user of prontod-runner");
    else if (step == LAUNCH_PROGRAM)
        program_explain(hook->command[0], error, ret_error);
    else if (step == LAUNCH_DIRECTORY)
        snprintf(ret_error, PROGRAM_ERROR_SIZE, "working_directory: %.256s: %s",
                 hook->working_directory, why);
    else if (step == LAUNCH_USER)
        snprintf(
            ret_error, PROGRAM_ERROR_SIZE,
            "user: prontod-runner may not become %.64s: %s; only one that runs as root can, or "
            "leave the key empty",
            hook->user, why);
    else
        snprintf(ret_error, PROGRAM_ERROR_SIZE, "%.256s: no process can be made for it: %s",
                 hook->command[0], why);
}

static void set_mark(struct process *process, char *const *env)
{
    static const char *const names[] = {"PRONTO_DELIVERY_ID", "PRONTO_HOOK"};

    for (size_t i = 0; i < ARRAY_SIZE(names) && !process->mark[0]; i++) {
        const char *value = environment_get(env, names[i]);

        if (value)
            snprintf(process->mark, MARK_SIZE, "%s=%s", names[i], value);
    }
}

/* Of the machine, or of what prontod-runner may use: no fault of the hook. execve(2) tells of a user
 * with too many processes. */
static bool is_shortage(const struct hook_config *hook, enum launch_step step, int error)
{
    if (step == LAUNCH_PROGRAM)
        return error == EAGAIN && hook->processes == 0;
    return step == LAUNCH_PROCESS &&
           (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE);
}

static int launch_it(struct process *process, const struct process_order *order,
                     const struct identity *identity, char **env,
                     char ret_error[static PROGRAM_ERROR_SIZE])
{
    struct cgroups *cgroups = process->owner->cgroups;
    const struct hook_config *hook = order->hook;
    cleanup_close int cgroup_fd = cgroups ? cgroup_make(cgroups, hook, process->cgroup) : -1;
    enum launch_step step = LAUNCH_PROCESS;
    struct launch launch = {
        .argv = hook->command,
        .env = env,
        .in = order->in,
        .out = order->out,
        .err = order->err,
        .directory = hook->working_directory,
        .identity = identity,
        .cgroup_fd = cgroup_fd,
    };
    int r;

    add_limits(&launch, hook, cgroups);
    r = cgroups && cgroup_fd < 0 ? -cgroup_fd : launch_program(&launch, &process->pid, &step);
    if (r == 0)
        return PROCESS_OK;
    if (cgroup_fd >= 0)
        cgroups_tidy(cgroups);
    if (is_shortage(hook, step, r))
        return -r;
    explain(hook, step, r, ret_error);
    return PROCESS_E_NOT_STARTED;
}

static int launch_as(struct process *process, const struct process_order *order,
                     struct identity *identity, char ret_error[static PROGRAM_ERROR_SIZE])
{
    const struct hook_config *hook = order->hook;
    cleanup_environment char **env = NULL;
    bool other = hook->user && !identity_is_ours(identity);
    int r = hook_environment(hook, hook->user ? identity->home : NULL, order->env, &env, ret_error);

    if (r != 0)
        return r < 0 ? r : (int)PROCESS_E_NOT_STARTED;
    set_mark(process, env);
    return launch_it(process, order, other ? identity : NULL, env, ret_error);
}

static int prepare_and_launch(struct process *process, const struct process_order *order,
                              char ret_error[static PROGRAM_ERROR_SIZE])
{
    struct identity identity = {0};
    int r;

    if (program_check(order->hook->command[0], ret_error) != PROGRAM_OK)
        return PROCESS_E_NOT_STARTED;
    if (order->hook->user && identity_find(order->hook->user, &identity, ret_error) != 0)
        return PROCESS_E_NOT_STARTED;
    r = launch_as(process, order, &identity, ret_error);
    identity_clear(&identity);
    return r;
}

int process_start(struct processes *processes, const struct process_order *order,
                  process_ended_fn ended, void *userdata, struct process **ret,
                  char ret_error[static PROGRAM_ERROR_SIZE])
{
    struct process *process = calloc(1, sizeof(*process));
    int r;

    if (!process)
        return -ENOMEM;
    process->owner = processes;
    process->kill_after_ms = order->hook->kill_after_ms;
    process->cpu_limit_ms = order->hook->cpu_ms;
    process->refuses_memory = order->hook->memory > 0 && !cgroups_limit_memory(processes->cgroups);
    process->ended = ended;
    process->userdata = userdata;
    r = prepare_and_launch(process, order, ret_error);
    if (r != PROCESS_OK) {
        free(process);
        return r;
    }
    process->started_at = time_now();
    process->started_boot_ms = time_boot_ms();
    LIST_INSERT_HEAD(&processes->list, process, link);
    r = watch(process);
    if (r < 0) {
        process_free(process);
        return r;
    }
    *ret = process;
    return PROCESS_OK;
}

/* A process that was killed and cannot end would hold up everybody, but so it is only when prontod-
 * runner ends or is out of memory. */
static void kill_and_reap(struct process *process)
{
    process_kill(process);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void process_free(struct process *process)
{
    if (!process)
        return;
    sd_event_source_disable_unref(process->exit_source);
    sd_event_source_disable_unref(process->timer);
    if (!process->over)
        kill_and_reap(process);
    LIST_REMOVE(process, link);
    free(process);
}
