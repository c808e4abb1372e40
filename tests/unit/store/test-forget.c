/* What is about a person is found in all its spellings, and goes whole. */
#include "tests/unit/store/house.h"

#include "model/person.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct house house;

static void setup(void)
{
    house_open(&house);
}

static void teardown(void)
{
    house_check(&house);
    house_close(&house);
}

TestSuite(store_forget, .init = setup, .fini = teardown);

static store_key finish(const char *first, const char *id, const char *email)
{
    char body[300];
    store_key request = house_submit(&house, first, "Quux", NULL);
    store_key submission = house_accept(&house, id);

    snprintf(body, sizeof(body), "{\"id\": \"%s\", \"email\": \"%s\"}", id, email);
    cr_assert_eq(house_receive(&house, submission, body).state, CALLBACK_MATCHED);
    return request;
}

static int64_t requests(void)
{
    return house_count(&house, "SELECT count(*) FROM request");
}

struct found {
    store_key requests[8], callbacks[8];
    size_t n_requests, n_callbacks;
};

static int on_found(store_key request, store_key callback, void *userdata)
{
    struct found *found = userdata;

    cr_assert((request == 0) != (callback == 0));
    if (request)
        found->requests[found->n_requests++] = request;
    else
        found->callbacks[found->n_callbacks++] = callback;
    return 0;
}

static struct found look_for(enum person_kind kind, const char *text)
{
    struct found found = {0};
    struct person_cursor cursor = {0};
    struct store_reader *reader;
    struct person person;
    int r;

    cr_assert_eq(person_parse(kind, text, &person), PERSON_OK);
    cr_assert_eq(store_reader_open(house.store, &reader), 0);
    while ((r = reader_person(reader, &person, &cursor, on_found, &found)) > 0)
        ;
    cr_assert_eq(r, 0);
    store_reader_free(reader);
    person_done(&person);
    return found;
}

static int64_t forget(const struct found *found)
{
    struct store_forget forget = {.base.kind = STORE_FORGET,
                                  .requests = found->requests,
                                  .n_requests = found->n_requests,
                                  .callbacks = found->callbacks,
                                  .n_callbacks = found->n_callbacks,
                                  .now = house.now};

    cr_assert_eq(house_do(&house, &forget), STORE_OK);
    return forget.n;
}

