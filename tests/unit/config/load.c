#include "cases.h"

#include "common/cleanup.h"
#include "common/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(config, .init = box_open, .fini = box_close);

Test(config, defaults)
{
    cleanup_config struct config *c = NULL;
    box_text("c.conf", COMPLETE);
    cr_assert_eq(load(&c), CONFIG_OK, "%s", faults);
    cr_expect_str_eq(c->ingress.listen, "127.0.0.1:8480");
    cr_expect_str_eq(c->ingress.public_url, "https://hooks.example.com/pronto");
    cr_expect_null(c->ingress.secret_file);
    cr_expect_eq(strv_length(c->ingress.trusted_proxies), 2);
    cr_expect_str_eq(c->ingress.trusted_proxies[0], "127.0.0.1");
    cr_expect_str_eq(c->ingress.trusted_proxies[1], "::1");
    cr_expect_not(c->ingress.verify_fetch);
    cr_expect_eq(c->ingress.max_body, INT64_C(1024) * 1024);
    cr_expect_eq(c->ingress.max_connections, 10000);
    cr_expect_eq(c->ingress.timeout_ms, 10000);
    cr_expect_str_eq(c->query.socket, "/run/prontod/query.sock");
    cr_expect_str_eq(c->query.admin_group, "prontod");
    cr_expect_null(c->query.read_group);
    cr_expect_str_eq(c->store.url, "sqlite:/var/lib/prontod/prontod.db");
    cr_expect_str_eq(c->store.path, "/var/lib/prontod/prontod.db");
    cr_expect_eq(c->store.retention_ms, INT64_C(90) * 86400 * 1000);
    cr_expect_eq(c->store.max_unmatched, 100000);
    cr_expect_eq(c->store.min_free, INT64_C(64) * 1024 * 1024);
    cr_expect_str_eq(c->pronto.api_url, "https://app.prontohq.com/api/v2");
    cr_expect_null(c->pronto.api_key_file);
    cr_expect_eq(c->pronto.concurrency, 5);
    cr_expect_eq(c->pronto.rate, 50);
    cr_expect_eq(c->pronto.timeout_ms, 30000);
    cr_expect_eq(c->pronto.poll_after_ms, 600000);
    cr_expect_eq(c->pronto.deadline_ms, 86400000);
    cr_expect_eq(c->pronto.batch, 1);
    cr_expect_eq(c->pronto.batch_delay_ms, 200);
    cr_expect_eq(c->pronto.daily_credits, 0);
    cr_expect_eq(c->pronto.prices.of[ENRICHMENT_EMAIL], 3);
    cr_expect_eq(c->pronto.prices.of[ENRICHMENT_PHONE], 30);
    cr_expect_eq(c->pronto.prices.of[ENRICHMENT_PERSONAL_EMAIL], 3);
    cr_expect_not(c->custom_lenient);
    cr_expect_eq(c->n_hooks, 0);
}

Test(config, defaults_of_a_hook)
{
    cleanup_config struct config *c = NULL;
    box_text("c.conf", COMPLETE "[hook crm]\ncommand = /bin/echo \"a b\" --x\n");
    cr_assert_eq(load(&c), CONFIG_OK, "%s", faults);
    cr_assert_eq(c->n_hooks, 1);
    const struct hook_config *hook = config_hook(c, "crm");
    cr_assert_eq(hook, &c->hooks[0]);
    cr_expect_null(config_hook(c, "cr"));
    cr_expect_str_eq(hook->name, "crm");
    cr_expect_str_eq(hook->command_text, "/bin/echo \"a b\" --x");
    cr_assert_eq(strv_length(hook->command), 3);
    cr_expect_str_eq(hook->command[0], "/bin/echo");
    cr_expect_str_eq(hook->command[1], "a b");
    cr_expect_str_eq(hook->command[2], "--x");
    cr_expect_eq(hook->on, 1U << EVENT_FINISHED);
    cr_expect_eq(hook->types, (1U << ENRICHMENT_MAX_) - 1);
    cr_expect_eq(hook->only, HOOK_ONLY_ANY);
    cr_expect_eq(hook->mode, HOOK_EXEC);
    cr_expect_eq(hook->timeout_ms, 60000);
    cr_expect_eq(hook->kill_after_ms, 5000);
    cr_expect_eq(hook->concurrency, 4);
    cr_expect_eq(hook->backoff_first_ms, 10000);
    cr_expect_eq(hook->backoff_longest_ms, 3600000);
    cr_expect_eq(hook->give_up_ms, INT64_C(3) * 86400 * 1000);
    cr_expect_eq(hook->max_attempts, 0);
    cr_expect_eq(hook->rate, 0);
    cr_expect_eq(hook->trip_after, 10);
    cr_expect_eq(c->delivery.concurrency, 64);
}

