/* Routes as data: what each call is, and finding the one that a path means.  Pure. */
#ifndef SQ_HTTP_ROUTE_H
#define SQ_HTTP_ROUTE_H

#include "core/model/field.h"
#include "core/store/db.h"
#include "lib/arena.h"

struct sq_request;

enum sq_method { SQ_GET, SQ_POST, SQ_PUT, SQ_DELETE, SQ_METHODS };

enum {
    SQ_R_ARRAY = 1, /* the body may be an array of tasks, split while it arrives */
    SQ_R_LIFT = 2,  /* members "data" of the body are lifted before it is parsed */
    SQ_R_OUTPUT = 4 /* the body's text is a command's output: any bytes are taken */
};

/* A call is up to four steps, each NULL when there is nothing to do: prepare (HTTP
 * thread: understand the body), then write (writer thread, in a transaction) or read
 * (HTTP thread, on a pooled connection), then answer (HTTP thread: write it out).
 * An error of any step is the answer. */
struct sq_route {
    enum sq_method method;
    const char *path; /* <id> is digits, <name> any segment; a collection ends in / */
    const struct sq_type *type; /* of the body and of the answer, where generic steps
                                   need it */
    int (*prepare)(struct sq_request *r, struct sq_err *err);
    int (*read)(struct sq_request *r, struct sq_db *db, struct sq_err *err);
    int (*write)(struct sq_request *r, struct sq_tx *tx, struct sq_err *err);
    int (*answer)(struct sq_request *r, struct sq_err *err);
    int status; /* of success; 0 is 200 */
    unsigned flags;
    /* What the body may hold and nothing else, words separated by spaces: "text" or
     * "limit:integer"; a GET takes them as query parameters too.  NULL: what `type`
     * has, or what its steps say. */
    const char *members;
    const struct sq_type *gives; /* rows answered, where that is not `type` */
    const char *help;            /* a phrase for the page at / */
};

enum { SQ_PATH_IDS = 2 };

struct sq_match {
    const struct sq_route *route;
    int64_t ids[SQ_PATH_IDS];
    int n_ids;
    char *name;
    const char *huge; /* an id that no integer holds, else NULL */
    char *location;   /* SQ_MATCH_REDIRECT */
    unsigned methods; /* SQ_MATCH_METHOD: bit m for enum sq_method m */
};

enum sq_match_kind {
    SQ_MATCH_ROUTE,
    SQ_MATCH_NONE,
    SQ_MATCH_METHOD,   /* the path is there, the method is not */
    SQ_MATCH_REDIRECT, /* a collection without its slash */
    SQ_MATCH_BAD       /* the path cannot be decoded: bad %, NUL, not UTF-8, too long */
};

/* `path` is as it came, percent-encoded, without the query.  A huge id matches as
 * INT64_MAX, which no row has. */
enum sq_match_kind sq_route_match(const struct sq_route *routes, size_t n,
                                  enum sq_method method, const char *path,
                                  struct sq_arena *arena, struct sq_match *ret);

/* "GET" … ; SQ_METHODS for a word that is none.  HEAD is GET. */
enum sq_method sq_method_parse(const char *word);
/* "GET" and the like. */
const char *sq_method_name(enum sq_method method);
/* "GET, HEAD, PUT" for the Allow header. */
const char *sq_methods_text(unsigned methods, struct sq_arena *arena);

/* Decode %XX in place into a text of the arena; NULL when it is malformed or not UTF-8
 * without NUL. */
char *sq_percent_decode(const char *text, size_t len, struct sq_arena *arena);

/* The table (routes.c). */
extern const struct sq_route sq_routes[];
extern const size_t sq_n_routes;

#endif
