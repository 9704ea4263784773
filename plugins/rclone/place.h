/* Names as rclone writes them, and a location taken apart for its commands.
 *
 * rclone shows a control character of a name as its picture (newline as U+240A) and a
 * picture that is really there with U+201B before it; in what it prints, reads and
 * takes as arguments alike.  Outside this file names are the bytes that scitq knows. */
#ifndef SQ_RCLONE_PLACE_H
#define SQ_RCLONE_PLACE_H

#include <scitq/storage.h>

/* A new string, NULL when out of memory. */
char *name_encode(const char *bytes);
char *name_decode(const char *text);
/* Valid UTF-8?  rclone would silently store another name. */
int name_is_text(const char *bytes);

/* All strings are its own, in rclone's writing, without a final `/`. */
struct place {
    const struct sq_location *at;
    char *whole;    /* s3:bucket/a/b */
    char *fs;       /* s3:bucket; the remote alone when the path has one component */
    char *rest;     /* a/b */
    int components; /* of the path */
    int is_folder;  /* it ended in `/` */
};

/* SQ_EINVAL for an option, a remote's or a file's name that rclone cannot take. */
int place_init(struct place *p, const struct sq_location *at, struct sq_err *err);
void place_fini(struct place *p);

/* A local path: its folder and, in rclone's writing, its last component. */
struct local {
    char *dir, *leaf;
};
int local_init(struct local *l, const char *path, struct sq_err *err);
void local_fini(struct local *l);

#endif
