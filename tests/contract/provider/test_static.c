/* The static provider, with a stand-in for ssh that notes what is asked of it and, told
 * so, does not reach anybody. */
#include "tests/contract/provider/provider.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MACHINES = 40 };

static char own[130], list[130], down[130];

static void write_text(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

static bool start(const char *folder)
{
    char path[600], script[600];
    snprintf(own, sizeof own, "%.100s/own", folder);
    snprintf(list, sizeof list, "%.100s/machines", folder);
    snprintf(down, sizeof down, "%.100s/down", folder);
    snprintf(path, sizeof path, "%.100s/ssh", folder);
    snprintf(script, sizeof script,
             "#!/bin/sh\nif [ -e %s ]; then echo 'No route to host' >&2; exit 255; fi\n"
             "for last; do :; done\n[ \"$last\" ]\n",
             down);
    write_text(path, script, 0755);
    FILE *f = fopen(list, "w");
    assert_non_null(f);
    fprintf(f, "# machines of the lab\n\n");
    for (int i = 0; i < MACHINES; i++)
        fprintf(f,
                "m%d address=10.0.0.%d user=lab flavor=%s region=%s cpu=4 ram=16 "
                "disk=100.5 # %d\n",
                i, i, i % 8 == 7 ? "big" : "small", i % 8 == 6 ? "attic" : "lab", i);
    fclose(f);
    snprintf(path, sizeof path, "%.100s:%.400s", folder, getenv("PATH"));
    setenv("PATH", path, 1);
    setenv("STATIC_MACHINES", list, 1);
    return true;
}

/* Leases, as files. */
static int each(const char *owner, const char *token, char *ret_machine)
{
    int n = 0;
    char path[500], whose[50], for_what[50];
    DIR *dir = opendir(own);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (!strstr(e->d_name, ".lease"))
            continue;
        snprintf(path, sizeof path, "%s/%.300s", own, e->d_name);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        assert_int_equal(fscanf(f, "%49s %49s", whose, for_what), 2);
        fclose(f);
        if (strcmp(whose, owner) != 0 || (token && strcmp(for_what, token) != 0))
            continue;
        n++;
        if (ret_machine)
            snprintf(ret_machine, 100, "%.*s", (int)strcspn(e->d_name, "."), e->d_name);
    }
    if (dir)
        closedir(dir);
    return n;
}

static int count(const char *owner, const char *token)
{
    return each(owner, token, NULL);
}

/* It is taken out of the file. */
static void break_it(const char *owner, const char *token)
{
    char machine[100], line[300], text[MACHINES * 120] = "";
    assert_int_equal(each(owner, token, machine), 1);
    strcat(machine, " ");
    FILE *f = fopen(list, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, machine, strlen(machine)) != 0)
            strcat(text, line);
    fclose(f);
    write_text(list, text, 0644);
}

/* Somebody removed what was written down of it. */
static void vanish(const char *owner, const char *token)
{
    char machine[100], path[500];
    assert_int_equal(each(owner, token, machine), 1);
    snprintf(path, sizeof path, "%s/%s.lease", own, machine);
    assert_int_equal(unlink(path), 0);
}

static void set_fault(const char *how)
{
    if (how)
        write_text(down, "", 0644);
    else
        unlink(down);
}

static const struct fault faults[] = {{"nobody answers", "down", true}, {0}};

static const struct target target = {
    .plugin = "static",
    .flavor = "small",
    .region = "lab",
    .other_region = "attic",
    .start = start,
    .count = count,
    .break_it = break_it,
    .vanish = vanish,
    .faults = faults,
    .set_fault = set_fault,
};

int main(void)
{
    return provider_main(&target);
}
