#include "model/person.h"

#include "cases.h"

static struct person person_of(enum person_kind kind, const char *text)
{
    struct person person = {0};

    cr_assert_eq(person_parse(kind, text, &person), PERSON_OK, "%s", text);
    return person;
}

Test(person, normal_forms)
{
    static const struct {
        enum person_kind kind;
        const char *text, *normal; /* NULL: invalid */
    } cases[] = {
        {PERSON_EMAIL, " Ann.Lee@Example.COM\n", "ann.lee@example.com"},
        {PERSON_EMAIL, "a@b", "a@b"},
        {PERSON_EMAIL, "@example.com", NULL},
        {PERSON_EMAIL, "ann@", NULL},
        {PERSON_EMAIL, "ann lee@example.com", NULL},
        {PERSON_EMAIL, "", NULL},
        {PERSON_LINKEDIN, "https://www.LinkedIn.com/in/Ann/", "linkedin.com/in/Ann"},
        {PERSON_LINKEDIN, "HTTP://linkedin.com/in/Ann//", "linkedin.com/in/Ann"},
        {PERSON_LINKEDIN, "linkedin.com/in/Ann?trk=x#top", "linkedin.com/in/Ann"},
        {PERSON_LINKEDIN, "fr.linkedin.com/in/ann", "fr.linkedin.com/in/ann"},
        {PERSON_LINKEDIN, "https://linkedin.com/", NULL},
        {PERSON_LINKEDIN, "linkedin.com", NULL},
        {PERSON_LINKEDIN, "/in/ann", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct person person = {0};
        int r = person_parse(cases[i].kind, cases[i].text, &person);

        cr_expect_eq(r, cases[i].normal ? PERSON_OK : PERSON_INVALID, "%s", cases[i].text);
        if (r == PERSON_OK && cases[i].normal)
            cr_expect_str_eq(person.text, cases[i].normal);
        person_done(&person);
    }
}

Test(person, spellings_are_one)
{
    struct person email = person_of(PERSON_EMAIL, "Ann@Example.com");
    struct person url = person_of(PERSON_LINKEDIN, "linkedin.com/in/Ann");

    cr_expect(person_equal(&email, "aNN@exampLE.com "));
    cr_expect(!person_equal(&email, "ann@example.co"));
    cr_expect(!person_equal(&email, ""));
    cr_expect(person_equal(&url, "https://WWW.Linkedin.com/in/Ann/"));
    cr_expect(!person_equal(&url, "https://www.linkedin.com/in/ann"), "the path has case");
    cr_expect(!person_equal(&url, "https://www.linkedin.com/in/Anne"));
    person_done(&email);
    person_done(&url);
}

Test(person, words_in_a_text)
{
    static const struct {
        enum person_kind kind;
        const char *text;
        bool in;
    } cases[] = {
        {PERSON_EMAIL, "ann@example.com", true},
        {PERSON_EMAIL, "<ANN@example.com>, ", true},
        {PERSON_EMAIL, "ann@example.com.", true},
        {PERSON_EMAIL, "joann@example.com ann@example.com", true},
        {PERSON_EMAIL, "joann@example.com", false},
        {PERSON_EMAIL, "jo.ann@example.com", false},
        {PERSON_EMAIL, "ann@example.com.br", false},
        {PERSON_EMAIL, "ann@example.community", false},
        {PERSON_EMAIL, "ann@example", false},
        {PERSON_LINKEDIN, "see https://www.linkedin.com/in/ann?x", true},
        {PERSON_LINKEDIN, "linkedin.com/in/ann/", true},
        {PERSON_LINKEDIN, "linkedin.com/in/ann-lee", false},
        {PERSON_LINKEDIN, "xlinkedin.com/in/ann", false},
    };
    struct person persons[] = {person_of(PERSON_EMAIL, "ann@example.com"),
                               person_of(PERSON_LINKEDIN, "linkedin.com/in/ann")};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_eq(person_in_text(&persons[cases[i].kind], cases[i].text, strlen(cases[i].text)),
                     cases[i].in, "%s", cases[i].text);
    person_done(&persons[0]);
    person_done(&persons[1]);
}

Test(person, anywhere_in_a_tree_or_in_the_results_addresses)
{
    cleanup_json struct json_object *deep = tree("{\"a\": [1, {\"b\": \"to ann@example.com\"}]}");
    cleanup_json struct json_object *key = tree("{\"ann@example.com\": null}");
    cleanup_json struct json_object *none = tree("{\"a\": [true, null, 1.5, \"ann\"]}");
    cleanup_json struct json_object *result =
        tree("{\"email\": null, \"personal_email\": \"Ann@example.com\"}");
    struct person ann = person_of(PERSON_EMAIL, "ann@example.com");

    cr_expect(person_in_json(&ann, deep));
    cr_expect(person_in_json(&ann, key));
    cr_expect(!person_in_json(&ann, none));
    cr_expect(person_in_result(&ann, result));
    cr_expect(!person_in_result(&ann, deep));
    person_done(&ann);
}

static int note(int64_t key, void *userdata)
{
    *(int64_t *)userdata = key;
    return 7;
}

Test(person, the_index_knows_a_url_in_any_spelling)
{
    cleanup_json struct json_object *content =
        tree("{\"linkedin_url\": \"https://www.linkedin.com/in/ann/\"}");
    cleanup_json struct json_object *none = tree("{\"linkedin_url\": \"nonsense\"}");
    struct person ann = person_of(PERSON_LINKEDIN, "http://LINKEDIN.com/in/ann");
    int64_t key = 0;

    cr_expect_eq(person_index(content, note, &key), 7);
    cr_expect_eq(key, person_index_key(&ann));
    cr_expect_eq(person_index(none, note, &key), 0);
    person_done(&ann);
}