/* Every key set to something else than its default. */
Test(config, all_keys)
{
    cleanup_config struct config *c = NULL;
    box_text("c.conf", "[hook a.b-c_D9]\ncommand = /x\non = dead failed expired unmatched\n"
                       "enrichment_type = phone\nonly = empty\nmode = stream\ntimeout = 1m\n"
                       "kill_after = 2s\nconcurrency = 7\nbackoff = 1s 1s\ngive_up = 1h\n"
                       "max_attempts = 9\nrate = 11\ntrip_after = 12\n[delivery]\nconcurrency = "
                       "13\n[hook z]\ncommand = /z\nonly = found\n"
                       "[match]\ncustom = lenient\n"
                       "[pronto]\napi_url = http://localhost:8481/api/v2/\napi_key_file = /k\n"
                       "concurrency = 1\nrate = 2\ntimeout = 3s\npoll_after = 4s\ndeadline = 5s\n"
                       "batch = 100\nbatch_delay = 0\ndaily_credits = 8\n"
                       "credit_prices = personal_email:1 email:2 phone:0\n"
                       "[store]\nurl = sqlite:/a b.db\nretention = 0\nmax_unmatched = 1\n"
                       "min_free = 0\n"
                       "[query]\nsocket = /q\nadmin_group = adm\nread_group = www-data\n"
                       "[ingress]\nlisten = [::1]:65535\npublic_url = http://h:1//\n"
                       "secret_file = /s\ntrusted_proxies = 10.0.0.0/8\tfd00::/8\nverify = fetch\n"
                       "max_body = 8M\nmax_connections = 1\ntimeout = 100ms\n");
    cr_assert_eq(load(&c), CONFIG_OK, "%s", faults);
    cr_expect_str_eq(c->ingress.listen, "[::1]:65535");
    cr_expect_str_eq(c->ingress.public_url, "http://h:1");
    cr_expect_str_eq(c->ingress.secret_file, "/s");
    cr_expect_str_eq(c->ingress.trusted_proxies[1], "fd00::/8");
    cr_expect(c->ingress.verify_fetch);
    cr_expect_eq(c->ingress.max_body, INT64_C(8) * 1024 * 1024);
    cr_expect_eq(c->ingress.max_connections, 1);
    cr_expect_eq(c->ingress.timeout_ms, 100);
    cr_expect_str_eq(c->query.socket, "/q");
    cr_expect_str_eq(c->query.admin_group, "adm");
    cr_expect_str_eq(c->query.read_group, "www-data");
    cr_expect_str_eq(c->store.path, "/a b.db");
    cr_expect_eq(c->store.retention_ms, 0);
    cr_expect_eq(c->store.max_unmatched, 1);
    cr_expect_eq(c->store.min_free, 0);
    cr_expect_str_eq(c->pronto.api_url, "http://localhost:8481/api/v2");
    cr_expect_str_eq(c->pronto.api_key_file, "/k");
    cr_expect_eq(c->pronto.concurrency, 1);
    cr_expect_eq(c->pronto.rate, 2);
    cr_expect_eq(c->pronto.timeout_ms, 3000);
    cr_expect_eq(c->pronto.poll_after_ms, 4000);
    cr_expect_eq(c->pronto.deadline_ms, 5000);
    cr_expect_eq(c->pronto.batch, 100);
    cr_expect_eq(c->pronto.batch_delay_ms, 0);
    cr_expect_eq(c->pronto.daily_credits, 8);
    cr_expect_eq(c->pronto.prices.of[ENRICHMENT_EMAIL], 2);
    cr_expect_eq(c->pronto.prices.of[ENRICHMENT_PHONE], 0);
    cr_expect_eq(c->pronto.prices.of[ENRICHMENT_PERSONAL_EMAIL], 1);
    cr_expect(c->custom_lenient);
    cr_assert_eq(c->n_hooks, 2);
    const struct hook_config *hook = config_hook(c, "a.b-c_D9");
    cr_assert_not_null(hook);
    cr_expect_eq(hook->on, 1U << EVENT_DEAD | 1U << EVENT_FAILED | 1U << EVENT_EXPIRED |
                               1U << EVENT_UNMATCHED);
    cr_expect_eq(hook->types, 1U << ENRICHMENT_PHONE);
    cr_expect_eq(hook->only, HOOK_ONLY_EMPTY);
    cr_expect_eq(hook->mode, HOOK_STREAM);
    cr_expect_eq(hook->timeout_ms, 60000);
    cr_expect_eq(hook->kill_after_ms, 2000);
    cr_expect_eq(hook->concurrency, 7);
    cr_expect_eq(hook->backoff_first_ms, 1000);
    cr_expect_eq(hook->backoff_longest_ms, 1000);
    cr_expect_eq(hook->give_up_ms, 3600000);
    cr_expect_eq(hook->max_attempts, 9);
    cr_expect_eq(hook->rate, 11);
    cr_expect_eq(hook->trip_after, 12);
    cr_expect_eq(c->delivery.concurrency, 13);
    cr_expect_eq(config_hook(c, "z")->only, HOOK_ONLY_FOUND);
}

