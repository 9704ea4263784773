/* Where the hierarchies of control groups are mounted (/proc/self/mountinfo) and where
 * we are in them (/proc/self/cgroup), both of which a container may show partly. */
#include "worker/supervisor/hierarchy.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 4096 };

/* Is `word` one of the words of `list`, separated by `separators`? */
bool sq_hierarchy_has_word(const char *list, const char *word, const char *separators)
{
    size_t len = strlen(word);
    while (*list) {
        size_t n = strcspn(list, separators);
        if (n == len && memcmp(list, word, len) == 0)
            return true;
        list += n;
        list += strspn(list, separators);
    }
    return false;
}

/* Our path in the hierarchy of `controller` (NULL: version 2), as the kernel says it.
 */
bool sq_hierarchy_path(const char *controller, char path[SQ_GROUP_PATH])
{
    char line[LINE_BYTES];
    bool found = false;
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        char *names = strchr(line, ':');
        char *at = names ? strchr(names + 1, ':') : NULL;
        if (!at)
            continue;
        *at++ = 0;
        at[strcspn(at, "\n")] = 0;
        found =
            controller ? sq_hierarchy_has_word(names + 1, controller, ",") : !names[1];
        if (found && snprintf(path, SQ_GROUP_PATH, "%s", at) >= SQ_GROUP_PATH)
            found = false;
    }
    if (f)
        fclose(f);
    return found;
}

/* Whether this line of mountinfo mounts the hierarchy; its root and mount point. */
static bool is_mount(char *line, const char *controller, char **root, char **point)
{
    char *tail = strstr(line, " - ");
    char type[32], options[LINE_BYTES];
    if (!tail || sscanf(tail, " - %31s %*s %4095s", type, options) != 2)
        return false;
    if (strcmp(type, controller ? "cgroup" : "cgroup2") != 0)
        return false;
    if (controller && !sq_hierarchy_has_word(options, controller, ",\n"))
        return false;
    strtok(line, " ");
    strtok(NULL, " ");
    strtok(NULL, " ");
    *root = strtok(NULL, " ");
    *point = strtok(NULL, " ");
    return *point;
}

/* The folder of the group we are in, "" when that hierarchy is not there. */
void sq_hierarchy_folder(const char *controller, char folder[SQ_GROUP_PATH])
{
    char line[LINE_BYTES], path[SQ_GROUP_PATH];
    char *root, *point;
    folder[0] = 0;
    if (!sq_hierarchy_path(controller, path))
        return;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    while (f && !folder[0] && fgets(line, sizeof line, f)) {
        if (!is_mount(line, controller, &root, &point))
            continue;
        const char *below = path;
        if (strcmp(root, "/") != 0 && strncmp(path, root, strlen(root)) == 0)
            below += strlen(root);
        if (strcmp(below, "/") == 0)
            below = "";
        if (snprintf(folder, SQ_GROUP_PATH, "%s%s", point, below) >= SQ_GROUP_PATH)
            folder[0] = 0;
    }
    if (f)
        fclose(f);
}
