/* /etc/hosts: our lines are between two marks, at the end.  The file is written beside
 * its place and renamed; where it cannot be (in containers it is a mount of its own),
 * over what is there, since it is small. */
#include "cli/inventory/inventory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/util.h"

enum { FILE_BYTES = 4 << 20 };
static const char path[] = "/etc/hosts", new_path[] = "/etc/hosts.scitq";
static const char begin[] = "# scitq: begin (made by scitq-inventory)\n";
static const char end[] = "# scitq: end\n";

static bool is_number(const char *address)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, address, bytes) == 1 ||
           inet_pton(AF_INET6, address, bytes) == 1;
}

/* Everything but our lines. */
static void keep_others(const char *text, struct sq_buf *out)
{
    const char *from = text ? strstr(text, begin) : NULL;
    const char *to = from ? strstr(from, end) : NULL;
    if (!to) {
        sq_buf_adds(out, text ? text : "");
    } else {
        sq_buf_add(out, text, (size_t)(from - text));
        sq_buf_adds(out, to + strlen(end));
    }
    if (out->len && out->data[out->len - 1] != '\n')
        sq_buf_addc(out, '\n');
}

/* Hosts whose address is a number: what is a name is resolved already. */
static void add_ours(const json_t *list, struct sq_buf *out)
{
    const char *host;
    json_t *variables;
    const json_t *all = json_object_get(json_object_get(list, "_meta"), "hostvars");
    sq_buf_adds(out, begin);
    json_object_foreach((json_t *)all, host, variables)
    {
        const char *address = sq_cli_member(variables, "ansible_host");
        if (is_number(address) && strcmp(host, "localhost") != 0)
            sq_buf_addf(out, "%s %s\n", address, host);
    }
    sq_buf_adds(out, end);
}

static int write_file(const char *file, int flags, const struct sq_buf *text,
                      struct sq_err *err)
{
    SQ_CLEANUP(sq_closep)
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
    if (fd < 0)
        return sq_fail(err, sq_errno_code(errno), "cannot write %s: %s", file,
                       strerror(errno));
    int rc = sq_write_all(fd, text->data, text->len, err);
    if (rc == 0 && (ftruncate(fd, (off_t)text->len) != 0 || fsync(fd) != 0))
        rc = sq_fail(err, sq_errno_code(errno), "cannot write %s: %s", file,
                     strerror(errno));
    return rc;
}

int sq_inventory_etchosts(const json_t *list, struct sq_err *err)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf old, text;
    sq_buf_init(&old, FILE_BYTES);
    sq_buf_init(&text, 2 * FILE_BYTES);
    int rc = sq_file_read(path, &old, err);
    if (rc != 0 && rc != SQ_ENOENT)
        return rc;
    keep_others(old.data, &text);
    add_ours(list, &text);
    if (!sq_buf_ok(&text))
        return sq_fail(err, SQ_ETOOBIG, "%s would have more than %d bytes", path,
                       2 * FILE_BYTES);
    if (old.len == text.len && memcmp(old.data, text.data, text.len) == 0)
        return 0;
    rc = write_file(new_path, O_TRUNC, &text, err);
    if (rc == 0 && rename(new_path, path) != 0) {
        unlink(new_path);
        rc = write_file(path, 0, &text, err);
    }
    return rc;
}
