/* Protofilters: which flavors will do, in the words of product.md section 7:
 * `auto:cpu>=10:ram>=100:disk>=200`.
 *
 * One parser; what it makes is evaluated in memory by sq_protofilter_match() and turned
 * into SQL by core/store/offers.c from the same rows.  No I/O, no clock, any thread. */
#ifndef SQ_MODEL_PROTOFILTER_H
#define SQ_MODEL_PROTOFILTER_H

#include <scitq/error.h>
#include <stdbool.h>
#include <stddef.h>

/* What can be asked about.  Numbers that an offer does not have are 0, texts are "". */
enum sq_proto_item {
    SQ_PROTO_CPU,
    SQ_PROTO_RAM,  /* GB */
    SQ_PROTO_DISK, /* GB */
    SQ_PROTO_GPUMEM,
    SQ_PROTO_EVICTION, /* percent */
    SQ_PROTO_COST,     /* an hour */
    SQ_PROTO_TAGS,     /* the first that is text */
    SQ_PROTO_REGION,
    SQ_PROTO_PROVIDER,
    SQ_PROTO_ITEMS
};

enum sq_proto_test {
    SQ_PROTO_EQ,
    SQ_PROTO_NE,
    SQ_PROTO_GE,
    SQ_PROTO_GT,
    SQ_PROTO_LE,
    SQ_PROTO_LT,
    SQ_PROTO_LIKE, /* the whole text, case and all; % is any text */
    SQ_PROTO_UNLIKE,
    SQ_PROTO_HAS,  /* all these letters, in any order */
    SQ_PROTO_LACKS /* every one of them */
};

enum { SQ_PROTO_RULES = 16, SQ_PROTO_VALUE = 64 };

struct sq_proto_rule {
    enum sq_proto_item item;
    enum sq_proto_test test;
    double number;                 /* of items before SQ_PROTO_TAGS */
    char text[SQ_PROTO_VALUE + 1]; /* of the others */
};

/* All of the rules hold, those that the text leaves to the default included. */
struct sq_protofilter {
    size_t n;
    struct sq_proto_rule rules[SQ_PROTO_RULES + 2];
};

/* A flavor somewhere, as far as rules ask: by item. */
struct sq_proto_facts {
    double numbers[SQ_PROTO_TAGS];
    const char *texts[SQ_PROTO_ITEMS]; /* from SQ_PROTO_TAGS on; NULL is "" */
};

/* Whether a worker's or recruiter's flavor is one (it begins with "auto") and no name.
 */
bool sq_is_protofilter(const char *flavor);
/* SQ_EINVAL names the rule and what is wrong with it. */
int sq_protofilter_parse(const char *text, struct sq_protofilter *ret,
                         struct sq_err *err);
bool sq_protofilter_match(const struct sq_protofilter *f,
                          const struct sq_proto_facts *facts);

#endif
