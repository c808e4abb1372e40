/* In the manner of posix_spawn(3): the new process borrows our memory until execve(2)
 * (CLONE_VM | CLONE_VFORK), so that a start costs the same however much memory we have, and between
 * the two it sets what posix_spawn(3) cannot set. The other way is a small program that is executed
 * first, sets it and executes the hook: one more execve(2) for each run, one more file to install,
 * and orders that must be passed to it; prlimit(2) on a program that runs already would be too late.
 * A process that takes another user or is born in a control group gets memory of its own: no process
 * of another user may share ours, and clone3(2) without a new stack works only so. Where a system call
 * filter refuses clone3(2) (that of RestrictNamespaces= does, since it cannot read its arguments), it
 * moves into its control group itself.
 *
 * Why it failed comes through a pipe that execve(2) closes, so that nobody has to guess from an exit
 * status of 126 or 127, which a hook may have as its own.
 *
 * Until execve(2) the child makes system calls and nothing else: the C library's setresuid(2) speaks
 * to other threads, and sanitizers keep books about a stack that is not theirs. */
#include "runner/launch.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STACK_SIZE   ((size_t)64 * 1024)
#define SIGNALS      64
#define SIGNAL_BYTES ((size_t)(SIGNALS / 8)) /* of the kernel's sigset_t */

/* Another user may send SIGSTOP to the new process in the moment before execve(2). */
#define START_MS 5000

#ifdef __clang__
#define RAW __attribute__((no_sanitize("address", "undefined"), noinline))
#else
#define RAW __attribute__((no_sanitize_address, no_sanitize_undefined, noinline))
#endif

struct report {
    int step, error;
};

struct order {
    const struct launch *launch;
    int report_fd;
    bool joins; /* moves into its control group itself */
};

/* struct sigaction of the kernel, large enough for all; zeros are SIG_DFL. */
struct kernel_sigaction {
    unsigned long words[4];
};

RAW static _Noreturn void give_up(int report_fd, enum launch_step step, int error)
{
    struct report report = {.step = (int)step, .error = error};

    syscall(SYS_write, report_fd, &report, sizeof(report));
    for (;;)
        syscall(SYS_exit_group, 127);
}

RAW static void reset_signals(void)
{
    const struct kernel_sigaction usual = {{0}};
    const unsigned long none[2] = {0};

    for (int number = 1; number <= SIGNALS; number++)
        syscall(SYS_rt_sigaction, number, &usual, NULL, SIGNAL_BYTES);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, SIGNAL_BYTES);
}

/* Out of the way of 0, 1 and 2. */
RAW static int moved(int fd)
{
    return fd > STDERR_FILENO ? fd
                              : (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

RAW static bool set_files(const struct launch *launch)
{
    int in = moved(launch->in), out = moved(launch->out), err = moved(launch->err);

    return in >= 0 && out >= 0 && err >= 0 && syscall(SYS_dup3, in, STDIN_FILENO, 0) >= 0 &&
           syscall(SYS_dup3, out, STDOUT_FILENO, 0) >= 0 &&
           syscall(SYS_dup3, err, STDERR_FILENO, 0) >= 0 &&
           syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) >= 0;
}

RAW static bool set_limits(const struct launch *launch)
{
    for (size_t i = 0; i < launch->n_limits; i++) {
        const struct launch_limit *limit = &launch->limits[i];
        const struct rlimit64 values = {.rlim_cur = limit->soft, .rlim_max = limit->hard};

        if (syscall(SYS_prlimit64, 0, limit->resource, &values, NULL) < 0)
            return false;
    }
    return true;
}

RAW static bool become(const struct identity *who)
{
    syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_setgroups, (size_t)who->n_groups, who->groups) >= 0 &&
           syscall(SYS_setresgid, who->gid, who->gid, who->gid) >= 0 &&
           syscall(SYS_setresuid, who->uid, who->uid, who->uid) >= 0;
}

RAW static bool join_group(int cgroup_fd)
{
    int fd = (int)syscall(SYS_openat, cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);

    return fd >= 0 && syscall(SYS_write, fd, "0", 1) == 1;
}

