/* Whose a group is: as root we could make groups anywhere, but the tree belongs to the service
 * manager, which marks what it gives away. */
#include "runner/cgroup.h"

#include "common/cleanup.h"
#include "runner/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PREFIX      "hook-"
#define OWN_NAME    "prontod-runner"
#define KILL_ROUNDS 100

struct cgroups {
    int fd;     /* of the directory */
    char *path; /* of it in the hierarchy, as /proc/PID/cgroup has it; NULL: not known */
    bool memory, processes;
    uint64_t last;
};

static int write_text(int directory, const char *file, const char *text)
{
    cleanup_close int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);
    size_t size = strlen(text);

    if (fd < 0)
        return -errno;
    return write(fd, text, size) == (ssize_t)size ? 0 : -errno;
}

static int write_number(int directory, const char *file, int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    return write_text(directory, file, text);
}

/* The beginning of a file; false when it cannot be read. */
static bool read_text(int directory, const char *file, char *ret, size_t size)
{
    cleanup_close int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;

    ret[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

/* The path of a process in the hierarchy. */
static bool read_path(const char *process, char ret[static PATH_MAX])
{
    char name[64], line[PATH_MAX + 8];
    cleanup_file FILE *file = NULL;

    snprintf(name, sizeof(name), "/proc/%s/cgroup", process);
    file = fopen(name, "re");
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::", 3) != 0 || strlen(line + 3) >= PATH_MAX)
            continue;
        memcpy(ret, line + 3, strlen(line + 3) + 1);
        return true;
    }
    return false;
}

/* Where the hierarchy is mounted, and which part of it. */
static bool find_mount(char ret_point[static PATH_MAX], char ret_root[static PATH_MAX])
{
    cleanup_file FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[2 * PATH_MAX];

    while (file && fgets(line, sizeof(line), file)) {
        const char *type = strstr(line, " - ");

        if (type && strncmp(type, " - cgroup2 ", 11) == 0 &&
            sscanf(line, "%*s %*s %*s %4095s %4095s", ret_root, ret_point) == 2)
            return true;
    }
    return false;
}

/* The directory of the group with that path. */
static bool find_directory(const char *path, char ret[static PATH_MAX])
{
    char point[PATH_MAX], root[PATH_MAX];
    size_t skip;
    int n;

    if (!find_mount(point, root))
        return false;
    skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, skip) != 0)
        return false;
    n = snprintf(ret, PATH_MAX, "%s%s", point, path + skip);
    return n > 0 && n < PATH_MAX;
}

static bool is_marked(const char *directory, const char *attribute)
{
    char value[2];

    return getxattr(directory, attribute, value, sizeof(value)) == 1 && value[0] == '1';
}

static bool is_delegated(const char *directory)
{
    struct stat st;

    if (stat(directory, &st) < 0)
        return false;
    return (st.st_uid == geteuid() && st.st_uid != 0) || is_marked(directory, "user.delegate") ||
           is_marked(directory, "trusted.delegate");
}

static void for_each_group(struct cgroups *cgroups, void (*fn)(struct cgroups *, const char *))
{
    int fd = openat(cgroups->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (!directory) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(directory)))
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
            fn(cgroups, entry->d_name);
    closedir(directory);
}

static void remove_group(struct cgroups *cgroups, const char *name)
{
    unlinkat(cgroups->fd, name, AT_REMOVEDIR);
}

/* What an earlier prontod-runner left when it was killed. */
static void end_group(struct cgroups *cgroups, const char *name)
{
    cgroup_kill(cgroups, name);
    remove_group(cgroups, name);
}

/* Controllers are given to groups only by one that has no process itself. */
static void take_controllers(struct cgroups *cgroups)
{
    cleanup_close int own = -1;

    if (mkdirat(cgroups->fd, OWN_NAME, 0755) == 0 || errno == EEXIST)
        own = openat(cgroups->fd, OWN_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0 || write_text(own, "cgroup.procs", "0") < 0)
        return;
    cgroups->memory = write_text(cgroups->fd, "cgroup.subtree_control", "+memory") == 0;
    cgroups->processes = write_text(cgroups->fd, "cgroup.subtree_control", "+pids") == 0;
}

/* By making a group and starting a process in it. */
static bool is_usable(struct cgroups *cgroups)
{
    static const struct hook_config no_limits;
    char name[CGROUP_NAME_SIZE];
    cleanup_close int fd = cgroup_make(cgroups, &no_limits, name);
    bool usable = fd >= 0 && launch_probe(fd) == 0;

    if (fd >= 0)
        remove_group(cgroups, name);
    return usable;
}

struct cgroups *cgroups_open_at(const char *directory)
{
    struct cgroups *cgroups = calloc(1, sizeof(*cgroups));

    if (!cgroups)
        return NULL;
    cgroups->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroups->fd < 0) {
        free(cgroups);
        return NULL;
    }
    for_each_group(cgroups, end_group);
    take_controllers(cgroups);
    if (!is_usable(cgroups)) {
        cgroups_free(cgroups);
        return NULL;
    }
    return cgroups;
}

