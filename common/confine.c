/* A list of what is denied, not of what is allowed: the C library, sanitizers and libraries of other versions make calls that nobody
 * foresees here; and where a unit starts us, its SystemCallFilter= is such a list (systemd/prontod.service.in). */
#include "common/confine.h"

#include "common/cleanup.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/socket.h>

static const int for_nobody[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(kexec_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
};

static const int families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};

static int deny_always(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < ARRAY_SIZE(for_nobody); i++) {
        int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), for_nobody[i], 0);

        if (r < 0)
            return r;
    }
    return 0;
}

static int deny_network(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        const struct scmp_arg_cmp family = {
            .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)families[i]};
        int r = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, &family);

        if (r < 0)
            return r;
    }
    return 0;
}

static int build(scmp_filter_ctx filter, enum confine what)
{
    int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* all threads */

    if (r == 0)
        r = deny_always(filter);
    if (r == 0)
        r = what == CONFINE_RECEIVER
                ? deny_network(filter)
                : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(listen), 0);
    return r < 0 ? r : seccomp_load(filter);
}

int confine(enum confine what)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int r = filter ? build(filter, what) : -ENOMEM;

    if (filter)
        seccomp_release(filter);
    return r;
}
