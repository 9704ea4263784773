/* Finding modules and deciding whether they can be used.
 *
 * libltdl loads them and finds NAME_LTX_sq_storage or NAME_LTX_sq_provider.  Before
 * that the file is looked at (plugin_check.c), since the dynamic loader dies of a file
 * that was cut short; after it, nothing of the struct is read before its ABI version
 * has been found to be ours. libltdl says "file not found" of whatever goes wrong and
 * binds lazily, so that dlopen() is asked first. */
#include "lib/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <ltdl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/plugin_check.h"

/* A site has a handful; more is a wrong folder. */
enum { PLUGINS_MAX = 256 };

struct sq_plugins {
    struct sq_plugin *v[PLUGINS_MAX];
    size_t n;
};

static void plugin_free(struct sq_plugin *p)
{
    if (!p)
        return;
    if (p->module)
        lt_dlclose(p->module);
    free(p->name);
    free(p->path);
    free(p->problem);
    free(p);
}

static int no_memory(struct sq_err *err)
{
    return sq_fail(err, SQ_ENOMEM, "out of memory while loading plugins");
}

/* The file's name without its folder and .so; caller frees. */
static char *stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;
    size_t len = strlen(file);
    if (len > 3 && strcmp(file + len - 3, ".so") == 0)
        len -= 3;
    return strndup(file, len);
}

/* dlopen first: it binds every symbol now, where libltdl would let a missing one end
 * the program at its first use, and it knows why it fails. */
static int open_module(const char *path, void **ret, struct sq_err *err)
{
    void *first = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!first)
        return sq_fail(err, SQ_EINVAL, "cannot be loaded: %s", dlerror());
    lt_dlhandle module = lt_dlopen(path);
    dlclose(first);
    if (!module)
        return sq_fail(err, SQ_EINVAL, "cannot be loaded: %s", lt_dlerror());
    *ret = module;
    return 0;
}

/* The struct that a module of this name exports says what it is. */
static int read_tables(struct sq_plugin *p, struct sq_err *err)
{
    const struct sq_storage_ops *storage = lt_dlsym(p->module, "sq_storage");
    const struct sq_provider_ops *provider = lt_dlsym(p->module, "sq_provider");
    int rc = 0;
    if (!storage && !provider)
        return sq_fail(err, SQ_EINVAL,
                       "it exports neither %s_LTX_sq_storage nor %s_LTX_sq_provider: "
                       "is it a plugin, and named as its file?",
                       p->name, p->name);
    if (storage)
        rc = sq_plugin_check_storage(storage, p->name, err);
    else
        rc = sq_plugin_check_provider(provider, p->name, err);
    if (!rc) {
        p->storage = storage;
        p->provider = storage ? NULL : provider;
    }
    return rc;
}

/* Load `p` and say in `err` what is wrong with it. */
static int examine(const struct sq_plugins *ps, struct sq_plugin *p, struct sq_err *err)
{
    int rc = sq_plugin_check_file(p->path, err);
    if (!rc)
        rc = open_module(p->path, &p->module, err);
    if (!rc)
        rc = read_tables(p, err);
    for (size_t i = 0; !rc && i < ps->n; i++)
        rc = sq_plugin_check_pair(p, ps->v[i], err);
    return rc;
}

/* Keep the reason and let go of the module: non-zero when out of memory. */
static int give_up(struct sq_plugin *p, const char *why)
{
    if (p->module)
        lt_dlclose(p->module);
    p->module = NULL;
    p->storage = NULL;
    p->provider = NULL;
    p->problem = strdup(why);
    return p->problem ? 0 : SQ_ENOMEM;
}

int sq_plugins_add(struct sq_plugins *ps, const char *file,
                   const struct sq_plugin **ret, struct sq_err *err)
{
    struct sq_err why = {0};
    if (ps->n == PLUGINS_MAX)
        return sq_fail(err, SQ_ETOOBIG, "%s: more than %d plugins", file, PLUGINS_MAX);
    struct sq_plugin *p = calloc(1, sizeof *p);
    char *path = strchr(file, '/') ? strdup(file) : NULL;
    if (!path && !strchr(file, '/') && asprintf(&path, "./%s", file) < 0)
        path = NULL;
    if (!p || !path) {
        free(p);
        free(path);
        return no_memory(err);
    }
    p->path = path;
    p->name = stem(path);
    if (!p->name || (examine(ps, p, &why) && give_up(p, why.text))) {
        plugin_free(p);
        return no_memory(err);
    }
    ps->v[ps->n++] = p;
    if (ret)
        *ret = p;
    return 0;
}

static int is_module(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 3 && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + len - 3, ".so") == 0;
}

