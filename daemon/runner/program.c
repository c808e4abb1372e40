#include "runner/program.h"

#include "common/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum program_verdict refuse(const char *path, const char *why, char *ret_error)
{
    snprintf(ret_error, PROGRAM_ERROR_SIZE, "%.256s: %s", path, why);
    return PROGRAM_REFUSED;
}

static bool is_ours(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

static enum program_verdict check_file(const char *path, char *ret_error)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return refuse(path, strerrordesc_np(errno), ret_error);
    if (!S_ISREG(st.st_mode))
        return refuse(path, "not a regular file", ret_error);
    if (!is_ours(&st))
        return refuse(path, "belongs to another user, who could change it; chown it to root",
                      ret_error);
    if (st.st_mode & 022)
        return refuse(path, "may be written by others than its owner; chmod go-w it", ret_error);
    return PROGRAM_OK;
}

/* Who may write the directory may put another file in the place of this one. */
static enum program_verdict check_directory(const char *path, char *ret_error)
{
    char directory[PATH_MAX] = "/";
    size_t size = (size_t)(strrchr(path, '/') - path);
    struct stat st;

    if (size >= sizeof(directory))
        return refuse(path, strerrordesc_np(ENAMETOOLONG), ret_error);
    if (size > 0) {
        memcpy(directory, path, size);
        directory[size] = '\0';
    }
    if (stat(directory, &st) < 0)
        return refuse(directory, strerrordesc_np(errno), ret_error);
    if (!is_ours(&st))
        return refuse(directory,
                      "belongs to another user, who could replace the program in it; move the "
                      "program to a directory of root",
                      ret_error);
    if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
        return refuse(directory,
                      "may be written by others than its owner, who could replace the program in "
                      "it; chmod go-w it",
                      ret_error);
    return PROGRAM_OK;
}

enum program_verdict program_check(const char *path, char ret_error[static PROGRAM_ERROR_SIZE])
{
    cleanup_free char *real = realpath(path, NULL);
    enum program_verdict verdict;

    if (!real)
        return refuse(path, strerrordesc_np(errno), ret_error);
    verdict = check_file(real, ret_error);
    if (verdict == PROGRAM_OK)
        verdict = check_directory(real, ret_error);
    if (verdict == PROGRAM_OK && strcmp(real, path) != 0)
        verdict = check_directory(path, ret_error); /* of the link */
    return verdict;
}

void program_explain(const char *path, int error, char ret_error[static PROGRAM_ERROR_SIZE])
{
    const char *why = strerrordesc_np(error);

    if (error == ENOENT)
        why = "the interpreter in its first line is not there";
    else if (error == ENOEXEC)
        why = "neither a binary nor a script with an interpreter in its first line (#!/bin/sh)";
    else if (error == EACCES)
        why = "not executable by the user that hooks run as, or its interpreter is not; chmod 755 "
              "it, and do not keep it on a file system that is mounted noexec";
    refuse(path, why ? why : "cannot be started", ret_error);
}