Test(config, drop_ins_in_bytewise_order)
{
    cleanup_config struct config *c = NULL;
    box_text("c.conf", COMPLETE "trusted_proxies = ::1\n[pronto]\nrate = 1\nconcurrency = 2\n"
                                "[hook b]\ncommand = /b\ntimeout = 7s\n");
    cr_assert_eq(mkdir(box_path("c.conf.d"), 0700), 0);
    box_text("c.conf.d/a.conf", "[pronto]\nrate = 9\n");
    box_text("c.conf.d/Z.conf", "[pronto]\nrate = 8\n[hook b]\nmax_attempts = 3\n[hook a]\n"
                                "command = /a\n");
    box_text("c.conf.d/zz.conf", "[pronto]\nconcurrency =\n[ingress]\ntrusted_proxies = ; none\n");
    box_text("c.conf.d/.hidden.conf", "nonsense\n");
    box_text("c.conf.d/a.conf.bak", "nonsense\n");
    box_text("c.conf.d/.conf", "nonsense\n");
    cr_assert_eq(load(&c), CONFIG_OK, "%s", faults);
    cr_expect_eq(c->pronto.rate, 9, "Z sorts before a");
    cr_expect_eq(c->pronto.concurrency, 5, "a key without value means the default");
    cr_expect_eq(strv_length(c->ingress.trusted_proxies), 0, "or is empty");
    cr_assert_eq(c->n_hooks, 2);
    cr_expect_eq(config_hook(c, "b")->timeout_ms, 7000);
    cr_expect_eq(config_hook(c, "b")->max_attempts, 3);
    cr_expect_str_eq(config_hook(c, "a")->command[0], "/a");
}

Test(config, faults_come_in_the_order_of_the_files)
{
    cleanup_config struct config *c = NULL;
    box_text("c.conf", "[pronto]\nrate = x\n");
    cr_assert_eq(mkdir(box_path("c.conf.d"), 0700), 0);
    box_text("c.conf.d/2.conf", "\n[hook h]\non = finished\n[nope]\n");
    box_text("c.conf.d/1.conf", "rate = 1\n[pronto]\nrate = 0\nlisten = 1\n");
    cr_expect_eq(mkdir(box_path("c.conf.d/3.conf"), 0700), 0);
    cr_assert_eq(load(&c), CONFIG_INVALID);
    cr_expect_str_eq(faults,
                     "c.conf:2: rate: not a whole number\n"
                     "c.conf.d/1.conf:1: a key before the first [section]\n"
                     "c.conf.d/1.conf:3: rate: must be 1 to 1000\n"
                     "c.conf.d/1.conf:4: unknown key listen in [pronto]; it belongs to [ingress]\n"
                     "c.conf.d/2.conf:4: unknown section [nope]\n"
                     "c.conf.d/3.conf:0: cannot be read: Is a directory\n",
                     "%s", faults);
}

Test(config, files_that_cannot_be_read)
{
    cleanup_config struct config *c = NULL;
    cr_assert_eq(load(&c), CONFIG_INVALID);
    cr_expect_str_eq(faults, "c.conf:0: cannot be read: No such file or directory\n");
    box_text("c.conf", COMPLETE);
    box_text("c.conf.d", "");
    cr_assert_eq(load(&c), CONFIG_INVALID);
    cr_expect_str_eq(faults, "c.conf.d:0: cannot be read: Not a directory\n");
    cleanup_free char *large = calloc(1, 1024 * 1024 + 1);
    cr_assert_not_null(large);
    memset(large, '\n', 1024 * 1024 + 1);
    remove(box_path("c.conf.d"));
    box_write("c.conf", large, 1024 * 1024 + 1, 0600);
    cr_assert_eq(load(&c), CONFIG_INVALID);
    cr_expect_str_eq(faults, "c.conf:0: cannot be read: larger than 1 MiB\n");
}

Test(config, what_is_missing)
{
    expect_faults("", "c.conf:0: public_url is missing: [ingress] must say under which URL Pronto "
                      "reaches this machine\n");
    expect_faults("[ingress]\npublic_url =\n[hook a]\n[hook b]\ncommand =\n",
                  "c.conf:2: public_url: needs a value\nc.conf:5: command: needs a value\n"
                  "c.conf:3: hook a has no command\n");
    expect_faults(COMPLETE "secret_file = /k\n[pronto]\napi_key_file = /k\n",
                  "c.conf:5: api_key_file: is the secret_file too; the API key needs a file of its "
                  "own\n");
    expect_faults(COMPLETE "[store]\nurl = sqlite:/q\n[query]\nsocket = /q\n",
                  "c.conf:4: url: is the path of the query socket too\n");
}

Test(config, too_many_hooks)
{
    char text[8192] = COMPLETE;
    for (int i = 0; i < LIMIT_HOOKS + 1; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "[hook h%d]\ncommand = /h\n", i);
    }
    strcat(text, "[hook h0]\nonly = any\n");
    expect_faults(text, "c.conf:131: there may be at most 64 hooks\n");
}
