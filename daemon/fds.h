/* Listening sockets: inherited ones by name (socket activation), else made from the configuration.
 */
#pragma once

/* Socket activation: takes the descriptors with LISTEN_FDNAMES "callback" and "query" out of the
 * environment; others are closed. -1 where none was passed. To be called once, before any thread
 * and any child. Returns 0 or a negative errno. */
int fds_inherited(int *ret_callback, int *ret_query);

/* Listens on ADDR:PORT or [ADDR6]:PORT. Returns 0 or a negative errno. */
int fds_listen_tcp(const char *address, int *ret_fd);

/* The path of "unix:/PATH", within @address; NULL for another address. */
const char *fds_unix_path(const char *address);

/* Listens on a UNIX socket that everybody may connect to (the peer check decides who may do what).
 * A leftover socket is removed only when nothing listens on it: -EADDRINUSE otherwise; and a file
 * that is no socket is never removed: -EEXIST. */
int fds_listen_unix(const char *path, int *ret_fd);
