/* The options that describe one contact, shared by submit and register. */
#pragma once

#include "ctl/command.h"

#include <getopt.h>

struct contact_options {
    struct json_object *body;      /* what will be sent; owned */
    struct json_object *custom;    /* of --custom and --custom-json; owned */
    struct json_object *countries; /* owned */
};

enum contact_option {
    OPTION_FIELD = 256,
    OPTION_TYPE,
    OPTION_COUNTRY,
    OPTION_CUSTOM,
    OPTION_CUSTOM_JSON,
    OPTION_OWN
};

#define CONTACT_OPTIONS                                                                            \
    {"firstname", required_argument, NULL, OPTION_FIELD},                                          \
        {"lastname", required_argument, NULL, OPTION_FIELD},                                       \
        {"domain", required_argument, NULL, OPTION_FIELD},                                         \
        {"company-name", required_argument, NULL, OPTION_FIELD},                                   \
        {"linkedin-url", required_argument, NULL, OPTION_FIELD},                                   \
        {"type", required_argument, NULL, OPTION_TYPE},                                            \
        {"phone-country", required_argument, NULL, OPTION_COUNTRY},                                \
        {"custom", required_argument, NULL, OPTION_CUSTOM},                                        \
    {                                                                                              \
        "custom-json", required_argument, NULL, OPTION_CUSTOM_JSON                                 \
    }

/* Returns EXIT_OK or the status to end with. */
int contact_begin(struct contact_options *options);
/* Takes one option of CONTACT_OPTIONS; @name is its long name. */
int contact_option(const struct context *context, struct contact_options *options, int option,
                   const char *name, const char *value);
/* Puts custom and countries into the body. */
int contact_end(struct contact_options *options);
void contact_options_done(struct contact_options *options);
