#include "query/params.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect(const char *query, const char *name, const char *value)
{
    struct params params;

    cr_assert_eq(params_parse(query, &params), PARAMS_OK, "%s", query);
    if (value)
        cr_assert_str_eq(params_get(&params, name), value, "%s", query);
    else
        cr_assert_null(params_get(&params, name), "%s", query);
    params_done(&params);
}

Test(params, values)
{
    expect(NULL, "a", NULL);
    expect("", "a", NULL);
    expect("&&", "", NULL);
    expect("a", "a", "");
    expect("a=", "a", "");
    expect("a=b", "a", "b");
    expect("a=b=c", "a", "b=c");
    expect("x=1&a=b&y", "a", "b");
    expect("a=1+2%2B3%20", "a", "1 2+3 ");
    expect("custom.a%26b=%c3%A9", "custom.a&b", "\xc3\xa9");
    expect("=1", "", "1");
}

Test(params, malformed)
{
    static const char *const cases[] = {"a=%", "a=%4", "a=%4g", "%zz=1", "a=%00", "a%00b=1"};
    struct params params;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(params_parse(cases[i], &params), PARAMS_E_MALFORMED, "%s", cases[i]);
}

Test(params, as_many_as_the_limit)
{
    char query[4 * PARAMS_MAX + 8] = "";
    struct params params;

    for (int i = 0; i < PARAMS_MAX; i++)
        strcat(query, "a=1&");
    cr_assert_eq(params_parse(query, &params), PARAMS_OK);
    params_done(&params);
    strcat(query, "a=1");
    cr_assert_eq(params_parse(query, &params), PARAMS_E_TOO_MANY);
}

static void expect_unwanted(const char *query, const char *name)
{
    static const char *const allowed[] = {"state", "custom.", NULL};
    const struct param *unwanted;
    struct params params;

    cr_assert_eq(params_parse(query, &params), PARAMS_OK);
    unwanted = params_unwanted(&params, allowed);
    if (name)
        cr_assert(unwanted && strcmp(unwanted->name, name) == 0, "%s", query);
    else
        cr_assert_null(unwanted, "%s", query);
    params_done(&params);
}

Test(params, unwanted)
{
    expect_unwanted("state=a&custom.x=1&custom.x=2&custom.=3", NULL);
    expect_unwanted("state=a&state=a", "state");
    expect_unwanted("states=a", "states");
    expect_unwanted("stat=a", "stat");
    expect_unwanted("custom=a", "custom");
    expect_unwanted("State=a", "State");
}

Test(params, none_allowed)
{
    struct params params;

    cr_assert_eq(params_parse("a=1", &params), PARAMS_OK);
    cr_assert_not_null(params_unwanted(&params, NULL));
    params_done(&params);
}

Test(params, seconds)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"30", 30000},
        {"1.5", 1500},
        {"0.001", 1},
        {"0.0009", 0},
        {"3600", 3600000},
        {"3600.000", 3600000},
        {"3600.001", -1},
        {"3601", -1},
        {"", -1},
        {"-1", -1},
        {"+1", -1},
        {"1.", -1},
        {".5", -1},
        {"1s", -1},
        {"1e3", -1},
        {" 1", -1},
        {"99999999999999999999999", -1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -1;

        cr_assert_eq(param_seconds(cases[i].text, 3600, &ms), cases[i].ms >= 0, "%s",
                     cases[i].text);
        cr_assert_eq(ms, cases[i].ms, "%s", cases[i].text);
    }
}
