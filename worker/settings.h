/* What this worker is told: the command line over the environment over the file. */
#ifndef SQ_WORKER_SETTINGS_H
#define SQ_WORKER_SETTINGS_H

#include <scitq/error.h>
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/log.h"

struct sq_settings {
    struct sq_conf *conf; /* owns most texts below */
    struct sq_conf *told; /* of the last reload */
    const char *server;
    int64_t concurrency;
    const char *name, *status, *batch;
    const char *flavor;         /* of -f, or NULL */
    const char *default_flavor; /* of a row that is made */
    char hostname[256];
    int autoclean;         /* percent */
    int ready_fd;          /* -1: none */
    int container_runtime; /* enum sq_runtime; -1: docker, else podman */
    bool permanent, no_spawn;
    const char *launch_token; /* NULL: not deployed */
    struct sq_buf token;      /* a secret; empty: none */
    const char *ca;
    struct sq_log_conf log;
    char *file;         /* the settings file read, or NULL */
    char *file_name;    /* the name, fit for a file name */
    char *state_dir;    /* this worker's own, absolute */
    char *base_workdir; /* absolute */
};

enum sq_settings_todo {
    SQ_SETTINGS_RUN,
    SQ_SETTINGS_EXIT,  /* --help or --version was printed */
    SQ_SETTINGS_USAGE, /* a wrong option: said on stderr */
};

/* Parse the command line and load the settings.  SQ_SETTINGS_USAGE has been told to
 * the user; for other failures *err tells. */
int sq_settings_load(struct sq_settings *s, int argc, char **argv,
                     enum sq_settings_todo *ret_todo, struct sq_err *err);
/* Make the folders that the settings name, and their paths absolute. */
int sq_settings_folders(struct sq_settings *s, struct sq_err *err);
/* Read the file again.  Only how to log can change, which it then does; the log tells
 * what waits for a start.  SQ_EINVAL: something is wrong, and nothing has changed. */
int sq_settings_reload(struct sq_settings *s, struct sq_err *err);
void sq_settings_free(struct sq_settings *s);

/* Keep another process of this name and state directory out, for this one's life.
 * SQ_EEXIST when one is alive.  *ret is the lock's descriptor. */
int sq_settings_lock(const struct sq_settings *s, int *ret, struct sq_err *err);

#endif
