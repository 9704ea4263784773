/* Moving: files one by one, many of a folder in one command, and copies between two
 * places of rclone's. */
#ifndef SQ_RCLONE_TRANSFER_H
#define SQ_RCLONE_TRANSFER_H

#include "plugins/rclone/command.h"

int rclone_get(struct sq_storage *s, const struct sq_location *from, const char *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err);
int rclone_put(struct sq_storage *s, const char *from, const struct sq_location *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err);
int rclone_copy(struct sq_storage *s, const struct sq_location *from,
                const struct sq_location *to, struct sq_call *call, struct sq_err *err);
/* batch.c */
int rclone_get_files(struct sq_storage *s, const struct sq_location *from,
                     const struct sq_files *files, struct sq_call *call,
                     struct sq_err *err);
int rclone_put_files(struct sq_storage *s, const struct sq_location *to,
                     const struct sq_files *files, struct sq_call *call,
                     struct sq_err *err);
/* tree.c */
int rclone_copy_tree(struct sq_storage *s, const struct sq_location *from,
                     const struct sq_location *to, struct sq_call *call,
                     struct sq_err *err);
int rclone_remove_files(struct sq_storage *s, const struct sq_location *at,
                        const struct sq_files *files, struct sq_call *call,
                        struct sq_err *err);

/* A name that nobody else uses, for what is not whole yet. */
void partial_name(char name[40]);

#endif
