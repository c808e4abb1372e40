/* May this program be run as a hook? Somebody who can change it can read what hooks are given. */
#pragma once

#include <stddef.h>

#define PROGRAM_ERROR_SIZE 512

enum program_verdict {
    PROGRAM_OK = 0,
    PROGRAM_REFUSED = 1, /* @ret_error says which file, why, and the remedy */
};

/* The file that @path leads to must be a regular file of root or of our own user, which nobody else
 * may write; likewise its directory and that of a link to it, unless they have the sticky bit. */
enum program_verdict program_check(const char *path, char ret_error[static PROGRAM_ERROR_SIZE]);

/* What execve(2) means by @error, for a program that passed the check. */
void program_explain(const char *path, int error, char ret_error[static PROGRAM_ERROR_SIZE]);
