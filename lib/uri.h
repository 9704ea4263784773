/* Data URIs: proto[@option…]://path[|action] or a plain path (product.md section 6).
 * This parses and refuses; moving data is the storage plugins' business. */
#ifndef SQ_LIB_URI_H
#define SQ_LIB_URI_H

#include <scitq/error.h>
#include "lib/arena.h"

enum { SQ_URI_OPTIONS_MAX = 4 };

struct sq_uri {
    char *proto; /* "file" for a plain path */
    char *options[SQ_URI_OPTIONS_MAX];
    size_t n_options;
    char *path;   /* after ://, without the action; ends in '/' for a folder */
    char *action; /* "gunzip", "untar", "unzip", "mv:folder", or NULL */
};

/* Strings live in `arena`.  SQ_EINVAL names the defect and the URI. */
int sq_uri_parse(const char *text, struct sq_arena *arena, struct sq_uri *ret,
                 struct sq_err *err);
/* Check a space-separated list (%20 stands for a space inside a name). */
int sq_uri_check_list(const char *list, struct sq_err *err);

#endif