/* Every *.so of `dir`, in the order of their names. */
static int load_dir(struct sq_plugins *ps, const char *dir, struct sq_err *err)
{
    struct dirent **names;
    char path[PATH_MAX];
    int rc = 0, n = scandir(dir, &names, is_module, alphasort);
    if (n < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (n < 0)
        return sq_fail(err, sq_errno_code(errno),
                       "cannot read the plugin folder %s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        if (!rc && len < (int)sizeof path)
            rc = sq_plugins_add(ps, path, NULL, err);
        free(names[i]);
    }
    free(names);
    return rc;
}

static int load_root(struct sq_plugins *ps, const char *root, size_t len,
                     const char *kind, struct sq_err *err)
{
    SQ_CLEANUP(sq_freep) char *home = len ? strndup(root, len) : sq_plugin_home();
    SQ_CLEANUP(sq_freep) char *dir = NULL;
    if (!home || asprintf(&dir, "%s/%s", home, kind) < 0)
        return no_memory(err);
    return load_dir(ps, dir, err);
}

static int load(const char *path, const char *kind, struct sq_plugins **ret,
                struct sq_err *err)
{
    struct sq_plugins *ps = calloc(1, sizeof *ps);
    if (!ps)
        return no_memory(err);
    if (lt_dlinit()) {
        free(ps);
        return sq_fail(err, SQ_EIO, "libltdl does not start: %s", lt_dlerror());
    }
    int rc;
    const char *p = path ? path : "";
    do {
        size_t len = strcspn(p, ":");
        rc = load_root(ps, p, len, kind, err);
        p += len;
    } while (!rc && *p++);
    if (rc)
        sq_plugins_free(ps);
    else
        *ret = ps;
    return rc;
}

int sq_plugins_load(const char *path, struct sq_plugins **ret, struct sq_err *err)
{
    return load(path, "storage", ret, err);
}

int sq_plugins_load_providers(const char *path, struct sq_plugins **ret,
                              struct sq_err *err)
{
    return load(path, "providers", ret, err);
}

void sq_plugins_free(struct sq_plugins *ps)
{
    if (!ps)
        return;
    while (ps->n)
        plugin_free(ps->v[--ps->n]);
    free(ps);
    lt_dlexit();
}

size_t sq_plugins_count(const struct sq_plugins *ps)
{
    return ps->n;
}

const struct sq_plugin *sq_plugins_at(const struct sq_plugins *ps, size_t i)
{
    return i < ps->n ? ps->v[i] : NULL;
}

bool sq_plugin_names(const struct sq_plugin *p, const char *proto)
{
    for (size_t i = 0; p->storage && p->storage->protocols[i]; i++)
        if (strcmp(p->storage->protocols[i], proto) == 0)
            return true;
    return false;
}

int sq_plugins_storage(const struct sq_plugins *ps, const char *proto,
                       const struct sq_plugin **ret, struct sq_err *err)
{
    const struct sq_plugin *any = NULL, *broken = NULL;
    for (size_t i = 0; i < ps->n; i++) {
        const struct sq_plugin *p = ps->v[i];
        if (p->problem)
            broken = p;
        if (sq_plugin_names(p, proto)) {
            *ret = p;
            return 0;
        }
        if (sq_plugin_names(p, "*"))
            any = p;
    }
    if (any) {
        *ret = any;
        return 0;
    }
    if (broken)
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "no plugin serves %s:// (%s cannot be used: %.300s)", proto,
                       broken->path, broken->problem);
    return sq_fail(err, SQ_EUNSUPPORTED,
                   "no plugin serves %s:// (`scitq-manage plugin list` shows which "
                   "there are, SCITQ_PLUGIN_PATH where they are looked for)",
                   proto);
}

const struct sq_setting *sq_plugin_table(const struct sq_plugin *p)
{
    return p->storage    ? p->storage->settings
           : p->provider ? p->provider->settings
                         : NULL;
}

bool sq_plugin_is_called(const struct sq_plugin *p, const char *name)
{
    if (!p->provider)
        return false;
    bool is = strcmp(p->name, name) == 0;
    const char *const *aliases = p->provider->aliases;
    for (size_t i = 0; !is && aliases && aliases[i]; i++)
        is = strcmp(aliases[i], name) == 0;
    return is;
}

int sq_plugins_provider(const struct sq_plugins *ps, const char *name,
                        const struct sq_plugin **ret, struct sq_err *err)
{
    for (size_t i = 0; i < ps->n; i++)
        if (sq_plugin_is_called(ps->v[i], name)) {
            *ret = ps->v[i];
            return 0;
        }
    const struct sq_plugin *broken = NULL; /* perhaps one of its names is this */
    for (size_t i = 0; i < ps->n; i++)
        if (ps->v[i]->problem && (!broken || strcmp(ps->v[i]->name, name) == 0))
            broken = ps->v[i];
    if (broken)
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "no provider is called %s (%s cannot be used: %.300s)", name,
                       broken->path, broken->problem);
    return sq_fail(err, SQ_EUNSUPPORTED,
                   "no provider is called %s (`scitq-manage plugin list` shows which "
                   "there are, SCITQ_PLUGIN_PATH where they are looked for)",
                   name);
}

char *sq_plugin_home(void)
{
    Dl_info self;
    char *home;
    if (!dladdr((void *)sq_plugin_home, &self) || !self.dli_fname)
        return strdup("scitq");
    const char *slash = strrchr(self.dli_fname, '/');
    int len = slash ? (int)(slash - self.dli_fname) : 1;
    return asprintf(&home, "%.*s/scitq", len, slash ? self.dli_fname : ".") < 0 ? NULL
                                                                                : home;
}
