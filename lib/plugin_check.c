/* The checks of a module, each with its sentence.
 *
 * The file first: the dynamic loader maps what the program headers promise and dies of
 * SIGBUS when the file is shorter (an interrupted copy), so that they are compared
 * here. Then the struct, whose members mean something only if its ABI version is ours.
 */
#include "lib/plugin_check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/file.h"

/* More are a table that nobody ended. */
enum {
    SETTINGS_MAX = 100,
    PROTOCOLS_MAX = 100,
    WORD_MAX_BYTES = 64,
    HEADERS_MAX = 100
};

static bool is_ours(const ElfW(Ehdr) * head)
{
    ElfW(Half) machine = 0;
    /* This program's own header says what this machine is. */
    SQ_CLEANUP(sq_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ElfW(Ehdr) own;
    if (fd >= 0 && pread(fd, &own, sizeof own, 0) == sizeof own)
        machine = own.e_machine;
    return head->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
           (!machine || head->e_machine == machine);
}

static int check_headers(int fd, int64_t size, const ElfW(Ehdr) * head,
                         struct sq_err *err)
{
    for (size_t i = 0; i < head->e_phnum && i < HEADERS_MAX; i++) {
        ElfW(Phdr) part;
        off_t at = (off_t)(head->e_phoff + i * head->e_phentsize);
        if (pread(fd, &part, sizeof part, at) != sizeof part ||
            (part.p_type == PT_LOAD &&
             (part.p_offset > (uint64_t)size || part.p_filesz > size - part.p_offset)))
            return sq_fail(err, SQ_EINVAL, "the file is cut short: copy it again");
    }
    return 0;
}

int sq_plugin_check_file(const char *path, struct sq_err *err)
{
    SQ_CLEANUP(sq_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    ElfW(Ehdr) head;
    if (fd < 0 || fstat(fd, &st))
        return sq_fail(err, sq_errno_code(errno), "cannot be read: %s",
                       strerror(errno));
    if (!S_ISREG(st.st_mode) || pread(fd, &head, sizeof head, 0) != sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_type != ET_DYN)
        return sq_fail(err, SQ_EINVAL, "it is not a shared object");
    if (!is_ours(&head))
        return sq_fail(err, SQ_EINVAL, "it was built for another kind of machine");
    return check_headers(fd, st.st_size, &head, err);
}

/* 1 to 63 characters out of `allowed`. */
static bool is_word(const char *text, const char *allowed)
{
    size_t len = text ? strnlen(text, WORD_MAX_BYTES) : 0;
    return len > 0 && len < WORD_MAX_BYTES && text[strspn(text, allowed)] == 0;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static int check_protocols(const char *const *protocols, struct sq_err *err)
{
    size_t n = 0;
    for (; protocols && protocols[n]; n++) {
        if (n == PROTOCOLS_MAX)
            return sq_fail(err, SQ_EINVAL, "its list of protocols has no end (NULL)");
        if (strcmp(protocols[n], "*") != 0 &&
            !is_word(protocols[n], LETTERS CAPITALS DIGITS "+.-_"))
            return sq_fail(err, SQ_EINVAL, "its protocol number %zu is no word", n + 1);
    }
    return n ? 0 : sq_fail(err, SQ_EINVAL, "it serves no protocol");
}

static int check_setting(const struct sq_setting *s, struct sq_err *err)
{
    static const enum sq_conf_kind kinds[] = {[SQ_SETTING_TEXT] = SQ_CONF_TEXT,
                                              [SQ_SETTING_INT] = SQ_CONF_INT,
                                              [SQ_SETTING_BOOL] = SQ_CONF_BOOL};
    if (!is_word(s->key, CAPITALS DIGITS "_"))
        return sq_fail(err, SQ_EINVAL,
                       "a setting's key is not of capital letters, digits and _");
    if ((size_t)s->kind >= SQ_LEN(kinds))
        return sq_fail(err, SQ_EINVAL, "its setting %s is of no known kind", s->key);
    if (!s->help || !*s->help)
        return sq_fail(err, SQ_EINVAL, "its setting %s has no help", s->key);
    struct sq_conf_key key = {.name = s->key, .kind = kinds[s->kind], .max = INT64_MAX};
    return s->fallback ? sq_conf_check(&key, s->fallback, "its default", err) : 0;
}

static int check_settings(const struct sq_setting *settings, struct sq_err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && settings && settings[i].key; i++) {
        if (i == SETTINGS_MAX)
            return sq_fail(err, SQ_EINVAL, "its table of settings has no end (NULL)");
        rc = check_setting(&settings[i], err);
    }
    return rc;
}

static int check_operations(const struct sq_storage_ops *ops, struct sq_err *err)
{
    const char *missing = !ops->open    ? "open"
                          : !ops->close ? "close"
                          : !ops->info  ? "info"
                          : !ops->get   ? "get"
                                        : NULL;
    if (!missing)
        return 0;
    return sq_fail(err, SQ_EINVAL, "it lacks the operation `%s`, which is required",
                   missing);
}

/* What a module of either kind says of itself. */
static int check_names(uint32_t abi, uint32_t wanted, const char *kind,
                       const char *self, const char *help, const char *name,
                       struct sq_err *err)
{
    if (abi != wanted)
        return sq_fail(err, SQ_EINVAL,
                       "it was built for ABI %#x of %s, this scitq has %#x: "
                       "build it again against this version's headers",
                       abi, kind, wanted);
    if (!is_word(self, LETTERS CAPITALS DIGITS "-_") || strcmp(self, name) != 0)
        return sq_fail(err, SQ_EINVAL, "it calls itself \"%.60s\", its file is %s.so",
                       self ? self : "", name);
    if (!help || !*help)
        return sq_fail(err, SQ_EINVAL, "it does not say what it is for (help)");
    return 0;
}

int sq_plugin_check_storage(const struct sq_storage_ops *ops, const char *name,
                            struct sq_err *err)
{
    /* Nothing beyond the version means anything if that is another's. */
    bool ours = ops->abi == SQ_STORAGE_ABI;
    int rc = check_names(ops->abi, SQ_STORAGE_ABI, "storages", ours ? ops->name : NULL,
                         ours ? ops->help : NULL, name, err);
    if (!rc)
        rc = check_operations(ops, err);
    if (!rc)
        rc = check_protocols(ops->protocols, err);
    return rc ? rc : check_settings(ops->settings, err);
}

static int check_aliases(const char *const *aliases, struct sq_err *err)
{
    for (size_t n = 0; aliases && aliases[n]; n++)
        if (n == PROTOCOLS_MAX || !is_word(aliases[n], LETTERS CAPITALS DIGITS "-_"))
            return sq_fail(err, SQ_EINVAL,
                           "its alias number %zu is no word (NULL ends the list)",
                           n + 1);
    return 0;
}

static int check_provider_operations(const struct sq_provider_ops *ops,
                                     struct sq_err *err)
{
    const struct {
        const char *name;
        bool there;
    } required[] = {
        {"open", ops->open},       {"close", ops->close},   {"launch", ops->launch},
        {"find", ops->find},       {"list", ops->list},     {"destroy", ops->destroy},
        {"flavors", ops->flavors}, {"offers", ops->offers},
    };
    for (size_t i = 0; i < SQ_LEN(required); i++)
        if (!required[i].there)
            return sq_fail(err, SQ_EINVAL,
                           "it lacks the operation `%s`, which is required",
                           required[i].name);
    return 0;
}

int sq_plugin_check_provider(const struct sq_provider_ops *ops, const char *name,
                             struct sq_err *err)
{
    bool ours = ops->abi == SQ_PROVIDER_ABI;
    int rc = check_names(ops->abi, SQ_PROVIDER_ABI, "providers",
                         ours ? ops->name : NULL, ours ? ops->help : NULL, name, err);
    if (!rc)
        rc = check_provider_operations(ops, err);
    if (!rc)
        rc = check_aliases(ops->aliases, err);
    return rc ? rc : check_settings(ops->settings, err);
}

static int same_name(const struct sq_plugin *other, const char *kind, const char *name,
                     struct sq_err *err)
{
    return sq_fail(err, SQ_EEXIST, "a %s of this name was found earlier: %s, in %s",
                   kind, name, other->path);
}

int sq_plugin_check_pair(const struct sq_plugin *p, const struct sq_plugin *other,
                         struct sq_err *err)
{
    if (p->provider && other->provider) {
        const char *const *aliases = p->provider->aliases;
        if (sq_plugin_is_called(other, p->name))
            return same_name(other, "provider", p->name, err);
        for (size_t i = 0; aliases && aliases[i]; i++)
            if (sq_plugin_is_called(other, aliases[i]))
                return same_name(other, "provider", aliases[i], err);
    }
    if (!p->storage || !other->storage)
        return 0;
    if (strcmp(p->name, other->name) == 0)
        return same_name(other, "storage", p->name, err);
    for (size_t i = 0; p->storage->protocols[i]; i++)
        if (sq_plugin_names(other, p->storage->protocols[i]))
            return sq_fail(err, SQ_EEXIST, "%s:// is served by %s already",
                           p->storage->protocols[i], other->path);
    return 0;
}