RAW static int run_child(void *userdata)
{
    const struct order *order = userdata;
    const struct launch *launch = order->launch;
    int report_fd = moved(order->report_fd);

    syscall(SYS_setsid);
    reset_signals();
    if (order->joins && !join_group(launch->cgroup_fd))
        give_up(report_fd, LAUNCH_PROCESS, errno);
    if (!set_files(launch))
        give_up(report_fd, LAUNCH_FILES, errno);
    if (!set_limits(launch))
        give_up(report_fd, LAUNCH_LIMITS, errno);
    if (launch->identity && !become(launch->identity))
        give_up(report_fd, LAUNCH_USER, errno);
    if (syscall(SYS_chdir, launch->directory) < 0)
        give_up(report_fd, LAUNCH_DIRECTORY, errno);
    syscall(SYS_execve, launch->argv[0], launch->argv, launch->env);
    give_up(report_fd, LAUNCH_PROGRAM, errno);
}

/* As fork(2), without what the C library does at one. @ret_joins: the child has yet to join its
 * control group. */
RAW static pid_t clone_apart(int cgroup_fd, bool *ret_joins)
{
    struct clone_args args = {
        .flags = cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0,
        .exit_signal = SIGCHLD,
        .cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

    *ret_joins = false;
    if (pid >= 0 || errno != ENOSYS)
        return pid;
    *ret_joins = cgroup_fd >= 0;
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static pid_t start_apart(struct order *order)
{
    pid_t pid = clone_apart(order->launch->cgroup_fd, &order->joins);

    if (pid == 0)
        run_child(order);
    return pid;
}

static pid_t start_sharing(struct order *order)
{
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    pid_t pid;
    int error;

    if (stack == MAP_FAILED)
        return -1;
    pid = clone(run_child, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, order);
    error = errno;
    munmap(stack, STACK_SIZE);
    errno = error;
    return pid;
}

static void kill_and_reap(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* Waits for the end of the pipe, which is the start of the program, or for a report. */
static void read_report(int fd, struct report *ret)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int n = poll(&ready, 1, START_MS);
    ssize_t size = n > 0 ? read(fd, ret, sizeof(*ret)) : 0;

    if (n <= 0)
        *ret = (struct report){.step = LAUNCH_PROGRAM, .error = ETIMEDOUT};
    else if (size != sizeof(*ret))
        *ret = (struct report){0};
}

static int start(const struct launch *launch, int report_fds[2], pid_t *ret)
{
    struct order order = {.launch = launch, .report_fd = report_fds[1]};
    sigset_t all, before;
    int error;

    sigfillset(&all); /* no handler of ours may run in the child */
    sigprocmask(SIG_SETMASK, &all, &before);
    *ret = launch->identity || launch->cgroup_fd >= 0 ? start_apart(&order) : start_sharing(&order);
    error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return *ret < 0 ? error : 0;
}

int launch_program(const struct launch *launch, pid_t *ret, enum launch_step *ret_step)
{
    cleanup_close int report = -1, theirs = -1;
    struct report why = {0};
    int fds[2], r;

    *ret_step = LAUNCH_PROCESS;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return errno;
    report = fds[0];
    theirs = fds[1];
    r = start(launch, fds, ret);
    if (r != 0)
        return r;
    close(TAKE_FD(theirs));
    read_report(report, &why);
    if (why.error == 0)
        return 0;
    kill_and_reap(*ret);
    *ret_step = (enum launch_step)why.step;
    return why.error;
}

RAW static _Noreturn void end_child(int status)
{
    for (;;)
        syscall(SYS_exit_group, status);
}

int launch_probe(int cgroup_fd)
{
    bool joins;
    pid_t pid = clone_apart(cgroup_fd, &joins);
    int status = 0;

    if (pid < 0)
        return errno;
    if (pid == 0)
        end_child(joins && !join_group(cgroup_fd) ? EXIT_FAILURE : EXIT_SUCCESS);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? 0 : EPERM;
}
