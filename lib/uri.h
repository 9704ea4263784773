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
/* For messages, in place: the password and the query (the key of a signed link) of a
 * URL of http, https or ftp become stars. */
void sq_uri_hide(char *text);
/* The lists of URIs that tasks have (input, resource, output) are separated by spaces,
 * tabs and newlines; %20 stands for a space inside a name.  The next one of `*list`,
 * which goes past it: where it begins, and *ret_len; NULL: there is none (any more).
 * A list that is NULL is empty. */
const char *sq_uri_next(const char **list, size_t *ret_len);
size_t sq_uri_count(const char *list);
/* Check what a task names, which is read on another machine: no relative path, unless
 * `flags` let one pass. */
enum { SQ_URI_RELATIVE = 1 };
int sq_uri_check_list(const char *list, unsigned flags, struct sq_err *err);
/* One folder, without an action; "" is none. */
int sq_uri_check_output(const char *output, unsigned flags, struct sq_err *err);

#endif
