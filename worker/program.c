/* Beside this program comes before where it is installed, so that a build folder runs
 * its own. */
#include "worker/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sq_program_find(const char *name, const char *variable, char path[PATH_MAX])
{
    const char *told = getenv(variable);
    char self[PATH_MAX];
    if (told && *told) {
        snprintf(path, PATH_MAX, "%s", told);
        return;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(self, '/');
        if (!slash)
            break;
        *slash = 0;
        int len = snprintf(path, PATH_MAX, "%s/%s", self, name);
        if (len < PATH_MAX && access(path, X_OK) == 0)
            return;
        slash = strrchr(self, '/');
        if (!slash || strcmp(slash, "/.libs") != 0)
            break;
    }
    snprintf(path, PATH_MAX, "%s/%s", SQ_LIBEXECDIR, name);
}
