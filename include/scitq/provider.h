/* A provider plugin: what scitq asks of whoever lends machines.
 *
 *     const struct sq_provider_ops static_LTX_sq_provider = {
 *         .abi = SQ_PROVIDER_ABI, .name = "static", …};
 *
 * The host (scitq-server) decides which flavor where, names the machines, keeps what is
 * true in its database, tries again, configures a machine with Ansible once it is there
 * and decides when it goes.  The plugin talks to the provider and tells the truth about
 * what it sees there.
 *
 * A machine costs money until it is gone, so that two promises come before all others:
 * a repeated launch never makes a second machine, and destroy succeeds only after the
 * provider has been seen to have nothing left.  Every machine, and every other thing
 * made for it (disk, address, network, group), carries two words from its first moment
 * on, in its name or in tags: the installation's `owner` and its own `token`.  By these
 * alone it is found again, after a crash of the server at any moment.
 *
 * Threads: operations are synchronous and run on the server's job threads, several
 * instances at once, one thread in each at a time.  An instance serves one job and is
 * then closed; what instances share is on the provider's side or in host->folder().
 * Lines given to host->log() are read by people in that job's log.
 *
 * Cancellation: an operation that was canceled returns SQ_ECANCELED within 0.5 s.
 * host->web(), host->pause() and host->run() already do; whatever else waits has to
 * watch call->cancel_fd.  call->progress(call, done, 100) tells a percentage.  The
 * server may also be killed at any moment without a word.
 *
 * Errors are one sentence that names what failed, on what, why, in the provider's own
 * words, and what to do:
 * - SQ_EINVAL: a setting, flavor, region, image, key or network that can never work.
 * - SQ_EAUTH: credentials missing, wrong, expired, not sufficient.
 * - SQ_ECAPACITY: the provider has no such machine to give there now.
 * - SQ_ENOSPC: a quota is full.
 * - SQ_ENOENT: of `find` only: there is surely no such machine.
 * - SQ_EIO, SQ_EBUSY, SQ_ETIMEDOUT: it may pass: network, a server's error, limits of
 *   rate, a machine that came up broken or not at all.
 * - SQ_EPROTO: the other side is not what it should be.
 * - SQ_EUNSUPPORTED, SQ_ENOMEM, SQ_ECANCELED.
 * The host tries again what sq_code_retryable() says (error.h).  ret arguments are
 * untouched on failure. */
#ifndef SCITQ_PROVIDER_H
#define SCITQ_PROVIDER_H

#include <scitq/plugin.h>
#include <scitq/web.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exact match or refused.  Changes when a plugin built before would misbehave. */
#define SQ_PROVIDER_ABI 0x50510002u

/* Sizes of texts, final 0 included. */
enum {
    SQ_ID_SIZE = 512,     /* what only the plugin reads */
    SQ_TOKEN_SIZE = 41,   /* of an owner too */
    SQ_NAME_SIZE = 64,    /* of machines */
    SQ_WORD_SIZE = 128,   /* flavors, regions, users */
    SQ_ADDRESS_SIZE = 46, /* an IPv4 or IPv6 address, as numbers */
    SQ_PATH_SIZE = 1024
};

struct sq_provider; /* one instance; each plugin defines its own */

/* What an instance is for.  Borrowed until it is closed. */
struct sq_provider_conf {
    /* The name that users write after -P: the plugin's own, one of its aliases, or one
     * that SCITQ_PROVIDERS gave it. */
    const char *as;
    /* This installation of scitq: small letters and digits, begins with a letter, at
     * most 20 bytes.  Machines of another owner are never listed, found or touched,
     * whatever their token. */
    const char *owner;
};

