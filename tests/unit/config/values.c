/* Values by type: good ones, and bad ones with what is said of them. */
#include "cases.h"

#include "common/cleanup.h"

#include <stdio.h>
#include <string.h>

TestSuite(values, .init = box_open, .fini = box_close);

struct value_case {
    const char *value;
    const char *message; /* NULL: good */
};

/* Each value of @key in @section, on line 4. */
static void expect_values(const char *section, const char *key, const struct value_case *cases,
                          size_t n)
{
    const char *complete =
        strncmp(section, "hook", 4) == 0 && strcmp(key, "command") != 0 ? "command = /x" : "";
    for (size_t i = 0; i < n; i++) {
        char text[4096], expected[1024] = "";
        const char *before = strcmp(key, "public_url") == 0 ? "\n\n" : COMPLETE;
        snprintf(text, sizeof text, "%s[%s]\n%s = %s\n%s\n", before, section, key, cases[i].value,
                 complete);
        if (cases[i].message)
            snprintf(expected, sizeof expected, "c.conf:4: %s: %s\n", key, cases[i].message);
        expect_faults(text, expected);
    }
}
#define EXPECT(section, key, ...)                                                                  \
    do {                                                                                           \
        static const struct value_case cases_[] = {__VA_ARGS__};                                   \
        expect_values(section, key, cases_, ARRAY_SIZE(cases_));                                   \
    } while (0)

#define NO_DURATION "not a duration: a number with ms, s, m, h or d"
#define NO_SIZE     "not a size: a number of bytes, or one with K, M or G"

Test(values, durations)
{
    EXPECT("ingress", "timeout", {"100ms", NULL}, {"10m", NULL}, {"600s", NULL},
           {"99ms", "must be 100ms to 10m"}, {"0", "must be 100ms to 10m"},
           {"11m", "must be 100ms to 10m"}, {"99999999999999999999s", "must be 100ms to 10m"},
           {"10", NO_DURATION}, {"-1s", NO_DURATION}, {"1.5s", NO_DURATION}, {"10 s", NO_DURATION},
           {"5S", NO_DURATION}, {"s", NO_DURATION});
    EXPECT("store", "retention", {"0", NULL}, {"1s", NULL}, {"36500d", NULL},
           {"999ms", "must be 0, or 1s to 36500d"}, {"36501d", "must be 0, or 1s to 36500d"});
    EXPECT("pronto", "batch_delay", {"0", NULL}, {"1h", NULL}, {"61m", "must be 0 to 1h"});
    EXPECT("pronto", "poll_after", {"30d", NULL}, {"31d", "must be 100ms to 30d"});
    EXPECT("pronto", "deadline", {"365d", NULL}, {"366d", "must be 100ms to 365d"});
    EXPECT("pronto", "timeout", {"10m", NULL}, {"11m", "must be 100ms to 10m"});
    EXPECT("hook x", "timeout", {"7d", NULL}, {"8d", "must be 100ms to 7d"});
    EXPECT("hook x", "kill_after", {"10m", NULL}, {"0", "must be 100ms to 10m"});
    EXPECT("hook x", "give_up", {"365d", NULL}, {"366d", "must be 100ms to 365d"});
}

Test(values, sizes)
{
    EXPECT("ingress", "max_body", {"1K", NULL}, {"1024", NULL}, {"8M", NULL}, {"8388608", NULL},
           {"1023", "must be 1K to 8M"}, {"8388609", "must be 1K to 8M"},
           {"1G", "must be 1K to 8M"}, {"1k", NO_SIZE}, {"1MB", NO_SIZE}, {"-1", NO_SIZE},
           {"M", NO_SIZE});
    EXPECT("store", "min_free", {"0", NULL}, {"1024G", NULL}, {"1025G", "must be 0 to 1024G"});
}

