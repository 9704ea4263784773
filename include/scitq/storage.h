/* A storage plugin: what scitq asks of whatever holds data.
 *
 *     const struct sq_storage_ops nfs_LTX_sq_storage = {
 *         .abi = SQ_STORAGE_ABI, .name = "nfs", …};
 *
 * The host (scitq-fetch) takes a URI apart, undoes its actions (|untar…), decides what
 * is to be moved, retries with growing pauses, watches time limits, gives files their
 * final name once they are whole, and compares sizes and checksums.  The plugin moves
 * bytes and tells the truth about what it sees.
 *
 * Threads: operations are synchronous; one instance is used by one thread at a time,
 * several instances at once.  The host opens as many as it wants parallel transfers.
 *
 * Cancellation: an operation that was canceled returns SQ_ECANCELED within 0.5 s, its
 * programs and threads ended.  None may wait for the outside without watching
 * call->cancel_fd or call->canceled().
 *
 * Errors are one sentence that names what failed, on what, why and what to do:
 * - SQ_ENOENT: no such object, folder, bucket or host.
 * - SQ_EAUTH: credentials missing or refused, permission denied.
 * - SQ_EINVAL: a setting, an option or a name that can never work here.
 * - SQ_EUNSUPPORTED: the storage has no such thing.
 * - SQ_ENOSPC: a disk or a quota is full, on either side.
 * - SQ_EIO: it may pass: network, a mount that is absent (which hides objects and does
 *   not prove that there are none), a server's error, fewer bytes than promised, a
 *   checksum that differs.
 * - SQ_ETIMEDOUT: the other side does not answer.
 * - SQ_EPROTO: the other side is not what it should be.
 * - SQ_ENOMEM, SQ_ECANCELED.
 *
 * The host tries again what sq_code_retryable() says (error.h): never say SQ_EIO of
 * what cannot pass, nor SQ_ENOENT of a server that is only silent.  *ret arguments are
 * untouched on failure. */
#ifndef SCITQ_STORAGE_H
#define SCITQ_STORAGE_H

#include <scitq/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exact match or refused.  Changes when a plugin built before would misbehave. */
#define SQ_STORAGE_ABI 0x53510003u

struct sq_storage; /* one instance; each plugin defines its own */

/* Where something is: proto[@option…]://path without the action. */
struct sq_location {
    const char *proto; /* "s3"; "file" for a plain path */
    const char *const *options;
    size_t n_options;
    /* The bytes of the name as the storage knows it, at most 8 KiB, never empty,
     * without control characters at the top but not in the names below it.  http,
     * https, ftp: the rest of the URL as written.  A final `/` insists on a folder: a
     * file of that name is SQ_ENOENT. */
    const char *path;
};

enum sq_entry_kind {
    SQ_ENTRY_FILE = 0,
    SQ_ENTRY_FOLDER = 1, /* or a prefix with objects below it */
    SQ_ENTRY_LINK = 2, /* a link that leads to a file, whose size and date these are */
    SQ_ENTRY_OTHER = 3 /* pipe, device, link to a folder or to nothing: not moved */
};

struct sq_entry {
    /* Relative to the folder listed: "a/b.txt", no final `/`, no empty, `.` or `..`
     * step (the host refuses those).  Any other bytes, newlines included.  NULL where a
     * location was asked for. */
    const char *name;
    enum sq_entry_kind kind;
    int64_t size_bytes;        /* of a file, else SQ_UNKNOWN */
    int64_t date_ns;           /* last change, since 1970 UTC; SQ_UNKNOWN */
    int64_t date_precision_ns; /* dates closer than this are the same date; 0: exact */
    char md5[33];              /* 32 small hexadecimal digits; "" when not known */
};

/* What is wanted beside names, kinds and sizes, where it costs something: without these
 * the plugin may leave the field unknown, with them it does its best. */
enum {
    SQ_WANT_DATE = 1,
    /* The MD5 that the storage keeps; nfs computes it.  Never another checksum (an S3
     * multipart ETag is none), never downloaded to be computed. */
    SQ_WANT_MD5 = 2,
    SQ_LIST_RECURSIVE = 4 /* list: the whole tree */
};

/* Called for each entry, in the calling thread; the entry is borrowed until it returns.
 * Not 0: stop, and return that code (the sentence is the host's own). */
typedef int (*sq_entry_fn)(void *arg, const struct sq_entry *entry);

/* Many files of one folder, here or there, moved in one call. */
struct sq_files {
    const char *dir; /* the local folder, absolute */
    /* Relative names, the same on both sides, as `list` gave them; no two are equal. */
    const char *const *names;
    size_t n_names;
    int parallel; /* how many at a time are welcome, at least 1 */
    /* names[i] is moved, whole and verified, `entry` as get's or put's *ret.  In the
     * calling thread, once a name at most, in any order. */
    void (*done)(void *arg, size_t i, const struct sq_entry *entry);
    void *arg;
};

/* Must be provided: abi, name, help, protocols, open, close, info, get.  NULL elsewhere
 * means that the storage has no such thing or that the host's own way will do; an
 * operation that exists may also say SQ_EUNSUPPORTED of one case, and the host then
 * does as if it were NULL. */
