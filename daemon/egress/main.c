/* prontod-egress(8): one HTTP call for each job of prontod, with the API key. */
#include "common/cleanup.h"
#include "common/confine.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/message_ids.h"
#include "common/process.h"
#include "config/config.h"
#include "egress/api_key.h"
#include "egress/client.h"
#include "link/worker_main.h"
#include "link/worker_settings.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: prontod-egress [--config FILE] [--version] [--help]\n"
    "\n"
    "Calls Pronto for prontod, with the API key that prontod never sees. It is started by\n"
    "prontod or by systemd.\n"
    "\n"
    "  --config FILE    read FILE and FILE.d/*.conf instead of " CONFIG_PATH_DEFAULT "\n"
    "  --version        print the version and exit\n"
    "  --help           print this and exit\n"
    "\n"
    "See prontod-egress(8), prontod(8), prontod.conf(5).\n";

struct egress {
    const char *config_path;
    struct config *config;
    struct api_key key;
    struct worker *worker;
    struct client *client;
    bool stopping;
};

static int load_key(struct egress *egress)
{
    struct api_key key;
    struct log_field field = {"PRONTO_ERROR", NULL};
    int r = api_key_load(egress->config->pronto.api_key_file, &key);

    if (r < 0)
        return r;
    api_key_done(&egress->key);
    egress->key = key;
    field.value = key.detail;
    if (!key.text)
        log_fields(LOG_WARNING, MESSAGE_KEY_MISSING, &field, 1, "no calls to Pronto: %s",
                   key.detail);
    return 0;
}

/* @fault: of a new configuration that was not taken, or NULL. */
static void send_ready(struct egress *egress, const char *fault)
{
    cleanup_json struct json_object *head = NULL;
    const char *state = "ok", *detail = NULL;
    int r;

    if (!egress->key.text) {
        state = "no_key";
        detail = egress->key.detail;
    } else if (fault) {
        state = "old_configuration";
        detail = fault;
    }
    r = control_encode("ready", state, detail, &head);
    if (r == 0)
        r = worker_send(egress->worker, head, NULL, 0);
    if (r < 0 && r != -ENOTCONN)
        log_error("cannot tell prontod that calls can be made: %s", strerror(-r));
}

static void send_outcome(int64_t id, const struct call_answer *answer, void *userdata)
{
    struct egress *egress = userdata;
    cleanup_json struct json_object *head = NULL;
    int r = egress_outcome_encode(id, answer, &head);

    if (r == 0)
        r = worker_send(egress->worker, head, answer->body, answer->body_size);
    if (r < 0 && r != -ENOTCONN)
        log_error("the outcome of a call is lost: %s", strerror(-r));
    if (egress->stopping && client_active(egress->client) == 0)
        worker_quit(egress->worker);
}

static void refuse(struct egress *egress, int64_t id, enum call_fate fate, const char *why)
{
    const struct call_answer answer = {.fate = fate, .retry_after_ms = -1, .error = why};

    send_outcome(id, &answer, egress);
}

static void on_job(struct egress *egress, const struct egress_job *job, const char *payload,
                   size_t size)
{
    const struct call_settings settings = {.api_url = egress->config->pronto.api_url,
                                           .timeout_ms = egress->config->pronto.timeout_ms,
                                           .api_key = egress->key.text};
    int r;

    if (egress->stopping) {
        refuse(egress, job->id, CALL_NOT_SENT, "prontod-egress is stopping");
        return;
    }
    if (!egress->key.text) {
        refuse(egress, job->id, CALL_NO_KEY, egress->key.detail);
        return;
    }
    r = client_start(egress->client, job, payload, size, &settings);
    if (r == -EBUSY)
        refuse(egress, job->id, CALL_NOT_SENT, "too many calls");
    else if (r == -EINVAL)
        refuse(egress, job->id, CALL_NOT_SENT, "not an identifier of a contact");
    else if (r < 0)
        refuse(egress, job->id, CALL_NOT_SENT, strerror(-r));
}

