#include "ctl/csv_write.h"

#include <stdbool.h>
#include <string.h>

static bool needs_quotes(char delimiter, const char *text, size_t size)
{
    if (size == 0)
        return false;
    if (text[0] == ' ' || text[size - 1] == ' ')
        return true;
    for (size_t i = 0; i < size; i++)
        if (text[i] == delimiter || text[i] == '"' || text[i] == '\r' || text[i] == '\n')
            return true;
    return false;
}

static void put(FILE *stream, char delimiter, const char *prefix, const char *text, size_t size)
{
    bool quotes = needs_quotes(delimiter, text, size);

    if (quotes)
        fputc('"', stream);
    fputs(prefix, stream);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            fputc('"', stream);
        fputc(text[i], stream);
    }
    if (quotes)
        fputc('"', stream);
}

void csv_write(FILE *stream, char delimiter, const char *text, size_t size)
{
    put(stream, delimiter, "", text, size);
}

static bool is_phone(const char *text, size_t size)
{
    if (size < 2 || text[0] != '+')
        return false;
    for (size_t i = 1; i < size; i++)
        if ((text[i] < '0' || text[i] > '9') &&
            !(text[i] == ' ' && i + 1 < size && text[i + 1] == '+') &&
            !(text[i] == '+' && text[i - 1] == ' '))
            return false;
    return true;
}

void csv_write_foreign(FILE *stream, char delimiter, const char *text, size_t size)
{
    bool formula =
        size > 0 && text[0] != '\0' && strchr("=+-@\t\r", text[0]) && !is_phone(text, size);

    put(stream, delimiter, formula ? "'" : "", text, size);
}
