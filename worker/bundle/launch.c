/* What the programs in bin/ of the packaged worker are: each finds the folder it was
 * unpacked into and runs the program of its own name in ../lib/programs with the
 * dynamic loader and the libraries of ../lib.
 *
 * So the package runs from any folder, on any machine of its architecture, whatever C
 * library that has: a program linked to a newer one than the machine's would not start.
 * Itself it is linked statically.  The other programs are named to the one that
 * runs by the variables that each reads for that. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CANNOT_RUN = 127, OWN_WORDS = 6 };

static int trouble(const char *name, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", name, what, strerror(errno));
    return CANNOT_RUN;
}

/* `variable` names root/bin/program, unless somebody set it. */
static int offer(const char *root, const char *variable, const char *program)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/bin/%s", root, program);
    return setenv(variable, path, 0);
}

int main(int argc, char **argv)
{
    char self[PATH_MAX], loader[PATH_MAX + 32], folder[PATH_MAX + 32],
        program[2 * PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return trouble("scitq", "cannot tell where this program is");
    self[n] = 0;
    char *slash = strrchr(self, '/');
    const char *name = slash + 1;
    *slash = 0; /* ROOT/bin */
    slash = strrchr(self, '/');
    if (slash)
        *slash = 0; /* ROOT */
    snprintf(loader, sizeof loader, "%s/lib/ld.so", self);
    snprintf(folder, sizeof folder, "%s/lib", self);
    snprintf(program, sizeof program, "%s/lib/programs/%s", self, name);
    const char **words = calloc((size_t)argc + OWN_WORDS + 1, sizeof *words);
    if (!words || offer(self, "SCITQ_FETCH", "scitq-fetch") != 0 ||
        offer(self, "SCITQ_SUPERVISOR", "scitq-supervisor") != 0 ||
        offer(self, "SCITQ_WATCH", "scitq-watch") != 0)
        return trouble(name, "out of memory");
    const char *own[OWN_WORDS] = {loader,           "--argv0", argc ? argv[0] : name,
                                  "--library-path", folder,    program};
    memcpy(words, own, sizeof own);
    for (int i = 1; i < argc; i++)
        words[OWN_WORDS + i - 1] = argv[i];
    /* execv promises not to write to them, whatever its type says. */
    execv(loader, (char **)words);
    return trouble(name, loader);
}
