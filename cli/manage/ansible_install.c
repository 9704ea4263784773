/* scitq-manage ansible install: the inventory folder gets our 01-scitq-default,
 * whatever it was before, and scitq-inventory as a link, so that both are of this
 * version after each run.  02-scitq is the user's and is not even looked into. */
#include "cli/manage/ansible.h"
#include "cli/manage/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/own.h"
#include "lib/util.h"

enum { FILE_BYTES = 1 << 20, PATH_BYTES = PATH_MAX + 64 };

static const struct sq_opt options[] = {
    {.name = "path",
     .letter = 'p',
     .kind = SQ_OPT_TEXT,
     .value = "DIR",
     .fallback = "/etc/ansible/inventory",
     .help = "the inventory folder"},
    {0},
};

static int broken(const char *what, const char *path, struct sq_err *err)
{
    return sq_fail(err, sq_errno_code(errno), "cannot %s %s: %s", what, path,
                   strerror(errno));
}

static int write_file(const char *path, const struct sq_buf *text, struct sq_err *err)
{
    SQ_CLEANUP(sq_closep)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return broken("write", path, err);
    int rc = sq_write_all(fd, text->data, text->len, err);
    if (rc == 0 && fsync(fd) != 0)
        rc = broken("write", path, err);
    return rc;
}

static int install_default(struct sq_cli *cli, const char *from, const char *dir,
                           struct sq_err *err)
{
    char source[PATH_BYTES], path[PATH_BYTES], new[PATH_BYTES + 8];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf text, old;
    sq_buf_init(&text, FILE_BYTES);
    sq_buf_init(&old, FILE_BYTES);
    snprintf(source, sizeof source, "%s/inventory/01-scitq-default", from);
    snprintf(path, sizeof path, "%s/01-scitq-default", dir);
    /* Ansible reads every file of the folder but those that end so. */
    snprintf(new, sizeof new, "%s.bak", path);
    int rc = sq_file_read(source, &text, err);
    if (rc != 0)
        return rc;
    if (sq_file_read(path, &old, NULL) == 0 && old.len == text.len &&
        memcmp(old.data, text.data, text.len) == 0) {
        fprintf(cli->out, "%s is up to date\n", path);
        return 0;
    }
    rc = write_file(new, &text, err);
    if (rc == 0 && rename(new, path) != 0)
        rc = broken("write", path, err);
    if (rc == 0)
        fprintf(cli->out, "wrote %s\n", path);
    else
        unlink(new);
    return rc;
}

/* Beside this program; in a build folder, whose programs are in .libs, above that. */
static void find_script(char path[PATH_BYTES])
{
    char folder[PATH_MAX];
    sq_own_folder(folder);
    size_t n = strlen(folder);
    if (n > 6 && strcmp(folder + n - 6, "/.libs") == 0)
        folder[n - 6] = 0;
    snprintf(path, PATH_BYTES, "%s/scitq-inventory", folder);
}

static int install_script(struct sq_cli *cli, const char *dir, struct sq_err *err)
{
    char script[PATH_BYTES], path[PATH_BYTES], new[PATH_BYTES + 8], old[PATH_BYTES];
    find_script(script);
    snprintf(path, sizeof path, "%s/scitq-inventory", dir);
    snprintf(new, sizeof new, "%s.bak", path);
    if (access(script, X_OK) != 0)
        return broken("run", script, err);
    ssize_t n = readlink(path, old, sizeof old - 1);
    old[n > 0 ? n : 0] = 0;
    if (strcmp(old, script) == 0) {
        fprintf(cli->out, "%s is up to date\n", path);
        return 0;
    }
    if (unlink(new) != 0 && errno != ENOENT)
        return broken("replace", new, err);
    if (symlink(script, new) != 0 || rename(new, path) != 0) {
        int rc = broken("make the link", path, err);
        unlink(new);
        return rc;
    }
    fprintf(cli->out, "linked %s to %s\n", path, script);
    return 0;
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    const char *dir = sq_args_text(&cli->args, "path");
    SQ_CLEANUP(sq_freep) char *from = NULL;
    char own[PATH_BYTES];
    if (strlen(dir) >= PATH_MAX)
        return sq_cli_misuse(cli, err, "the folder's name is too long");
    int rc = sq_ansible_path(&from, err);
    if (rc == 0)
        rc = sq_mkdirs(dir, 0755, err);
    if (rc == 0)
        rc = install_default(cli, from, dir, err);
    if (rc == 0)
        rc = install_script(cli, dir, err);
    snprintf(own, sizeof own, "%s/02-scitq", dir);
    if (rc == 0 && access(own, F_OK) != 0)
        fprintf(cli->out, "settings of your own go to %s: see %s/inventory/%s\n", own,
                from, "02-scitq.example");
    return rc;
}

const struct sq_verb sq_verb_ansible_install = {
    .name = "install",
    .help = "put scitq's inventory into Ansible's; 02-scitq stays as it is",
    .options = options,
    .run = run,
    .lines = true,
};
