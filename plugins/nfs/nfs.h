/* The nfs plugin inside: one request, carried out by a child process.
 *
 * A system call on a mount whose server is gone may never return, and no signal ends it
 * for certain.  So every operation that touches the file system runs in a child forked
 * for it (child.c), which tells its parent over a socket what it sees and that it is
 * alive; a child that is silent for too long is killed and left behind.
 * After fork() from a process with threads only what neither allocates nor locks is
 * allowed: the files work_*.c keep to system calls and to memory made before. */
#ifndef NFS_H
#define NFS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include <scitq/storage.h>

/* Bytes read and written at a time where the kernel cannot copy by itself. */
enum { NFS_BUFFER_BYTES = 1 << 20 };

struct sq_storage {
    struct sq_host *host;
    int limit_ms;      /* a silence longer than this is a dead mount */
    const char *fstab; /* the mounts that ought to be there */
    char *buffer;      /* NFS_BUFFER_BYTES, for the child */
};

/* What a child is to do; filled before it is forked. */
struct nfs_request {
    struct sq_storage *s;
    char from[PATH_MAX]; /* what is looked at, read or removed */
    char to[PATH_MAX];   /* what is written */
    char temp[PATH_MAX]; /* where it is written first; "": `to` at once */
    bool folder;         /* the location ended in / */
    bool put;            /* `from` is the host's, no location */
    unsigned want;

    /* Of the child alone. */
    int socket;
    int64_t done_bytes, total_bytes;
    char name[PATH_MAX]; /* the relative name a walk is at */
    struct sq_entry found;
};

/* Runs in the child: 0 or what is wrong. */
typedef int nfs_work(struct nfs_request *r, struct sq_err *err);

/* Fork a child for `work`, tell `each` (NULL: nobody) of the entries it sends and
 * `call` of its progress.  *ret (may be NULL) is r->found of the child.  SQ_ETIMEDOUT:
 * it did not answer; SQ_ECANCELED; what `work` or `each` returned. */
int nfs_do(struct nfs_request *r, nfs_work *work, struct sq_call *call,
           sq_entry_fn each, void *arg, struct sq_entry *ret, struct sq_err *err);

/* ---- For work functions, in the child ---- */

/* "cannot VERB PATH: why", with the code that `e`, an errno, stands for. */
int nfs_fail(struct sq_err *err, int e, const char *verb, const char *path);
/* Still alive, r->done_bytes of r->total_bytes. */
int nfs_alive(struct nfs_request *r);
/* The next system call flushes what was written: that may take minutes. */
int nfs_slow(struct nfs_request *r);
int nfs_send_entry(struct nfs_request *r, const struct sq_entry *entry);

/* What fits `st`; name and md5 are left empty. */
struct sq_entry nfs_entry(const struct stat *st);
/* The MD5 of the open file `fd`, from its beginning. */
int nfs_md5(struct nfs_request *r, int fd, const char *path, char ret[33],
            struct sq_err *err);
/* Are the mounts that ought to be above `path` there?  SQ_EIO. */
int nfs_mounted(struct nfs_request *r, const char *path, struct sq_err *err);

nfs_work nfs_work_info, nfs_work_list, nfs_work_copy, nfs_work_copy_tree,
    nfs_work_can_put, nfs_work_remove, nfs_work_make_folder, nfs_work_drop_temp;
/* Copy one file, r->temp between; `from` and `to` as open folders and names in them. */
int nfs_copy_file(struct nfs_request *r, int from_dir, const char *from, int to_dir,
                  const char *to, struct sq_err *err);
/* Make a folder and those above it. */
int nfs_make_folders(const char *path, struct sq_err *err);

/* Visit everything in an open folder (closed by it), in no order; `dir` is the folder
 * that holds r->name's last component `name`.  A folder is visited before (leaving
 * false) and after what it holds.  Mounts below are entered only if `cross`. */
typedef int nfs_visit(struct nfs_request *r, int dir, const char *name,
                      const struct stat *st, bool leaving, struct sq_err *err);
int nfs_walk(struct nfs_request *r, int fd, bool recursive, bool cross,
             nfs_visit *visit, struct sq_err *err);

#endif
