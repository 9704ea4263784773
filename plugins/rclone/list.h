/* Looking: what is at a place, and what is below it. */
#ifndef SQ_RCLONE_LIST_H
#define SQ_RCLONE_LIST_H

#include "plugins/rclone/command.h"

int rclone_info(struct sq_storage *s, const struct sq_location *at, unsigned want,
                struct sq_call *call, struct sq_entry *ret, struct sq_err *err);
int rclone_list(struct sq_storage *s, const struct sq_location *at, unsigned want,
                sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err);

#endif
