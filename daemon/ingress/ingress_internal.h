/* What the files of this room share. Threads: "http" are those that run libmicrohttpd, "loop" the
 * main loop's, "writer" the store's. peers, parked and settings are guarded by the lock; a reader
 * is its http thread's alone. */
#pragma once

#include "ingress/ingress.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* One connection. Idle: it has no request whose header is complete, or one whose body is only thrown
 * away: who has no token cannot keep others out with bodies that never end. */
struct peer {
    TAILQ_ENTRY(peer) link; /* of peers: oldest idle first */
    int fd;
    bool idle, shed;
    bool begun; /* idle, but a request line came */
    int64_t
        fresh_until_boot_ms; /* so young that its first request may be on its way; 0: it had one */
    int64_t deadline_boot_ms;
};
TAILQ_HEAD(peers, peer);

/* An immutable copy of the settings, shared by the requests that began under it. */
struct settings {
    atomic_int references;
    char **secrets;
    char **trusted_proxies;
    int64_t max_body, timeout_ms;
};
int settings_new(const struct ingress_settings *from, struct settings **ret);
void settings_unref(struct settings *settings);

/* Answers that never change, made once. */
enum answer {
    ANSWER_MATCHED = 0, /* in the order of enum callback_state */
    ANSWER_DUPLICATE,
    ANSWER_UNMATCHED,
    ANSWER_MISMATCHED,
    ANSWER_INTERIM,
    ANSWER_NOT_JSON,
    ANSWER_NOT_OBJECT,
    ANSWER_TOO_DEEP,
    ANSWER_NOT_UTF8,
    ANSWER_BAD_FRAMING,
    ANSWER_UNKNOWN_TOKEN, /* as ANSWER_NOT_FOUND, but for how it is counted */
    ANSWER_NOT_FOUND,
    ANSWER_METHOD,       /* Allow: POST */
    ANSWER_METHOD_PROBE, /* Allow: GET, HEAD */
    ANSWER_TOO_LARGE,
    ANSWER_ENCODING,
    ANSWER_NOT_IMPLEMENTED,
    ANSWER_UNAVAILABLE,
    ANSWER_OK, /* healthz, readyz */
    ANSWER_NOT_READY,
    ANSWER_MAX_,
};
struct answers {
    struct MHD_Response *response[ANSWER_MAX_];
};
int answers_new(struct answers *ret);
void answers_done(struct answers *answers);
enum MHD_Result answer_queue(const struct answers *answers, struct MHD_Connection *connection,
                             enum answer answer);

enum request_stage {
    STAGE_BODY = 0, /* collecting the body */
    STAGE_DISCARD,  /* the answer is known; the body is read to its end and thrown away, so that the
                       peer gets to read it */
    STAGE_LINGER,   /* 413 was written past the library; what still comes is thrown away */
    STAGE_PARKED,   /* suspended until the commit */
    STAGE_ANSWER,   /* resumed: answer is set */
};

/* A thread with a library daemon of its own, at the common listening socket. */
enum http_order { HTTP_SERVE = 0, HTTP_QUIESCE, HTTP_END };
struct http_thread {
    struct ingress *ingress;
    struct MHD_Daemon *daemon;
    struct store_reader *reader;
    pthread_t thread;
    int epoll_fd, wake_fd, listen_fd; /* listen_fd: -1 when nothing more is accepted */
    bool started;
    bool listened;           /* it looked at the listener in its last turn */
    int64_t accept_boot_ms;  /* not before: there was no room for another one; 0: at any time */
    atomic_uint connections; /* that it has, for the others */
    atomic_int order;        /* enum http_order */
    atomic_bool woken;       /* wake_fd was written and not read yet */
    atomic_ullong knock,
        answered; /* numbers: the last one, and the last that a whole turn followed */
};
/* Takes @listen_fd over, also when it fails. @limit: connections that it has at most. 0 or a negative
 * errno. */
int http_thread_new(struct ingress *ingress, int listen_fd, unsigned limit,
                    struct http_thread **ret);
/* When all that ingress->http has are there. 0 or a negative errno. */
int http_thread_start(struct http_thread *http);
/* Makes a turn soon; any thread. */
void http_thread_wake(struct http_thread *http);
/* A suspended connection goes on; any thread. */
void http_thread_resume(struct http_thread *http, struct MHD_Connection *connection);
/* Makes a turn soon, and says so in answered. */
void http_thread_knock(struct http_thread *http, uint64_t number);
/* Accepts nothing more, soon. */
void http_thread_quiesce(struct http_thread *http);
/* Ends the thread, whether it was started or not. */
void http_thread_end(struct http_thread *http);
/* When all have ended, which look at each other. Closes its connections; none may be suspended. NULL is
 * fine. */