Test(values, integers)
{
    EXPECT("ingress", "max_connections", {"1", NULL}, {"100000", NULL},
           {"0", "must be 1 to 100000"}, {"100001", "must be 1 to 100000"},
           {"-5", "must be 1 to 100000"}, {"99999999999999999999", "must be 1 to 100000"},
           {"1e3", "not a whole number"}, {"0x10", "not a whole number"},
           {"1 2", "not a whole number"}, {"many", "not a whole number"});
    EXPECT("store", "max_unmatched", {"100000000", NULL}, {"0", "must be 1 to 100000000"});
    EXPECT("pronto", "concurrency", {"100", NULL}, {"101", "must be 1 to 100"});
    EXPECT("pronto", "rate", {"1000", NULL}, {"1001", "must be 1 to 1000"});
    EXPECT("pronto", "batch", {"100", NULL}, {"101", "must be 1 to 100"},
           {"0", "must be 1 to 100"});
    EXPECT("pronto", "daily_credits", {"1000000000", NULL},
           {"1000000001", "must be 0 to 1000000000"});
    EXPECT("delivery", "concurrency", {"1", NULL}, {"1000", NULL}, {"0", "must be 1 to 1000"},
           {"1001", "must be 1 to 1000"});
    EXPECT("hook x", "rate", {"0", NULL}, {"10000", NULL}, {"10001", "must be 0 to 10000"});
    EXPECT("hook x", "trip_after", {"0", NULL}, {"-1", "must be 0 to 1000000"});
    EXPECT("hook x", "concurrency", {"256", NULL}, {"257", "must be 1 to 256"});
    EXPECT("hook x", "max_attempts", {"1000000", NULL}, {"-1", "must be 0 to 1000000"});
}

Test(values, words)
{
    EXPECT("ingress", "verify", {"token", NULL}, {"fetch", NULL}, {"", NULL},
           {"Token", "must be token or fetch"}, {"tok", "must be token or fetch"});
    EXPECT("match", "custom", {"strict", NULL}, {"lenient", NULL},
           {"no", "must be strict or lenient"});
    EXPECT("hook x", "only", {"any", NULL}, {"found", NULL}, {"empty", NULL},
           {"found empty", "must be any, found or empty"});
    EXPECT("hook x", "mode", {"exec", NULL}, {"stream", NULL}, {"fork", "must be exec or stream"});
}

Test(values, paths)
{
    EXPECT("ingress", "secret_file", {"/etc/prontod/secrets", NULL}, {"", NULL},
           {"etc/x", "must be an absolute path"}, {"/etc/", "must be a file, not a directory"},
           {"/", "must be a file, not a directory"});
    EXPECT("pronto", "api_key_file", {"/k", NULL}, {"~/k", "must be an absolute path"});
    EXPECT("query", "socket", {"/run/q", NULL}, {"", NULL}, {"q", "must be an absolute path"},
           {"/2345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
            "789012345678901234567",
            NULL},
           {"/2345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
            "7890123456789012345678",
            "must have at most 107 bytes"});
    EXPECT("query", "admin_group", {"adm", NULL}, {"_x-1.y", NULL}, {"1000", NULL}, {"", NULL},
           {"a b", "must be one group's name"}, {"a:b", "must be one group's name"},
           {"012345678901234567890123456789012", "a group's name has at most 32 characters"});
    EXPECT("store", "url", {"sqlite:/x", NULL}, {"sqlite:/x y%z", NULL},
           {"/x", "must be sqlite: and an absolute path"},
           {"sqlite:x", "must be sqlite: and an absolute path"},
           {"SQLITE:/x", "must be sqlite: and an absolute path"},
           {"postgresql://h/db", "must be sqlite: and an absolute path"},
           {"sqlite:/", "must name a file, not a directory"},
           {"sqlite:/x/", "must name a file, not a directory"},
           {"sqlite:/x?mode=ro", "takes no parameters"}, {"sqlite:/x#y", "takes no parameters"});
}

#define NO_COMMAND "must begin with the absolute path of a program; there is no shell"

