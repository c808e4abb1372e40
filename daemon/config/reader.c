/* inih splits "key = value" and takes comments off. The rest is done here, since inih cuts long
 * lines, cuts the names of sections at 49 bytes, ignores what follows a section's ']', and does not
 * tell its handler the line. So sections and faulty lines never reach it (it sees an empty line
 * instead), and a line that its handler was not called for has no '='. */
#include "config/reader.h"

#include "model/text.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t"

struct reader {
    const char *at, *end;
    unsigned line;
    bool pending; /* the line given to inih last should become a value */
    int error;
    const struct reader_events *events;
    void *userdata;
};

static const char *check_character(const char *text, size_t size, size_t *ret_length)
{
    *ret_length = 1;
    if (*text == '\0')
        return "has a NUL byte";
    if (*text == '\t' || *text == '\n' || (*text == '\r' && size > 1 && text[1] == '\n'))
        return NULL;
    if ((unsigned char)*text < 0x20 || *text == 0x7f)
        return "has a control character";
    *ret_length = text_utf8_length(text, size);
    return *ret_length == 0 ? "is not UTF-8" : NULL;
}

/* The first fault of the text as such, or NULL. */
static const char *check_text(const char *text, size_t size, unsigned *ret_line)
{
    *ret_line = 1;
    for (size_t i = 0; i < size;) {
        size_t length = 0;
        const char *fault = check_character(text + i, size - i, &length);
        if (fault)
            return fault;
        if (text[i] == '\n')
            (*ret_line)++;
        i += length;
    }
    return NULL;
}

static void keep_error(struct reader *reader, int r)
{
    if (reader->error == 0)
        reader->error = r;
}

static void tell_fault(struct reader *reader, const char *message)
{
    keep_error(reader, reader->events->fault(reader->userdata, reader->line, message));
}

/* A section that cannot be read must not leave its keys to the one before. */
static void bad_section(struct reader *reader, const char *message)
{
    tell_fault(reader, message);
    keep_error(reader, reader->events->section(reader->userdata, reader->line, NULL));
}

/* "[NAME]" and perhaps a comment, in @text, which is changed. */
static void read_section(struct reader *reader, char *text)
{
    char *name = strchr(text, '[') + 1;
    name += strspn(name, BLANKS);
    char *end = strchr(text, ']');
    if (!end) {
        bad_section(reader, "a section needs a closing ]");
        return;
    }
    const char *rest = end + 1 + strspn(end + 1, BLANKS);
    if (*rest != '\0' && *rest != ';' && *rest != '#') {
        bad_section(reader, "nothing but a comment may follow a section's ]");
        return;
    }
    while (end > name && strchr(BLANKS, end[-1]))
        end--;
    *end = '\0';
    keep_error(reader, reader->events->section(reader->userdata, reader->line, name));
}

/* Copies the next line, without its end, into @ret. False: it is too long. */
static bool take_line(struct reader *reader, char ret[static CONFIG_LINE_MAX + 1])
{
    size_t left = (size_t)(reader->end - reader->at);
    const char *newline = memchr(reader->at, '\n', left);
    size_t length = newline ? (size_t)(newline - reader->at) : left;
    const char *text = reader->at;
    reader->at += newline ? length + 1 : length;
    reader->line++;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    ret[0] = '\0';
    if (length > CONFIG_LINE_MAX)
        return false;
    memcpy(ret, text, length);
    ret[length] = '\0';
    return true;
}

static void end_pending(struct reader *reader)
{
    if (reader->pending)
        tell_fault(reader, "not a [section], a \"key = value\" or a comment");
    reader->pending = false;
}

/* ini_reader: the next line into @out, or NULL at the end, when the last line has been judged too.
 */
static char *next_line(char *out, int size, void *stream)
{
    struct reader *reader = stream;
    char line[CONFIG_LINE_MAX + 1];
    end_pending(reader);
    if (reader->at == reader->end || reader->error != 0)
        return NULL;
    if (!take_line(reader, line))
        tell_fault(reader, "the line is longer than 8192 bytes");
    const char *start = line + strspn(line, BLANKS);
    if (*start == '[') {
        read_section(reader, line);
        line[0] = '\0';
    } else {
        reader->pending = *start != '\0' && *start != ';' && *start != '#';
    }
    snprintf(out, (size_t)size, "%s\n", line);
    return out;
}

/* ini_handler */
static int take_value(void *userdata, const char *section, const char *name, const char *value)
{
    (void)section; /* known better, see above */
    struct reader *reader = userdata;
    reader->pending = false;
    if (*name == '\0')
        tell_fault(reader, "the key before the = is missing");
    else
        keep_error(reader, reader->events->value(reader->userdata, reader->line, name, value));
    return 1;
}

static void set_inih_options(void)
{
    static char prefixes[] = ";#";
    ini_start_comment_prefixes = prefixes;
    ini_inline_comment_prefixes = prefixes;
    ini_allow_inline_comments = true;
    ini_allow_multiline = false;
    ini_allow_bom = false; /* skipped in reader_run() */
    ini_allow_no_value = false;
    ini_stop_on_first_error = false;
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_max_line = CONFIG_LINE_MAX + 3; /* "\r\n" and NUL, by <ini.h> */
    ini_initial_alloc = CONFIG_LINE_MAX + 3;
}

int reader_run(const char *text, size_t size, const struct reader_events *events, void *userdata)
{
    static const char bom[] = "\xef\xbb\xbf";
    if (size >= 3 && memcmp(text, bom, 3) == 0) {
        text += 3;
        size -= 3;
    }
    struct reader reader = {.at = text, .end = text + size, .events = events, .userdata = userdata};
    const char *fault = check_text(text, size, &reader.line);
    if (fault) {
        int r = events->fault(userdata, reader.line, fault);
        return r < 0 ? r : READER_UNREADABLE;
    }
    reader.line = 0;
    set_inih_options();
    /* -2: no memory for its line. Positive: a line without '=', told already. */
    if (ini_parse_stream(next_line, &reader, take_value, &reader) == -2)
        return -ENOMEM;
    return reader.error;
}
