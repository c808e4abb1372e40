#include "model/text.h"

#include "cases.h"

#define TEXT(s) s, sizeof(s) - 1

Test(text, words_of_others_are_made_clean)
{
    static const char *const secrets[] = {"key-1", "key-12345", "", "no-such", NULL};
    static const struct {
        const char *text;
        size_t size;
        const char *const *secrets;
        size_t max;
        const char *expected;
    } cases[] = {
        {TEXT(""), NULL, 100, ""},
        {TEXT("plain"), NULL, 100, "plain"},
        {TEXT("a\tb\nc\r\nd"), NULL, 100, "a b c  d"},
        {TEXT("\x1b[31mred\x7f\x01"), NULL, 100, "?[31mred??"},
        {TEXT("a\0b"), NULL, 100, "a?b"},
        {TEXT("\xc2\x80\xc2\x9f\xc2\xa0z"), NULL, 100, "??\xc2\xa0z"},
        {TEXT("Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80"), NULL, 100,
         "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80"},
        {TEXT("\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xff|\xe2\x82"), NULL, 100,
         "??|???|????|?|??"},
        {TEXT("key-1 and key-12345 and key-123456"), secrets, 100, "*** and *** and ***6"},
        {TEXT("key-1key-1"), secrets, 100, "******"},
        {TEXT("key-"), secrets, 100, "key-"},
        {TEXT("abcdef"), NULL, 3, "abc"},
        {TEXT("ab\xe2\x82\xac"), NULL, 4, "ab"},
        {TEXT("ab\xe2\x82\xac"), NULL, 5, "ab\xe2\x82\xac"},
        {TEXT("abcdkey-1"), secrets, 6, "abcd"},
        {TEXT("abc"), NULL, 0, ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text_line line = {0};

        text_line_add_foreign(&line, cases[i].text, cases[i].size, cases[i].max, cases[i].secrets);
        expect_text(line.text, cases[i].expected, cases[i].text);
        cr_expect_eq(line.size, strlen(cases[i].expected));
    }
}

Test(text, a_line_keeps_its_limit)
{
    struct text_line line = {.limit = 10};

    text_line_add(&line, "12345");
    text_line_addf(&line, "%d", 678);
    cr_expect(!line.cut);
    text_line_add(&line, "too long");
    cr_expect(line.cut);
    text_line_add(&line, "9");
    text_line_add_foreign(&line, "9", 1, 1, NULL);
    expect_text(line.text, "12345678", "nothing is added after the cut");
    cr_expect(line.cut);
}

Test(text, a_cut_piece_does_not_end_the_line)
{
    struct text_line line = {0};

    text_line_add_foreign(&line, "abcdef", 6, 3, NULL);
    text_line_add(&line, "|");
    expect_text(line.text, "abc|", "piece");
    cr_expect(!line.cut);
}

Test(text, the_longest_line_is_bounded)
{
    struct text_line line = {0};

    for (int i = 0; i < TEXT_LINE_MAX; i++)
        text_line_add_foreign(&line, "\xc3\xbc", 2, TEXT_LINE_MAX, NULL);
    cr_expect_eq(line.size, TEXT_LINE_MAX);
    cr_expect_eq(strlen(line.text), TEXT_LINE_MAX);
    cr_expect(line.cut);
}

Test(text, utf8_length)
{
    cr_expect_eq(text_utf8_length("", 0), 0);
    cr_expect_eq(text_utf8_length("a", 1), 1);
    cr_expect_eq(text_utf8_length("\xc3\xbc", 2), 2);
    cr_expect_eq(text_utf8_length("\xc3\xbc", 1), 0);
    cr_expect_eq(text_utf8_length("\xe0\x9f\xbf", 3), 0);
    cr_expect_eq(text_utf8_length("\xe0\xa0\x80", 3), 3);
    cr_expect_eq(text_utf8_length("\xed\x9f\xbf", 3), 3);
    cr_expect_eq(text_utf8_length("\xf0\x8f\xbf\xbf", 4), 0);
    cr_expect_eq(text_utf8_length("\xf4\x8f\xbf\xbf", 4), 4);
    cr_expect_eq(text_utf8_length("\xf5\x80\x80\x80", 4), 0);
    cr_expect_eq(text_utf8_length("\xe2\x82x", 3), 0);
    cr_expect_eq(text_utf8_length("\x80", 1), 0);
}
