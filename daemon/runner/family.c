/* Whoever kills one after the other loses against a program that starts new ones as fast: a place
 * that gets free is taken at once. A stopped process keeps its place and takes no other. */
#include "runner/family.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Looks until there is nobody new; a program that wins so often is met again at the next sweep. */
#define LOOKS_MAX 64

static void add(struct family *family, pid_t pid, pid_t parent)
{
    if (family->n == family->room) {
        size_t room = family->room ? family->room * 2 : 16;
        struct relative *v = reallocarray(family->v, room, sizeof(*v));

        if (!v)
            return;
        family->v = v;
        family->room = room;
    }
    family->v[family->n++] = (struct relative){.pid = pid, .parent = parent};
}

void family_add_child(struct family *family, pid_t pid)
{
    add(family, pid, getpid());
}

/* Not so when it ended meanwhile, and its number is perhaps another's. */
static bool is_still(const struct relative *one)
{
    static const char name[] = "PPid:";
    char path[64];
    cleanup_file FILE *file = NULL;
    char line[256];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)one->pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0)
            return strtol(line + strlen(name), NULL, 10) == one->parent;
    return false;
}

static void add_children_of_thread(struct family *family, pid_t pid, const char *thread)
{
    char path[64], text[24];
    cleanup_file FILE *file = NULL;

    snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children", (int)pid, thread);
    file = fopen(path, "re");
    while (file && fscanf(file, "%23s", text) == 1)
        add(family, (pid_t)strtol(text, NULL, 10), pid);
}

static void add_children(struct family *family, pid_t pid)
{
    char path[64];
    const struct dirent *entry;
    DIR *threads;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    threads = opendir(path);
    while (threads && (entry = readdir(threads)))
        if (entry->d_name[0] != '.')
            add_children_of_thread(family, pid, entry->d_name);
    if (threads)
        closedir(threads);
}

/* The first @n of the family are our children; the others are found anew. */
static void stop(struct family *family, size_t n)
{
    family->n = n;
    for (size_t i = 0; i < family->n; i++) {
        const struct relative one = family->v[i];

        if (is_still(&one) && kill(one.pid, SIGSTOP) == 0)
            add_children(family, one.pid);
    }
}

void family_kill(struct family *family)
{
    size_t n = family->n, before = 0;

    for (int i = 0; i < LOOKS_MAX && family->n > before; i++) {
        before = family->n;
        stop(family, n);
    }
    for (size_t i = 0; i < family->n; i++)
        if (is_still(&family->v[i]))
            kill(family->v[i].pid, SIGKILL);
}

void family_clear(struct family *family)
{
    free(family->v);
    *family = (struct family){0};
}
