/* What the files of the reading half share: the connection with its snapshot, reading columns that
 * must make sense, and records by key. For reader*.c only. */
#pragma once

#include "store/database.h"
#include "store/reader.h"
#include "store/store_internal.h"

#define KEY_MAX (INT64_C(1) << 48) /* what an identifier can hold, see common/uuid.h */

struct store_reader {
    struct database database;
    uint64_t database_number;
    const uint8_t *secret; /* store_secret(), or NULL */
};

/* store_reader_open() of a file at hand. */
int reader_open(const char *path, uint64_t database_number, struct store_reader **ret);

/* Between the two, all statements see one state of the store; reader_end() also after a failure.
 * No statement may be under way at the end. 0 or a negative errno. */
int reader_begin(struct store_reader *reader);
void reader_end(struct store_reader *reader);

/* The identifier of the key in @column: "" for NULL. 0, or -EBADMSG for a key that cannot be. */
int reader_id(struct store_reader *reader, struct query *query, int column, enum store_kind kind,
              char ret[static UUID_TEXT_SIZE]);
/* The same for a key at hand; 0 gives "". */
int reader_id_of_key(struct store_reader *reader, enum store_kind kind, store_key key,
                     char ret[static UUID_TEXT_SIZE]);

/* A number in 0..max-1: 0, or -EBADMSG when it is another one. */
int reader_enum(struct query *query, int column, int64_t max, int *ret);

/* A stored JSON object; NULL for NULL. Adds the length of its text to @size. 0, -ENOMEM, or
 * -EBADMSG. */
int reader_json(struct query *query, int column, struct json_object **ret, size_t *size);

/* Records by key inside of a snapshot; @ret is zeroed and stays so but for READER_OK. @size: grows
 * by about what was read, may be NULL. READER_OK, READER_E_NOT_FOUND or a negative errno. */
int reader_read_request(struct store_reader *reader, store_key key, struct request_record *ret,
                        size_t *size);
int reader_read_callback(struct store_reader *reader, store_key key, bool with_body,
                         struct callback_record *ret, size_t *size);
/* Without attempts. What only the facts need comes out at the side; @ret_links may be NULL. */
struct delivery_links {
    store_key request, callback, dead; /* 0: none */
};
int reader_read_delivery(struct store_reader *reader, store_key key, struct delivery_record *ret,
                         struct delivery_links *ret_links, size_t *size);

/* All that ever had a row: an allocation of *ret_n keys. 0 or a negative errno. */
int reader_read_hooks(struct store_reader *reader, int64_t **ret, size_t *ret_n);
/* 0 when there was never a hook of this name. */
int reader_read_hook(struct store_reader *reader, const char *name, int64_t *ret);

/* reader_idempotency.c: as reader_requests(), for a filter with an idempotency key. */
int reader_list_idempotent(struct store_reader *reader, const struct request_filter *filter,
                           const char *after, struct request_record **ret_items, size_t *ret_n,
                           char **ret_next);