struct cgroups *cgroups_open(void)
{
    char path[PATH_MAX], directory[PATH_MAX];
    struct cgroups *cgroups;

    if (!read_path("self", path) || strcmp(path, "/") == 0 || !find_directory(path, directory) ||
        !is_delegated(directory))
        return NULL;
    cgroups = cgroups_open_at(directory);
    if (cgroups && !(cgroups->path = strdup(path))) {
        cgroups_free(cgroups);
        return NULL;
    }
    return cgroups;
}

void cgroups_free(struct cgroups *cgroups)
{
    if (!cgroups)
        return;
    close(cgroups->fd);
    free(cgroups->path);
    free(cgroups);
}

bool cgroups_limit_memory(const struct cgroups *cgroups)
{
    return cgroups && cgroups->memory;
}

bool cgroups_limit_processes(const struct cgroups *cgroups)
{
    return cgroups && cgroups->processes;
}

static int set_limits(struct cgroups *cgroups, const struct hook_config *hook, int fd)
{
    int r = write_number(fd, "cgroup.max.descendants", 0); /* so that it can be removed */

    if (r == 0 && cgroups->memory && hook->memory > 0) {
        write_number(fd, "memory.swap.max", 0); /* not there without swap */
        write_number(fd, "memory.oom.group", 1);
        r = write_number(fd, "memory.max", hook->memory);
    }
    if (r == 0 && cgroups->processes && hook->processes > 0)
        r = write_number(fd, "pids.max", hook->processes);
    return r;
}

int cgroup_make(struct cgroups *cgroups, const struct hook_config *hook,
                char ret_name[static CGROUP_NAME_SIZE])
{
    cleanup_close int fd = -1;
    int r;

    snprintf(ret_name, CGROUP_NAME_SIZE, PREFIX "%llu", (unsigned long long)++cgroups->last);
    if (mkdirat(cgroups->fd, ret_name, 0755) < 0 && errno != EEXIST)
        return -errno;
    fd = openat(cgroups->fd, ret_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = fd >= 0 ? set_limits(cgroups, hook, fd) : -errno;
    if (r < 0) {
        remove_group(cgroups, ret_name);
        return r;
    }
    return TAKE_FD(fd);
}

static int open_group(struct cgroups *cgroups, const char *name)
{
    return openat(cgroups->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Returns how many there were. */
static size_t kill_each(int group)
{
    int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    cleanup_file FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    char line[32];
    size_t n = 0;

    while (file && fgets(line, sizeof(line), file)) {
        long pid = strtol(line, NULL, 10);

        if (pid <= 0) /* of a process that we cannot see */
            continue;
        kill((pid_t)pid, SIGKILL);
        n++;
    }
    return n;
}

void cgroup_kill(struct cgroups *cgroups, const char *name)
{
    cleanup_close int group = open_group(cgroups, name);

    if (group < 0 || write_text(group, "cgroup.kill", "1") == 0)
        return;
    for (int i = 0; i < KILL_ROUNDS && kill_each(group) > 0; i++) /* before Linux 5.14 */
        ;
}

int64_t cgroup_memory_peak(struct cgroups *cgroups, const char *name)
{
    cleanup_close int group = open_group(cgroups, name);
    char text[32];
    char *end;
    long long value;

    if (group < 0 || !read_text(group, "memory.peak", text, sizeof(text)))
        return -1;
    value = strtoll(text, &end, 10);
    return end > text && value >= 0 ? value : -1;
}

bool cgroup_was_short_of_memory(struct cgroups *cgroups, const char *name)
{
    static const char word[] = "oom_kill ";
    cleanup_close int group = open_group(cgroups, name);
    char text[512];
    const char *found;

    if (group < 0 || !read_text(group, "memory.events", text, sizeof(text)))
        return false;
    found = strstr(text, word);
    return found && strtol(found + strlen(word), NULL, 10) > 0;
}

void cgroups_tidy(struct cgroups *cgroups)
{
    for_each_group(cgroups, remove_group);
}

bool cgroup_of(struct cgroups *cgroups, pid_t pid, char ret_name[static CGROUP_NAME_SIZE])
{
    char process[16], path[PATH_MAX];
    size_t length = cgroups->path ? strlen(cgroups->path) : 0;
    const char *name = path + length + 1;

    snprintf(process, sizeof(process), "%d", (int)pid);
    if (length == 0 || !read_path(process, path) || strncmp(path, cgroups->path, length) != 0 ||
        strncmp(path + length, "/" PREFIX, 1 + strlen(PREFIX)) != 0)
        return false;
    length = strcspn(name, "/"); /* it may have made groups in its own */
    if (length >= CGROUP_NAME_SIZE)
        return false;
    memcpy(ret_name, name, length);
    ret_name[length] = '\0';
    return true;
}
