/* Invented requests by number, so that who fills a database and who sends its callbacks need not tell each other anything. */
#pragma once

#include "common/crypto.h"

#include <stdint.h>

#define PERSON_ID_SIZE 37

/* meta.secret of the database. */
extern const uint8_t person_secret[TOKEN_SECRET_BYTES];

/* The token of the submission that has request @number; their keys begin with 1. */
void person_token(int64_t number, struct token *ret);

/* Its enrichment_id, in the form of a UUID. */
void person_enrichment_id(int64_t number, char ret[static PERSON_ID_SIZE]);

/* Its custom, as the store digests it, and the whole body of its callback: about 600 bytes. Returns the length. */
#define PERSON_TEXT_SIZE 1024
int person_custom(int64_t number, char ret[static PERSON_TEXT_SIZE]);
int person_callback(int64_t number, char ret[static PERSON_TEXT_SIZE]);
