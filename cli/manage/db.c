/* Finds scitq-server: beside this program (a build folder), in ../sbin of it (as
 * installed), else in PATH.  The tools know nothing of databases. */
#include "cli/manage/db.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/own.h"

int sq_server_exec(struct sq_cli *cli, const char *const *options, struct sq_err *err)
{
    static const char *const places[] = {"/scitq-server", "/../sbin/scitq-server"};
    const char *file = sq_args_text(&cli->args, "config");
    /* execv promises not to write to them, whatever its type says. */
    char *args[8] = {(char *)"scitq-manage"}; /* whose errors they are */
    int n = 1;
    while (*options)
        args[n++] = (char *)*options++;
    if (file) {
        args[n++] = (char *)"-c";
        args[n++] = (char *)file;
    }
    char folder[PATH_MAX], path[PATH_MAX + 32];
    fflush(cli->out);
    sq_own_folder(folder);
    for (size_t i = 0; i < SQ_LEN(places); i++) {
        snprintf(path, sizeof path, "%s%s", folder, places[i]);
        if (access(path, X_OK) == 0)
            execv(path, args);
    }
    execvp("scitq-server", args);
    return sq_fail(err, SQ_ENOENT,
                   "cannot run scitq-server (looked in %s, in ../sbin of it and in "
                   "PATH): %s",
                   folder, strerror(errno));
}
