/* Between the files of this room.
 *
 * fleet.c     which jobs run: starts a thread for each, ends them
 * run.c       one job from its start to its end: tries, log, progress
 * configure.c Ansible, for machines that are lent bare
 * credential.c  tokens for workers and for Ansible
 * playbook.c  a playbook run, told what it has to know; fault.c: why one failed
 * site.c      what the site's inventory says to the server
 * deploy.c    a machine made, its worker waited for; a machine destroyed
 * catalog.c   what a provider offers, written down
 * names.c     providers by name
 * session.c   an instance of one for a job
 * judge.c     what a provider thinks of its settings
 * janitor.c   machines and workers that have lost each other; unowned.c: machines */
#ifndef SQ_FLEET_IMPL_H
#define SQ_FLEET_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/fleet/fleet.h"
#include "core/model/entity.h"
#include "core/store/recruited.h"
#include "lib/host.h"
#include "lib/plugin.h"

enum { SQ_FLEET_OWNER_SIZE = 14, SQ_FLEET_NAME_SIZE = 64, SQ_FLEET_ARENA = 256 << 20 };

/* Why a job is to end before its time. */
enum sq_fleet_end { SQ_END_NONE, SQ_END_STOP, SQ_END_DESTROY, SQ_END_LATE };

/* What a job's args name. */
struct sq_job_about {
    int64_t worker_id; /* SQ_NULL */
    char provider[64]; /* its beginning; "" */
};

struct sq_running {
    struct sq_call call; /* first: given to providers */
    struct sq_fleet *fleet;
    const struct sq_tuning *tuning; /* that counted when it began: its own to the end */
    struct sq_job job;              /* its texts are the arena's */
    struct sq_arena arena;
    struct sq_job_about about;
    pthread_t thread;
    atomic_int end;   /* enum sq_fleet_end */
    atomic_bool done; /* the thread has nothing left to do but end */
    int64_t until_us; /* when it is late; this and the next under the fleet's lock */
    bool woken;       /* its worker's row changed */
    int64_t percent;  /* last told */
    size_t heard;     /* bytes of what its playbooks printed */
    struct sq_running *next;
};

struct sq_fleet {
    struct sq_fleet_setup setup;
    char owner[SQ_FLEET_OWNER_SIZE];
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* of what follows; the writer's thread takes it */
    pthread_cond_t wake;  /* monotonic; of the thread and of jobs that wait */
    bool due, retuned, stopping;
    struct sq_running *running;

    struct sq_janitor *_Atomic janitor; /* read by the writer's thread */
};

/* ---- fleet.c */

/* Tell a job to end; the first reason counts. */
void sq_fleet_end(struct sq_running *r, enum sq_fleet_end why);
/* Its time is over, or was going to be: there is no limit to what is left to do. */
void sq_fleet_forgive_late(struct sq_running *r);

/* ---- run.c */

void *sq_fleet_run(void *running);
/* Lines of the job's log, secrets hidden already; no newline at the end. */
void sq_fleet_say(struct sq_running *r, const char *fmt, ...) SQ_PRINTF(2, 3);
void sq_fleet_percent(struct sq_running *r, int64_t percent);
/* A change that must not be lost: again and again while the database takes none, until
 * the server stops. */
int sq_fleet_insist(struct sq_fleet *f, sq_change_fn *fn, void *arg,
                    struct sq_arena *arena, struct sq_err *err);
/* Wait `ms`, or until the row of the job's worker changed.  SQ_ECANCELED. */
int sq_fleet_wait(struct sq_running *r, int64_t ms, struct sq_err *err);

/* ---- session.c */

struct sq_session {
    const struct sq_plugin *plugin;
    const struct sq_provider_ops *ops;
    struct sq_host *host;
    struct sq_provider *p;
    struct sq_session_lent *lent; /* what host and instance borrow */
};

/* An instance of the provider that users call `name`; its log is the job's (r NULL: the
 * server's).  SQ_EUNSUPPORTED: nobody is called so. */
int sq_session_open(struct sq_fleet *f, struct sq_running *r, const char *name,
                    struct sq_session *ret, struct sq_err *err);
void sq_session_close(struct sq_session *s);
/* What an operation of the instance returned, secrets out of its sentence as out of its
 * log. */
int sq_session_told(const struct sq_session *s, int rc, struct sq_err *err);

/* ---- names.c */

/* The module behind a name that users write. */
int sq_fleet_plugin(struct sq_fleet *f, const char *name, const struct sq_plugin **ret,
                    struct sq_err *err);
