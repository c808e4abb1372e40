/* The lines of the shared secret file. Of this room only. */
#pragma once

#include "config/config.h"

#define SECRETS_MAX 64 /* each callback is compared with all of them */
#define SECRET_MIN  8
#define SECRET_MAX  128

/* Reads lines of SECRET_MIN to SECRET_MAX characters of A-Z a-z 0-9 - _ . ~ (what a URL's path
 * carries unescaped); blank lines and # comments are skipped, blanks around a line too. Wipes
 * nothing of @text. Returns CONFIG_OK with a vector for config_free_secrets(), CONFIG_INVALID with
 * the line, or -ENOMEM. */
int secrets_parse(const char *text, size_t size, char ***ret, unsigned *ret_line);
