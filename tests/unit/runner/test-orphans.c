#include "runner/orphans.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t leader, member, asked_for;

static enum kin kin_of(pid_t pid, void *userdata)
{
    (void)userdata;
    asked_for = pid;
    return pid == leader ? KIN_LEADER : pid == member ? KIN_MEMBER : KIN_STRANGER;
}

static void set_up(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    cr_assert_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
}

TestSuite(orphans, .init = set_up);

static pid_t start_waiting(void)
{
    pid_t pid = fork();

    cr_assert_geq(pid, 0);
    while (pid == 0)
        pause();
    return pid;
}

static bool is_child(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == 0;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

Test(orphans, only_strangers_are_killed)
{
    leader = start_waiting();
    member = start_waiting();
    pid_t strangers[20];

    for (size_t i = 0; i < 20; i++)
        strangers[i] = start_waiting();
    cr_expect(orphans_sweep(kin_of, NULL));
    for (size_t i = 0; i < 20; i++)
        cr_expect_eq(waitpid(strangers[i], NULL, WNOHANG), -1);
    cr_expect(is_child(leader));
    cr_expect(is_child(member));
    end(leader);
    end(member);
}

Test(orphans, nobody_there)
{
    cr_expect(orphans_sweep(kin_of, NULL));
    orphans_reap(kin_of, NULL);
    cr_expect_eq(asked_for, 0);
}

/* Each is found when the one that started it has ended. */
Test(orphans, generations)
{
    int ready[2];
    char byte;

    cr_assert_eq(pipe(ready), 0);
    if (fork() == 0) {
        for (int depth = 0; depth < 30; depth++)
            if (fork() > 0)
                for (;;)
                    pause();
        if (write(ready[1], "x", 1) == 1)
            for (;;)
                pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_expect(orphans_sweep(kin_of, NULL));
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_expect_eq(errno, ECHILD);
}

static void wait_for_zombie(pid_t pid)
{
    siginfo_t info;

    kill(pid, SIGKILL);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

Test(orphans, reaping_leaves_the_living_and_leaders)
{
    pid_t stranger = start_waiting(), dead = start_waiting();
    int status = 0;

    leader = start_waiting();
    member = start_waiting();
    wait_for_zombie(dead);
    wait_for_zombie(leader);
    wait_for_zombie(member);
    orphans_reap(kin_of, NULL);
    cr_expect_eq(waitpid(dead, NULL, WNOHANG), -1);
    cr_expect_eq(waitpid(member, NULL, WNOHANG), -1);
    cr_expect_eq(waitpid(leader, NULL, WNOHANG), leader);
    kill(stranger, SIGTERM);
    cr_expect_eq(waitpid(stranger, &status, 0), stranger);
    cr_expect_eq(WTERMSIG(status), SIGTERM, "nobody killed it before");
}