struct sq_storage_ops {
    uint32_t abi;     /* SQ_STORAGE_ABI */
    const char *name; /* as the file's: "nfs" of nfs.so */
    const char *help; /* one sentence for `plugin list` */
    /* The protocols served, ended by NULL.  "*": every one that no other plugin names.
     * No two plugins may name the same. */
    const char *const *protocols;
    const struct sq_setting *settings; /* NULL: none */

    /* Check the settings and make an instance.  Neither network nor disk beyond the
     * plugin's own configuration.  `host` outlives the instance. */
    int (*open)(struct sq_host *host, struct sq_storage **ret, struct sq_err *err);
    /* End it: no program and no thread is left.  NULL is allowed. */
    void (*close)(struct sq_storage *s);

    /* What is at `at`.  SQ_ENOENT when there is nothing; an object storage calls a name
     * with nothing below it absent.  ret->name is NULL. */
    int (*info)(struct sq_storage *s, const struct sq_location *at, unsigned want,
                struct sq_call *call, struct sq_entry *ret, struct sq_err *err);

    /* Tell `each` of everything in the folder `at`, in any order, as it comes: no array
     * that grows with it.  Folders are told where the storage has them (they may come
     * after what they hold, or not at all).  A location that is a file, without final
     * `/`: that one entry, under its last component.  SQ_ENOENT as info.  NULL: cannot
     * be listed. */
    int (*list)(struct sq_storage *s, const struct sq_location *at, unsigned want,
                sq_entry_fn each, void *arg, struct sq_call *call, struct sq_err *err);

    /* Fetch one file into the local file `to` (absolute; its folder exists; the name is
     * temporary, the host renames it when all is well).  `to` may hold what an earlier
     * try of this instance for the same location left: continue there if the source is
     * surely the same, else start over.  Success means: as many bytes as the source
     * promised, and its checksum where the protocol verifies one.  *ret describes the
     * source: size, date, MD5 as far as known without another request.  The file is
     * writable by its owner; its date is the host's business.  After a failure `to` may
     * hold anything. */
    int (*get)(struct sq_storage *s, const struct sq_location *from, const char *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err);

    /* Store the local file `from` (absolute), replacing what is there, making the
     * folders above.  Nobody may ever see a part of it under its name where the storage
     * can avoid that.  Its date is kept where the storage has one.  *ret describes what
     * is stored now.  A file that changes meanwhile is SQ_EIO; a folder,
     * a pipe, what is no regular file is SQ_EINVAL. */
    int (*put)(struct sq_storage *s, const char *from, const struct sq_location *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err);

    /* get and put for many files below the folders `from`, `to` and files->dir, for
     * storages where one program or one session for all is much cheaper: the whole of a
     * tree or of a sync comes this way, at most 10,000 names a call.  Get: dir is the
     * host's temporary folder; the plugin makes the folders below it.  0 when every one
     * was told as done; else the first error, once those under way ended; what was told
     * is kept.  NULL: the host calls get and put for each. */
    int (*get_files)(struct sq_storage *s, const struct sq_location *from,
                     const struct sq_files *files, struct sq_call *call,
                     struct sq_err *err);
    int (*put_files)(struct sq_storage *s, const struct sq_location *to,
                     const struct sq_files *files, struct sq_call *call,
                     struct sq_err *err);

    /* Could files be stored in the folder `at`, which need not exist yet?  Asked before
     * hours are spent on computing them: cheap, and nothing is changed.  An error is
     * what no retry mends (SQ_EINVAL, SQ_EEXIST, SQ_EAUTH, SQ_EUNSUPPORTED); with any
     * other, and with success, it cannot be told, and put decides.  NULL: never told.
     */
    int (*can_put)(struct sq_storage *s, const struct sq_location *at,
                   struct sq_call *call, struct sq_err *err);

    /* Copy one file between two locations of this plugin, or with a final `/` on both
     * the tree, without coming by here if it can be; as put.  A tree that is partly
     * copied after a failure stays so.  NULL: the host gets and puts. */
    int (*copy)(struct sq_storage *s, const struct sq_location *from,
                const struct sq_location *to, struct sq_call *call, struct sq_err *err);

    /* Remove one file, or with a final `/` the folder with its tree (of a link, the
     * link).  SQ_ENOENT when there is nothing, where the storage can tell.  NULL:
     * nothing can be removed there. */
    int (*remove)(struct sq_storage *s, const struct sq_location *at,
                  struct sq_call *call, struct sq_err *err);
    /* The same for some files of a folder: `dir` and `done` unused.  Already absent is
     * success.  NULL: the host removes one by one. */
    int (*remove_files)(struct sq_storage *s, const struct sq_location *at,
                        const struct sq_files *files, struct sq_call *call,
                        struct sq_err *err);

    /* Make a folder, and those above it; existing is success.  NULL: folders exist only
     * by what they hold, and empty ones are not kept. */
    int (*make_folder)(struct sq_storage *s, const struct sq_location *at,
                       struct sq_call *call, struct sq_err *err);
};

#ifdef __cplusplus
}
#endif
#endif
