/* Files that tests make. */
#ifndef SQ_TESTS_FILE_H
#define SQ_TESTS_FILE_H

#include <fcntl.h>
#include <unistd.h>

#include "lib/file.h"

/* A new file with these bytes in the place of what is there: whoever has that one open
 * keeps it. */
static inline void write_file(const char *path, const void *data, size_t len)
{
    struct sq_err err;
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    OK(err, sq_write_all(fd, data, len, &err));
    assert_int_equal(close(fd), 0);
}

#endif
