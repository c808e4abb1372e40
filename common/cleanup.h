/* Ownership that ends with the scope: cleanup attributes and the handing over of what they own. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Defines func_p(type *), to be named in cleanup(): DEFINE_CLEANUP(struct thing *, thing_free). */
#define DEFINE_CLEANUP(type, func)                                                                 \
    static inline void func##_p(__typeof__(type) *p)                                               \
    {                                                                                              \
        if (*p)                                                                                    \
            func(*p);                                                                              \
    }                                                                                              \
    struct func##_semicolon

static inline void cleanup_free_p(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close_p(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose);

#define cleanup_free  __attribute__((cleanup(cleanup_free_p)))
#define cleanup_close __attribute__((cleanup(cleanup_close_p)))
#define cleanup_file  __attribute__((cleanup(fclose_p)))

/* Hands the pointer or descriptor over: the local owner is empty afterwards. */
#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) take_ptr_ = (p);                                                             \
        (p) = NULL;                                                                                \
        take_ptr_;                                                                                 \
    })

static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
#define TAKE_FD(fd) take_fd(&(fd))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