/* One machine wanted.  Texts are borrowed during the call. */
struct sq_launch {
    /* Of this one machine and no other ever: small letters, digits and inner `-`,
     * begins with a letter, at most 40 bytes (with `owner` and a `-`: 61 at most).  A
     * worker that the plugin starts has it in SCITQ_LAUNCH_TOKEN, so that it ends
     * should it outlive its machine. */
    const char *token;
    const char *name; /* its host name: letters, digits and inner `-`, at most 63 */
    const char *flavor, *region; /* as `flavors` and `offers` name them, or a user */
    const char *tags;            /* the flavor's, where they are known; else "" */
    /* Whose key may log in, one line "ssh-ed25519 AAAA… comment"; NULL: the settings
     * have to say. */
    const char *ssh_key;
    /* The name of a key that the provider itself keeps and gives to machines, where it
     * keeps any (keyname of 02-scitq); NULL: the settings have to say. */
    const char *key_name;
    /* The rest is for SQ_PROVIDER_STARTS_WORKER alone: how the machine's worker is to
     * be started. */
    const char *server;       /* as scitq-worker's SERVER: an http(s) URL */
    const char *worker_token; /* its worker's own: a secret, for a file of mode 0600
                               * that SCITQ_TOKEN_FILE names; NULL: none */
    const char *batch;
    int concurrency; /* at least 1 */
};

enum sq_machine_state {
    SQ_MACHINE_STARTING = 0, /* being made: it may get there by itself */
    SQ_MACHINE_RUNNING = 1,
    SQ_MACHINE_STOPPED = 2, /* it exists, and does not run: off, evicted, deallocated */
    SQ_MACHINE_BROKEN = 3,  /* the provider says that something is wrong with it */
    /* There is no machine any more, or not yet, but something made for it is left. */
    SQ_MACHINE_REMAINS = 4
};

/* A machine as the provider sees it.  All texts are 0-terminated, "" when not known. */
struct sq_machine {
    char id[SQ_ID_SIZE]; /* the plugin's own; given back to `destroy` as it was told */
    char token[SQ_TOKEN_SIZE];
    char name[SQ_NAME_SIZE];
    char flavor[SQ_WORD_SIZE], region[SQ_WORD_SIZE];
    enum sq_machine_state state;
    char detail[200];           /* the provider's words of its state: a fault */
    char ipv4[SQ_ADDRESS_SIZE]; /* at which the managers reach it */
    char ipv6[SQ_ADDRESS_SIZE];
    char user[SQ_WORD_SIZE]; /* who logs in by SSH */
    int port;                /* of SSH; 0: 22 */
    char
        identity[SQ_PATH_SIZE]; /* the private key's file, on the server; "": its own */
    int64_t created_s;          /* since 1970 UTC; SQ_UNKNOWN */
};

/* Called in the calling thread, what it is given is borrowed until it returns.  Not 0:
 * stop, and return that code (the sentence is the host's own). */
typedef int (*sq_machine_fn)(void *arg, const struct sq_machine *machine);

/* A size of machine. */
struct sq_flavor {
    const char *name;
    int cpu;                /* virtual processors, at least 1 */
    double ram_gb, disk_gb; /* GB of 10^9 or GiB, as the provider counts */
    double bandwidth_mbit;  /* 0: not known */
    const char *gpu;        /* its model and number; "": none */
    double gpumem_gb;       /* of one GPU; 0: none or not known */
    /* Letters: G has a GPU, M bare metal, N has NVMe disks.  "" is allowed. */
    const char *tags;
};
typedef int (*sq_flavor_fn)(void *arg, const struct sq_flavor *flavor);

/* A flavor that can be had in a region. */
struct sq_offer {
    const char *flavor, *region;
    double cost;  /* an hour, in the provider's currency; 0: not known */
    int eviction; /* % of machines taken back an hour; 0 where none ever is */
};
typedef int (*sq_offer_fn)(void *arg, const struct sq_offer *offer);

/* How many processors all machines together may have in a region. */
struct sq_quota {
    const char *region;
    int64_t cpus; /* SQ_UNKNOWN: no known limit */
};
typedef int (*sq_quota_fn)(void *arg, const struct sq_quota *quota);

