/* Scripts that complete prontoctl's command lines, one writer for each shell. They are written from
 * the table of commands; what hooks there are they ask prontod. */
#pragma once

#include "ctl/usage.h"

#include <stdio.h>

void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void completion_fish(FILE *out);

/* What stands before the command. */
void completion_global(struct usage *ret);

/* Words with blanks between instead of '|'. */
void completion_put_words(FILE *out, const char *words);
