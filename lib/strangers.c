/* The process that loads the modules answers a byte a key.  One that a module ends has
 * told nothing, and every key is warned about. */
#include "lib/strangers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/plugin.h"

struct sq_stranger {
    char *key, *warning;
    char known;
};

void sq_strangers_add(struct sq_strangers *s, const char *key, const char *warning)
{
    struct sq_stranger *v = reallocarray(s->v, s->n + 1, sizeof *v);
    if (!v)
        return;
    s->v = v;
    v[s->n++] = (struct sq_stranger){.key = strdup(key), .warning = strdup(warning)};
}

static void look(struct sq_strangers *s, const struct sq_plugins *ps)
{
    for (size_t i = 0; i < sq_plugins_count(ps); i++) {
        const struct sq_setting *t = sq_plugin_table(sq_plugins_at(ps, i));
        for (; t && t->key; t++)
            for (size_t k = 0; k < s->n; k++)
                s->v[k].known |= s->v[k].key && strcmp(s->v[k].key, t->key) == 0;
    }
}

/* In the process of its own. */
static void answer(struct sq_strangers *s, const char *path, int to)
{
    struct sq_plugins *storages, *providers;
    if (sq_plugins_load(path, &storages, NULL) == 0)
        look(s, storages);
    if (sq_plugins_load_providers(path, &providers, NULL) == 0)
        look(s, providers);
    for (size_t k = 0; k < s->n; k++)
        if (write(to, &s->v[k].known, 1) != 1)
            _exit(1);
    _exit(0);
}

static void ask(struct sq_strangers *s, const char *path)
{
    int fd[2], status;
    ssize_t n = 1;
    if (pipe(fd) != 0)
        return;
    pid_t pid = fork();
    if (pid == 0)
        answer(s, path, fd[1]);
    close(fd[1]);
    for (size_t k = 0; pid > 0 && n == 1 && k < s->n; k++)
        while ((n = read(fd[0], &s->v[k].known, 1)) < 0 && errno == EINTR)
            ;
    close(fd[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
}

void sq_strangers_tell(struct sq_strangers *s, const char *path, const char *who)
{
    if (s->n)
        ask(s, path);
    for (size_t k = 0; k < s->n; k++) {
        if (!s->v[k].known && s->v[k].warning)
            sq_log(SQ_LOG_WARNING, who, "%s", s->v[k].warning);
        free(s->v[k].key);
        free(s->v[k].warning);
    }
    free(s->v);
    *s = (struct sq_strangers){0};
}
