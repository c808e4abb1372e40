/* Pipes between a hook and us. */
#pragma once

/* Our end does not block; a program finds its own as usual. Both are closed by execve(2). Returns 0
 * or a negative errno; nothing is open then. */
int pipe_to_program(int *ret_ours, int *ret_theirs);
int pipe_from_program(int *ret_ours, int *ret_theirs);
