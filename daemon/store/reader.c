#include "store/reader_internal.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int store_reader_open(struct store *store, struct store_reader **ret)
{
    int r = reader_open(store_path(store), store_database_number(store), ret);

    if (r == 0)
        (*ret)->secret = store_secret(store);
    return r;
}

int reader_open(const char *path, uint64_t database_number, struct store_reader **ret)
{
    struct store_reader *reader = calloc(1, sizeof(*reader));
    int r;

    if (!reader)
        return -ENOMEM;
    reader->database_number = database_number;
    r = database_open_reader(path, &reader->database);
    if (r == 0)
        r = database_prepare(&reader->database, true);
    if (r < 0) {
        store_reader_free(reader);
        return r;
    }
    *ret = reader;
    return 0;
}

void store_reader_free(struct store_reader *reader)
{
    if (!reader)
        return;
    database_close(&reader->database);
    free(reader);
}

static int run(struct store_reader *reader, enum sql_query which)
{
    cleanup_query struct query query = query_start(&reader->database, which);

    return query_run(&query);
}

int reader_begin(struct store_reader *reader)
{
    /* An end that failed is made up for: else every later answer would fail, and the WAL could not
     * be reset. */
    if (!sqlite3_get_autocommit(reader->database.connection)) {
        int r = run(reader, SQL_READ_END);

        if (r < 0)
            return r;
    }
    return run(reader, SQL_READ_BEGIN);
}

void reader_end(struct store_reader *reader)
{
    if (!sqlite3_get_autocommit(reader->database.connection))
        (void)run(reader, SQL_READ_END); /* nothing was written that could be lost */
}

int reader_id_of_key(struct store_reader *reader, enum store_kind kind, store_key key,
                     char ret[static UUID_TEXT_SIZE])
{
    if (key < 0 || key >= KEY_MAX)
        return -EBADMSG;
    if (key == 0)
        ret[0] = '\0';
    else
        id_format(reader->database_number, kind, key, ret);
    return 0;
}

int reader_id(struct store_reader *reader, struct query *query, int column, enum store_kind kind,
              char ret[static UUID_TEXT_SIZE])
{
    return reader_id_of_key(reader, kind, query_int(query, column), ret);
}

int reader_enum(struct query *query, int column, int64_t max, int *ret)
{
    int64_t value = query_int(query, column);

    if (value < 0 || value >= max)
        return -EBADMSG;
    *ret = (int)value;
    return 0;
}

int reader_json(struct query *query, int column, struct json_object **ret, size_t *size)
{
    const char *text;
    size_t length;
    int r;

    if (query_is_null(query, column)) {
        *ret = NULL;
        return 0;
    }
    text = query_text(query, column, &length);
    if (!text)
        return -ENOMEM;
    r = json_parse_strict(text, length, true, ret);
    if (r != 0)
        return r < 0 ? r : -EBADMSG;
    *size += length;
    return 0;
}

bool reader_token_open(const struct store_reader *reader, const struct token *token,
                       store_key *ret_submission)
{
    return reader->secret && token_open(reader->secret, token, ret_submission);
}

int reader_token(struct store_reader *reader, const struct token *token, store_key *ret_submission)
{
    store_key key = 0;
    bool sealed = reader_token_open(reader, token, &key);
    cleanup_query struct query query =
        query_start(&reader->database, sealed ? SQL_READ_TOKEN_OF_SUBMISSION : SQL_READ_TOKEN);
    struct digest digest;
    struct token stored;
    int r;

    token_digest(token, &digest);
    if (sealed)
        query_bind_int(&query, key);
    else
        query_bind_digest(&query, &digest);
    r = query_step(&query);
    if (r <= 0)
        return r < 0 ? r : READER_E_NOT_FOUND;
    query_token(&query, 1, &stored);
    if (!secret_equal(stored.bytes, sizeof(stored.bytes), token->bytes, sizeof(token->bytes)))
        return READER_E_NOT_FOUND;
    *ret_submission = query_int(&query, 0);
    return READER_OK;
}
