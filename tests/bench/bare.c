/* What libmicrohttpd alone can do: takes each body and answers 200. Usage: bench-bare PORT THREADS [suspend]
 * suspend: each request is handed to another thread and back once, as one that waits for a commit is. */
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    struct request *next;
    struct MHD_Connection *connection;
    bool back;
};

static struct MHD_Response *response;
static bool suspend;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct request *parked;

static void *resume_them(void *userdata)
{
    (void)userdata;
    for (;;) {
        struct request *all;

        pthread_mutex_lock(&lock);
        while (!parked)
            pthread_cond_wait(&wake, &lock);
        all = parked;
        parked = NULL;
        pthread_mutex_unlock(&lock);
        while (all) {
            struct request *next = all->next;

            all->back = true;
            MHD_resume_connection(all->connection);
            all = next;
        }
    }
    return NULL;
}

static void park(struct request *request)
{
    MHD_suspend_connection(request->connection);
    pthread_mutex_lock(&lock);
    request->next = parked;
    parked = request;
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **con_cls)
{
    struct request *request = *con_cls;

    (void)cls;
    (void)url;
    (void)method;
    (void)version;
    (void)data;
    if (!request) {
        *con_cls = calloc(1, sizeof(*request));
        if (!*con_cls)
            return MHD_NO;
        ((struct request *)*con_cls)->connection = connection;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    if (suspend && !request->back) {
        park(request);
        return MHD_YES;
    }
    return MHD_queue_response(connection, 200, response);
}

static void completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                      enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    free(*con_cls);
}

int main(int argc, char **argv)
{
    static char body[] = "{\"status\": \"matched\"}";
    unsigned threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC;
    struct MHD_Daemon *daemon;
    pthread_t resumer;
    sigset_t set;
    int number;

    if (argc < 2)
        return 2;
    suspend = argc > 3 && strcmp(argv[3], "suspend") == 0;
    if (suspend)
        flags |= MHD_ALLOW_SUSPEND_RESUME;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (suspend && pthread_create(&resumer, NULL, resume_them, NULL) != 0)
        return 1;
    daemon = MHD_start_daemon(flags, (uint16_t)atoi(argv[1]), NULL, NULL, handle, NULL,
                              MHD_OPTION_CONNECTION_LIMIT, 4096U, MHD_OPTION_LISTEN_BACKLOG_SIZE,
                              4096U, MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0U,
                              MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "bench-bare: cannot listen on port %s\n", argv[1]);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    sigwait(&set, &number);
    return 0; /* the process goes, and the threads with it */
}