enum {
    /* A launched machine runs scitq-worker already: no playbook configures it. */
    SQ_PROVIDER_STARTS_WORKER = 1,
    /* flavors, offers and quotas ask nobody outside this machine: the host calls them
     * whenever it starts, and nobody has to update them. */
    SQ_PROVIDER_OFFLINE = 2
};

/* Must be provided: abi, name, help, open, close, launch, find, destroy, list, flavors,
 * offers.  NULL elsewhere means that the provider has no such thing. */
struct sq_provider_ops {
    uint32_t abi;     /* SQ_PROVIDER_ABI */
    const char *name; /* as the file's: "azure" of azure.so */
    const char *help; /* one sentence for `plugin list` */
    /* Other names that it is known by, ended by NULL; NULL: none. */
    const char *const *aliases;
    const struct sq_setting *settings; /* NULL: none */
    unsigned flags;

    /* Check the settings and make an instance.  No network.  `host` outlives it.
     * SQ_EINVAL, SQ_EAUTH: a setting is wrong or missing. */
    int (*open)(struct sq_host *host, const struct sq_provider_conf *conf,
                struct sq_provider **ret, struct sq_err *err);
    /* End it; machines live on.  NULL is allowed. */
    void (*close)(struct sq_provider *p);

    /* Make a machine and wait until it runs and has its addresses (SSH may be later:
     * whoever configures it waits for that).  Called again with the same token, by
     * another instance or another process, after any failure, it goes on with whatever
     * that token has there: a running machine is told, one that starts is waited for, a
     * stopped one is started or, like a broken one, destroyed and made again.  Asked
     * only once at a time for a token.  After a failure anything may be left: the host
     * calls launch again or destroy, sooner or later.  Neither flavor nor region is
     * checked by the host. */
    int (*launch)(struct sq_provider *p, const struct sq_launch *req,
                  struct sq_call *call, struct sq_machine *ret, struct sq_err *err);

    /* What there is of a token, in any region, remains included.  SQ_ENOENT only when
     * every place was asked and has nothing. */
    int (*find)(struct sq_provider *p, const char *token, struct sq_call *call,
                struct sq_machine *ret, struct sq_err *err);

    /* Destroy all that carries this token, twins included, and see that it is gone.
     * `id` as launch, find or list told it, to look there first; or NULL: the launch
     * never ended.  Already gone is success; so is a token that never was. */
    int (*destroy)(struct sq_provider *p, const char *token, const char *id,
                   struct sq_call *call, struct sq_err *err);

    /* Every machine of the owner, in all regions, each once, remains included: what is
     * billed.  All of them or a failure: the janitor believes it. */
    int (*list)(struct sq_provider *p, sq_machine_fn each, void *arg,
                struct sq_call *call, struct sq_err *err);

    /* Every flavor, each once; then the places and prices of them.  The host calls
     * flavors, offers and quotas of one instance in this order, so that what one
     * fetched can serve the next. */
    int (*flavors)(struct sq_provider *p, sq_flavor_fn each, void *arg,
                   struct sq_call *call, struct sq_err *err);
    int (*offers)(struct sq_provider *p, sq_offer_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err);
    /* Of every region that has a limit.  NULL: no known limits. */
    int (*quotas)(struct sq_provider *p, sq_quota_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err);

    /* On the machine itself, in a process of its own (scitq-watch) that finds this
     * module there and may be killed at any moment, with the settings of that machine
     * and without credentials: return 0 once the provider announces that it takes this
     * very machine back.  Until then wait, for days; what fails in between is logged
     * and looked at again.  SQ_ECANCELED; SQ_EUNSUPPORTED: this machine cannot tell.
     * NULL: the provider takes none back, or never announces it. */
    int (*watch)(struct sq_host *host, struct sq_call *call, struct sq_err *err);
};

#ifdef __cplusplus
}
#endif
#endif