Test(store_forget, a_person_by_an_address)
{
    store_key zenobia = finish("Zenobia", "id-of-zenobia", "Zenobia@Example.com");
    struct found found;

    finish("Joan", "id-of-joan", "joan.zenobia@example.com");
    house_receive(&house, 0, "{\"id\": \"nobody\", \"x\": [\"zenobia\\u0040example.com\"]}");
    house_receive(&house, 0, "no JSON of <zenobia@example.com>");
    house_receive(&house, 0, "{\"id\": \"else\", \"email\": \"zenobia@example.com.br\"}");
    found = look_for(PERSON_EMAIL, " zenobia@example.COM");
    cr_expect_eq(found.n_callbacks, 2);
    cr_assert_geq(found.n_requests, 1);
    for (size_t i = 0; i < found.n_requests; i++)
        cr_expect_eq(found.requests[i], zenobia);
    cr_expect_eq(forget(&found), 3);
    cr_expect(!house_holds(&house, "Zenobia"));
    cr_expect_eq(requests(), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM callback WHERE state = 2"), 1);
    cr_expect_eq(house_receive(&house, 0, "{\"id\": \"nobody\"}").callback, 0,
                 "it does not come back");
    cr_expect_eq(look_for(PERSON_EMAIL, "zenobia@example.com").n_requests, 0);
}

/* A duplicate brought another address than the result has. */
Test(store_forget, a_person_by_the_address_of_a_duplicate)
{
    store_key zenobia = finish("Zenobia", "id-of-zenobia", "z@example.com");
    struct found found;

    cr_assert_eq(
        house_receive(&house, 0, "{\"id\": \"id-of-zenobia\", \"email\": \"other@example.com\"}")
            .state,
        CALLBACK_DUPLICATE);
    found = look_for(PERSON_EMAIL, "other@example.com");
    cr_assert_eq(found.n_requests, 1);
    cr_expect_eq(found.requests[0], zenobia);
}

static store_key submit_url(const char *url)
{
    struct contact contact = house_contact("Zenobia", "Quux", NULL);
    struct store_submit submit = {
        .base.kind = STORE_SUBMIT, .contacts = &contact, .n_contacts = 1, .now = house.now};

    cr_assert_eq(json_add_string(contact.content, "linkedin_url", url), 0);
    cr_assert_eq(house_do(&house, &submit), STORE_OK);
    contact_done(&contact);
    return submit.keys[0];
}

Test(store_forget, a_person_by_a_linkedin_url)
{
    store_key first = submit_url("https://www.linkedin.com/in/zenobia/");
    store_key second = submit_url("http://LinkedIn.com/in/zenobia");
    struct found found;

    submit_url("https://www.linkedin.com/in/zenobia-q");
    house_receive(&house, 0,
                  "{\"id\": \"x\", \"url\": \"https://www.linkedin.com/in/zenobia?a=1\"}");
    found = look_for(PERSON_LINKEDIN, "linkedin.com/in/zenobia");
    cr_assert_eq(found.n_requests, 2);
    cr_expect_eq(found.requests[0], first);
    cr_expect_eq(found.requests[1], second);
    cr_expect_eq(found.n_callbacks, 1);
    cr_expect_eq(forget(&found), 3);
    cr_expect_eq(requests(), 1);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM custom_member"), 1);
}

/* Before the index there was none of a linkedin_url. */
Test(store_forget, a_person_by_a_linkedin_url_in_an_older_database)
{
    store_key old = submit_url("https://www.linkedin.com/in/zenobia/"), fresh;
    struct found found;
    char sql[100];

    submit_url("https://www.linkedin.com/in/ada");
    house_stop(&house);
    house_run(&house, "DELETE FROM custom_member");
    snprintf(sql, sizeof(sql), "UPDATE meta SET last_unindexed = %lld", (long long)old + 1);
    house_run(&house, sql);
    house_start(&house);
    fresh = submit_url("https://www.linkedin.com/in/zenobia");
    found = look_for(PERSON_LINKEDIN, "linkedin.com/in/zenobia");
    cr_assert_eq(found.n_requests, 2);
    cr_expect_eq(found.requests[0], fresh);
    cr_expect_eq(found.requests[1], old);
    cr_expect_eq(forget(&found), 2);
    cr_expect(!house_holds(&house, "in/zenobia"));
}

Test(store_forget, many_are_forgotten_in_several_slices)
{
    enum { N = 250 };
    store_key keys[N];
    struct store_forget forget = {.base.kind = STORE_FORGET,
                                  .requests = keys,
                                  .n_requests = N,
                                  .enrichment_id = "waits",
                                  .now = house.now};

    for (int i = 0; i < N; i++)
        keys[i] = house_submit(&house, "Zenobia", "Quux", NULL);
    house_receive(&house, 0, "{\"id\": \"waits\"}");
    cr_assert_eq(house_do(&house, &forget), STORE_OK);
    cr_expect_eq(forget.n, N + 1);
    cr_expect_eq(requests(), 0);
    cr_expect(!house_holds(&house, "enobia"));
    cr_expect_eq(house_receive(&house, 0, "{\"id\": \"waits\"}").callback, 0);
}

static void run_sql(const char *sql)
{
    sqlite3 *connection;

    house_stop(&house);
    cr_assert_eq(sqlite3_open(house.path, &connection), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(connection, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(connection));
    cr_assert_eq(sqlite3_close(connection), SQLITE_OK);
    house_start(&house);
}

Test(store_forget, a_person_by_what_pronto_answered)
{
    struct found found;

    finish("Zenobia", "id-of-zenobia", "z@example.com");
    run_sql("INSERT INTO result (request, received_at, digest, json, raw)"
            " SELECT request, received_at, x'00', '{}',"
            " '{\"contact\": {\"email\": \"raw-zenobia@example.com\"}}' FROM callback");
    found = look_for(PERSON_EMAIL, "raw-zenobia@example.com");
    cr_assert_eq(found.n_requests, 1);
    cr_expect_eq(forget(&found), 1);
    cr_expect(!house_holds(&house, "enobia"));
}

/* A key of one, and one of three. */
Test(store_forget, an_idempotency_key_goes_with_its_last_request)
{
    store_key keys[4];

    for (int i = 0; i < 4; i++)
        keys[i] = house_submit(&house, "Zenobia", "Quux", NULL);
    cr_assert_eq(keys[3], keys[0] + 3);
    run_sql("INSERT INTO idempotency SELECT x'01', x'02', min(id), 3, 0 FROM request;"
            "INSERT INTO idempotency SELECT x'03', x'04', max(id), 1, 0 FROM request");
    house_erase(&house, keys[0]);
    house_erase(&house, keys[2]);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM idempotency"), 2);
    house_erase(&house, keys[1]);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM idempotency WHERE n = 3"), 0);
    house_erase(&house, keys[3]);
    cr_expect_eq(house_count(&house, "SELECT count(*) FROM idempotency"), 0);
}