/* Call `each` with every name users may write, and its module; `names` is
 * SCITQ_PROVIDERS, NULL: all. */
void sq_fleet_each_name(const struct sq_plugins *plugins, const char *names,
                        void (*each)(void *arg, const char *name,
                                     const struct sq_plugin *plugin),
                        void *arg);

/* ---- judge.c */

/* What a provider to which a setting is given thinks of them, as its open says it. */
int sq_fleet_judge(const struct sq_plugin *plugin, const char *name,
                   const struct sq_conf *conf, struct sq_err *err);

/* ---- deploy.c */

int sq_fleet_deploy(struct sq_running *r, struct sq_err *err);
/* The last try failed: nothing of it is left, and its worker has failed.  SQ_ECANCELED:
 * something may be left, and the worker is as it was. */
int sq_fleet_give_up(struct sq_running *r, struct sq_err *err);
int sq_fleet_destroy(struct sq_running *r, struct sq_err *err);
/* What a failed deployment left at its provider; the worker stays.  SQ_ENOENT: it is
 * gone. */
int sq_fleet_destroy_left(struct sq_running *r, struct sq_err *err);
/* The last try to destroy failed: the log says what becomes of the worker. */
int sq_fleet_keep(struct sq_running *r, struct sq_err *err);

/* ---- configure.c */

/* Make a bare machine a worker, with Ansible.  SQ_EIO: the playbook failed. */
int sq_fleet_configure(struct sq_running *r, const struct sq_recruited_machine *w,
                       const struct sq_machine *m, struct sq_err *err);
/* Have the managers and the inventory forget one that is gone. */
int sq_fleet_unconfigure(struct sq_running *r, const struct sq_recruited_machine *w,
                         struct sq_err *err);

/* ---- playbook.c */

typedef int sq_fleet_line_fn(void *arg, int stream, const char *line, size_t len);
/* Run one of Ansible's programs.  SQ_EUNSUPPORTED: it is not installed. */
int sq_fleet_ansible(struct sq_running *r, const char *const *argv,
                     sq_fleet_line_fn *line, void *arg, int *ret_status,
                     struct sq_err *err);
/* Run one for a worker; its lines go to the job's log.  SQ_EIO: it failed. */
int sq_fleet_playbook(struct sq_running *r, const struct sq_recruited_machine *w,
                      const char *name, struct sq_err *err);

/* ---- credential.c */

/* A worker's own token; the arena's. */
int sq_fleet_worker_pass(struct sq_running *r, const struct sq_recruited_machine *w,
                         const char **ret, struct sq_err *err);
/* A token to read with, while the job may last, in a file that the caller removes; it
 * is named by the worker, so that what a killed server left goes with that. */
int sq_fleet_write_pass(struct sq_running *r, char **ret_path, struct sq_err *err);
/* A new file that only its owner reads. */
int sq_fleet_write_private(const char *path, const char *text, size_t len,
                           struct sq_err *err);
/* Stars in the place of `secret` (longer than they; NULL: none). */
void sq_fleet_hide(const char *secret, char *text);

/* ---- site.c */

/* Whose key may log in to new machines. */
struct sq_fleet_site {
    char *ssh_key;  /* one line, of ssh_public_key, else the first of root's; or NULL */
    char *key_name; /* keyname; or NULL */
};
int sq_fleet_read_site(struct sq_running *r, struct sq_fleet_site *ret,
                       struct sq_err *err);
/* Before a machine is paid for: could it be configured at all?  SQ_EINVAL. */
int sq_fleet_check_site(struct sq_running *r, struct sq_err *err);

/* ---- janitor.c, unowned.c */

int sq_janitor_start(struct sq_fleet *f, struct sq_janitor **ret, struct sq_err *err);
void sq_janitor_stop(struct sq_janitor *j); /* NULL is allowed */
void sq_janitor_free(struct sq_janitor *j); /* once nobody wakes it any more */
/* A worker has gone offline.  Any thread. */
void sq_janitor_wake(struct sq_janitor *j);
void sq_janitor_tuned(struct sq_janitor *j); /* see sq_fleet_tuned */
/* A machine_destroy job. */
int sq_fleet_destroy_unowned(struct sq_running *r, struct sq_err *err);

/* ---- catalog.c */

/* r NULL: by the server itself. */
int sq_fleet_update(struct sq_fleet *f, struct sq_running *r, const char *provider,
                    struct sq_err *err);

#endif