void http_thread_free(struct http_thread *http);

/* One POST. Two may hold it: the connection and the store. */
struct request {
    struct store_receive command; /* first: the store gives it back */
    LIST_ENTRY(request) parked_link;
    struct http_thread *http;
    struct ingress *ingress;
    struct settings *settings;
    struct MHD_Connection *connection;
    atomic_int references;
    enum request_stage stage; /* guarded by the lock once parked */
    enum answer answer;
    int64_t parked_boot_ms, read_boot_us; /* 0: not yet */
    char *body;
    size_t size, capacity;
    char *headers;
    struct token token; /* command.token, when the store is to compare it */
    char client[64];
};
LIST_HEAD(requests, request);

#define HTTP_THREADS 2
struct ingress {
    struct http_thread *http[HTTP_THREADS];
    struct store *store;
    struct answers answers;
    pthread_mutex_t lock;
    struct settings *settings;
    struct peers peers;
    int64_t n_peers, max_peers;
    struct requests parked;
    pthread_cond_t none_at_store;
    int64_t at_store; /* commands that the store holds */
    sd_event_source *reaper;
    bool closing; /* nothing is parked any more */
    void (*stopped)(void *userdata);
    void *stopped_userdata;
    int64_t stop_deadline_boot_ms;
    struct histogram answer_times;
    atomic_llong counts[12];
};

enum count {
    COUNT_REQUESTS = 0,
    COUNT_UNKNOWN_TOKEN,
    COUNT_BAD_FRAMING,
    COUNT_TOO_LARGE,
    COUNT_BAD_ENCODING,
    COUNT_BAD_METHOD,
    COUNT_NOT_FOUND,
    COUNT_UNAVAILABLE,
    COUNT_TIMED_OUT,
    COUNT_SHED,
};
static inline void count(struct ingress *ingress, enum count what)
{
    atomic_fetch_add_explicit(&ingress->counts[what], 1, memory_order_relaxed);
}

/* connections.c: every connection, its deadline, and who gives way. */
void connections_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code); /* http */
void connections_begin(struct ingress *ingress, struct MHD_Connection *connection,
                       int64_t timeout_ms); /* http */
/* Its request is refused and read only for that answer: it may give way all the same. */
void connections_yield(struct ingress *ingress, struct MHD_Connection *connection); /* http */
/* The request line came: its time runs. */
void *connections_request_line(void *cls, const char *uri,
                               struct MHD_Connection *connection); /* http */
/* The request has so much longer from now on: it was read whole, and waits for its commit or its
 * answer. */
void connections_extend(struct ingress *ingress, struct MHD_Connection *connection,
                        int64_t wait_ms); /* http */
/* @request: that was answered; NULL: none. */
void connections_end(struct ingress *ingress, struct MHD_Connection *connection,
                     const struct request *request); /* http */
void connections_reap(struct ingress *ingress); /* loop: closes what is overdue, answers who waited
                                                   too long for a commit */
bool connections_shut_idle(
    struct ingress *ingress); /* loop: closes those that send nothing; true when none is left */

/* request.c: MHD's handler and completion. */
enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **con_cls);
void request_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode code);
void request_unref(struct request *request);

/* park.c: from the whole body to the answer. */
enum MHD_Result request_park(struct request *request);
/* Takes a parked request back from the wait; the lock is held. The caller resumes its connection
 * afterwards without the lock, once. */
void request_unpark(struct request *request, enum answer answer);

/* headers.c */
enum framing {
    FRAMING_OK = 0,
    FRAMING_BAD,             /* 400 */
    FRAMING_NOT_IMPLEMENTED, /* 501 */
};
struct header_facts {
    enum framing framing;
    bool encoded; /* Content-Encoding other than identity */
    bool has_length;
    uint64_t length;
};
/* @method as the library gave it: it stands in the read buffer. */
void headers_check(struct MHD_Connection *connection, const char *method, struct header_facts *ret);
/* The headers that are kept, as a serialised JSON object. 0 or -ENOMEM. */
int headers_keep(struct MHD_Connection *connection, char **ret);

/* client_address.c: who sent it, for people to read: from X-Forwarded-For, right to left, past
 * @trusted only. Pure.
 * @peer: numeric address, "" for a UNIX socket (trusted). Writes a numeric address or "". */
void client_address(const char *peer, const char *forwarded, char *const *trusted, char *ret,
                    size_t size);
bool address_is_listed(const char *address, char *const *list);
