/* scitq-manage config rclone: the server's rclone.conf, shown, or made this user's, so
 * that URIs mean here what they mean to workers.  It holds passwords: nobody else may
 * read what is written, and what was there before is kept beside it. */
#include "cli/manage/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"

enum { FILE_BYTES = 1 << 20, PATH_BYTES = 4096 };

static const struct sq_opt options[] = {
    {.name = "show", .group = 1, .flags = SQ_OPT_REQUIRED, .help = "print it"},
    {.name = "install",
     .group = 1,
     .flags = SQ_OPT_REQUIRED,
     .help = "write it where rclone looks: $RCLONE_CONFIG, else "
             "~/.config/rclone/rclone.conf"},
    {0},
};

/* Where rclone looks, and the folder of it. */
static int find_place(char path[PATH_BYTES], char folder[PATH_BYTES],
                      struct sq_err *err)
{
    const char *set = getenv("RCLONE_CONFIG"), *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n = 0;
    if (set && *set)
        n = snprintf(path, PATH_BYTES, "%s", set);
    else if (config && *config)
        n = snprintf(path, PATH_BYTES, "%s/rclone/rclone.conf", config);
    else if (home && *home)
        n = snprintf(path, PATH_BYTES, "%s/.config/rclone/rclone.conf", home);
    if (n == 0 || n >= PATH_BYTES - 16)
        return sq_fail(err, SQ_EINVAL,
                       "nobody knows where rclone looks for its settings: set "
                       "RCLONE_CONFIG to a file's path");
    snprintf(folder, PATH_BYTES, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    else
        strcpy(folder, ".");
    return 0;
}

static int write_new(const char *path, const char *text, struct sq_err *err)
{
    unlink(path);
    SQ_CLEANUP(sq_closep)
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return sq_fail(err, sq_errno_code(errno), "cannot write %s: %s", path,
                       strerror(errno));
    int rc = sq_write_all(fd, text, strlen(text), err);
    if (rc == 0 && fsync(fd) != 0)
        rc = sq_fail(err, SQ_EIO, "cannot write %s: %s", path, strerror(errno));
    return rc;
}

static bool is_same(const char *path, const char *text)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf old;
    sq_buf_init(&old, FILE_BYTES);
    return sq_file_read(path, &old, NULL) == 0 && old.len == strlen(text) &&
           (old.len == 0 || memcmp(old.data, text, old.len) == 0);
}

static void tell(struct sq_cli *cli, const char *path, bool written, const char *old)
{
    if (sq_args_has(&cli->args, "json")) {
        SQ_CLEANUP(sq_json_unref)
        json_t *v =
            json_pack("{s:s, s:b, s:s?}", "path", path, "written", written, "old", old);
        sq_cli_print_json(cli, v);
    } else if (!written) {
        fprintf(cli->out, "%s is up to date\n", path);
    } else if (old) {
        fprintf(cli->out, "wrote %s; what was there before is %s\n", path, old);
    } else {
        fprintf(cli->out, "wrote %s\n", path);
    }
}

/* The file is whole at each moment: the new one takes its name when it is. */
static int install(struct sq_cli *cli, const char *text, struct sq_err *err)
{
    char path[PATH_BYTES], folder[PATH_BYTES], new[PATH_BYTES + 8], old[PATH_BYTES + 8];
    int rc = find_place(path, folder, err);
    if (rc == 0)
        rc = sq_mkdirs(folder, 0700, err);
    if (rc)
        return rc;
    snprintf(new, sizeof new, "%s.new", path);
    snprintf(old, sizeof old, "%s.old", path);
    if (is_same(path, text)) {
        tell(cli, path, false, NULL);
        return 0;
    }
    rc = write_new(new, text, err);
    bool was_there = access(path, F_OK) == 0;
    if (rc == 0 && was_there) {
        unlink(old);
        if (link(path, old) != 0)
            rc = sq_fail(err, SQ_EIO, "cannot keep %s as %s: %s", path, old,
                         strerror(errno));
    }
    if (rc == 0 && rename(new, path) != 0)
        rc = sq_fail(err, SQ_EIO, "cannot write %s: %s", path, strerror(errno));
    if (rc)
        unlink(new);
    else
        tell(cli, path, true, was_there ? old : NULL);
    return rc;
}

static int run(struct sq_cli *cli, struct sq_err *err)
{
    SQ_CLEANUP(sq_json_unref) json_t *answer = NULL;
    bool shows = sq_args_has(&cli->args, "show");
    bool installs = sq_args_has(&cli->args, "install");
    int rc = sq_cli_call_take(cli, "GET", "/config/rclone", NULL, &answer, err);
    if (rc)
        return rc;
    const char *text = json_string_value(answer);
    if (!text)
        return sq_fail(err, SQ_EPROTO,
                       "the server answered something else than its "
                       "rclone.conf: is it a scitq server?");
    if (installs)
        return install(cli, text, err);
    if (sq_args_has(&cli->args, "json"))
        sq_cli_print_json(cli, answer);
    else if (shows)
        fputs(text, cli->out);
    return 0;
}

const struct sq_verb sq_verb_config_rclone = {
    .name = "rclone",
    .help = "show the server's rclone.conf, or install it for this user",
    .options = options,
    .run = run,
};