Test(values, lists)
{
    EXPECT("hook x", "command", {"/x", NULL}, {"/x 'a b'", NULL}, {"\"/x y\" z", NULL},
           {"x", NO_COMMAND}, {"./x", NO_COMMAND}, {"\"\" /x", NO_COMMAND},
           {"/x \"a", "a quote is not closed"}, {"/x \"a ; b\"", "a quote is not closed"});
    EXPECT("hook x", "on", {"finished", NULL}, {"dead unmatched  expired\tfailed", NULL},
           {"dead dead", NULL}, {"", NULL},
           {"done", "must be some of finished, failed, expired, unmatched and dead"},
           {"finished,dead", "must be some of finished, failed, expired, unmatched and dead"});
    EXPECT("hook x", "enrichment_type", {"phone personal_email", NULL}, {"", NULL},
           {"mail", "must be some of email, phone and personal_email"});
    EXPECT("hook x", "backoff", {"10ms 30d", NULL}, {"1m 60s", NULL},
           {"10s", "must be two durations, the first and the longest wait"},
           {"10s 1h 2h", "must be two durations, the first and the longest wait"},
           {"10 20", "must be two durations, the first and the longest wait"},
           {"1h 10s", "the first wait must not be longer than the longest"},
           {"9ms 1s", "must be 10ms to 30d"}, {"1s 31d", "must be 10ms to 30d"});
    EXPECT("pronto", "credit_prices", {"email:0 phone:1000000 personal_email:5", NULL}, {"", NULL},
           {"email:3 phone:30", "needs a price for each of email, phone and personal_email"},
           {"email:3 email:3 phone:1 personal_email:1", "a type is given twice"},
           {"email=3", "must be TYPE:CREDITS, separated by blanks"},
           {"mail:3", "the types are email, phone and personal_email"},
           {"email:-1", "a price must be 0 to 1000000"},
           {"email:1000001", "a price must be 0 to 1000000"},
           {"email:", "a price must be 0 to 1000000"});
}

/* A value may hold what should have been elsewhere: it is never said again. */
Test(values, are_never_repeated)
{
    static const char *const keys[] = {"listen",          "public_url", "secret_file",
                                       "trusted_proxies", "verify",     "max_connections",
                                       "max_body",        "timeout"};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        char text[256];
        cleanup_config struct config *config = NULL;
        snprintf(text, sizeof text, "[ingress]\n%s = SeCrEt value\n", keys[i]);
        box_text("c.conf", text);
        cr_expect_eq(load(&config), CONFIG_INVALID);
        cr_expect_null(strstr(faults, "SeCrEt"), "%s", faults);
    }
}

Test(values, of_a_hooks_program)
{
    EXPECT("hook x", "window", {"1", NULL}, {"4096", NULL}, {"0", "must be 1 to 4096"},
           {"4097", "must be 1 to 4096"});
    EXPECT("hook x", "memory", {"0", NULL}, {"1M", NULL}, {"1024G", NULL},
           {"1023K", "must be 0, or 1M to 1024G"}, {"1025G", "must be 0, or 1M to 1024G"});
    EXPECT("hook x", "cpu", {"0", NULL}, {"1s", NULL}, {"7d", NULL},
           {"999ms", "must be 0, or 1s to 7d"}, {"8d", "must be 0, or 1s to 7d"});
    EXPECT("hook x", "files", {"16", NULL}, {"1048576", NULL}, {"15", "must be 16 to 1048576"});
    EXPECT("hook x", "processes", {"0", NULL}, {"100000", NULL}, {"-1", "must be 0 to 100000"});
    EXPECT("hook x", "user", {"", NULL}, {"www-data", NULL}, {"a b", "must be one user's name"},
           {"123456789012345678901234567890123", "a user's name has at most 32 characters"});
    EXPECT("hook x", "working_directory", {"/", NULL}, {"/srv/", NULL}, {"", NULL},
           {"srv", "must be an absolute path"});
}

#define NO_VARIABLE "must be NAME=value, separated by blanks; a name has letters, digits and _"
#define OURS        "names that begin with PRONTO_ are prontod's own"
#define NO_FILE     "must be an absolute path, or the name of a credential"

Test(values, environments)
{
    EXPECT("hook x", "environment", {"", NULL}, {"A=1", NULL}, {"A= _b9=x=y \"C=1 2\"", NULL},
           {"A=1 B", NO_VARIABLE}, {"=1", NO_VARIABLE}, {"1A=1", NO_VARIABLE},
           {"A-B=1", NO_VARIABLE}, {"\xc3\x84=1", NO_VARIABLE}, {"PRONTO_A=1", OURS},
           {"PRONTO_=1", OURS}, {"PRONTO=1", NULL}, {"A=1 B=2 A=3", "a name is given twice"},
           {"A=1 AB=2", NULL}, {"\"A=1", "a quote is not closed"});
    EXPECT("hook x", "environment_file", {"", NULL}, {"/etc/x", NULL}, {"crm-secrets", NULL},
           {"etc/x", NO_FILE}, {"..", NO_FILE}, {".x", NO_FILE});
}