/* A configuration with faults changes nothing; the key is looked for again in any case. */
static void reload(void *userdata)
{
    struct egress *egress = userdata;
    struct worker_fault fault = {0};
    struct config *config;
    int taken = config_load(egress->config_path, worker_note_fault, &fault, &config), r;

    if (taken == CONFIG_OK) {
        config_free(egress->config);
        egress->config = config;
    } else {
        log_message(LOG_ERR, MESSAGE_CONFIG_REJECTED, "the configuration stays as it was");
    }
    r = load_key(egress);
    if (r < 0)
        log_error("the API key stays as it was: %s", strerror(-r));
    send_ready(egress, taken == CONFIG_OK ? NULL : taken < 0 ? strerror(-taken) : fault.text);
}

static void on_frame(struct json_object *head, const char *payload, size_t size, void *userdata)
{
    static struct log_rate unknown;
    struct egress *egress = userdata;
    const char *state, *detail, *control = control_decode(head, &state, &detail);
    struct egress_job job;
    int64_t id;

    if (control && strcmp(control, "reload") == 0) {
        reload(egress);
        return;
    }
    if (!control && egress_job_decode(head, &job) == 0) {
        on_job(egress, &job, payload, size);
        return;
    }
    log_limited(&unknown, LOG_ERR, "prontod asks for what this version does not know");
    if (!control && json_get_int64(head, "id", &id))
        refuse(egress, id, CALL_NOT_SENT, "prontod-egress does not know this call");
}

static void on_up(void *userdata)
{
    send_ready(userdata, NULL);
}

static void on_down(void *userdata)
{
    struct egress *egress = userdata;

    client_abort(egress->client);
    if (egress->stopping)
        worker_quit(egress->worker);
}

static void on_stop(void *userdata)
{
    struct egress *egress = userdata;

    egress->stopping = true;
    if (client_active(egress->client) == 0)
        worker_quit(egress->worker);
}

static int prepare_process(void)
{
    int r = process_harden();

    if (r == 0)
        r = crypto_init();
    if (r == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        r = -ENOMEM;
    if (r < 0)
        log_error("cannot prepare the process: %s", strerror(-r));
    return r;
}

static void give_up_rights(void)
{
    int r = confine(CONFINE_CLIENT);

    if (r < 0)
        log_notice("the kernel takes no filter of system calls (%s); going on without",
                   strerror(-r));
}

static int connect_rooms(struct egress *egress)
{
    static const struct worker_ops ops = {.on_frame = on_frame,
                                          .on_up = on_up,
                                          .on_down = on_down,
                                          .on_stop = on_stop,
                                          .on_reload = reload};
    const char *reason;
    int r = worker_new(&ops, egress, &egress->worker, &reason);

    if (r < 0) {
        log_error("%s", reason);
        return r;
    }
    r = client_new(worker_loop(egress->worker), send_outcome, egress, &egress->client);
    if (r < 0)
        log_error("cannot set up the HTTP client: %s", strerror(-r));
    return r;
}

static int load_settings(struct egress *egress)
{
    struct worker_fault fault = {0};
    int r = config_load(egress->config_path, worker_note_fault, &fault, &egress->config);

    if (r != CONFIG_OK) {
        log_message(LOG_ERR, MESSAGE_CONFIG_REJECTED, "cannot use the configuration: %s",
                    r < 0 ? strerror(-r) : "it has faults");
        return r < 0 ? r : -EINVAL;
    }
    r = load_key(egress);
    if (r < 0)
        log_error("cannot look for the API key: %s", strerror(-r));
    return r;
}

int main(int argc, char **argv)
{
    struct egress egress = {0};
    int status = worker_parse_arguments("prontod-egress", usage, CONFIG_PATH_DEFAULT, argc, argv,
                                        &egress.config_path),
        r;

    if (status >= 0)
        return status;
    log_open("prontod-egress");
    r = prepare_process();
    if (r == 0)
        r = connect_rooms(&egress);
    if (r == 0)
        r = load_settings(&egress);
    if (r == 0)
        give_up_rights();
    status = r == 0 ? worker_run(egress.worker) : EXIT_FAILURE;
    client_free(egress.client);
    worker_free(egress.worker);
    api_key_done(&egress.key);
    config_free(egress.config);
    curl_global_cleanup();
    return status;
}
