/* Archives, honest and hostile, all written here.  Every one is unpacked in a folder
 * beside a victim of the test's own, which must stay as it is. */
#include "tests/test.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/fetch/inside.h"
#include "cli/fetch/unpack.h"
#include "lib/file.h"
#include "tests/lacking.h"
#include "tests/unit/lib/scratch.h"

struct row {
    const char *name;
    int type;         /* AE_IFREG… or 0: a hard link */
    const char *text; /* content, or where a link leads */
};

static void add_row(struct archive *a, const struct row *r)
{
    struct archive_entry *e = archive_entry_new();
    size_t len = r->type == AE_IFREG ? strlen(r->text) : 0;
    archive_entry_set_pathname(e, r->name);
    archive_entry_set_filetype(e, r->type ? (unsigned)r->type : AE_IFREG);
    archive_entry_set_perm(e, 04755);
    archive_entry_set_mtime(e, 1000000000, 0);
    archive_entry_set_size(e, (la_int64_t)len);
    if (r->type == AE_IFLNK)
        archive_entry_set_symlink(e, r->text);
    if (r->type == 0)
        archive_entry_set_hardlink(e, r->text);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, r->text, len), (int)len);
    archive_entry_free(e);
}

/* An archive of these rows (ended by a NULL name) in `format` and `filter`. */
static const char *make(struct scratch *s, const char *file, const char *format,
                        const char *filter, const struct row *rows)
{
    const char *path = scratch_path(s, file);
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format_by_name(a, format), ARCHIVE_OK);
    if (filter)
        assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (; rows->name; rows++)
        add_row(a, rows);
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
    return path;
}

static bool always(void *arg, int64_t written)
{
    (void)arg, (void)written;
    return true;
}

static bool never(void *arg, int64_t written)
{
    (void)arg, (void)written;
    return false;
}

/* Unpack into s/to, emptied first. */
static int unpack(struct scratch *s, enum sq_unpack_kind kind, const char *path,
                  bool (*going)(void *, int64_t), struct sq_err *err)
{
    const char *to = scratch_path(s, "to");
    OK(*err, sq_dir_remove(to, err));
    assert_int_equal(mkdir(to, 0755), 0);
    SQ_CLEANUP(sq_closep) int fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sq_unpack u = {.kind = kind,
                          .archive = path,
                          .shown = "the-archive",
                          .plain = "plain",
                          .to = fd,
                          .going = going};
    return sq_unpack(&u, err);
}

static void is_text(struct scratch *s, const char *name, const char *text)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    struct sq_err err = {0};
    sq_buf_init(&b, 1 << 20);
    OK(err, sq_file_read(scratch_path(s, name), &b, &err));
    assert_string_equal(b.data, text);
}

static const struct row honest[] = {
    {"dir/", AE_IFDIR, ""},          {"dir/a.txt", AE_IFREG, "alpha"},
    {"deep/er/b", AE_IFREG, "beta"}, {"dir/link", AE_IFLNK, "../deep/er/b"},
    {"empty", AE_IFREG, ""},         {"sp ace \xc3\xa9\n'\"", AE_IFREG, "odd"},
    {"./dir//again", AE_IFREG, "x"}, {NULL, 0, NULL},
};

static void test_honest(void **state)
{
    struct scratch *s = *state;
    static const struct {
        const char *format, *filter;
        enum sq_unpack_kind kind;
    } rows[] = {
        {"pax", NULL, SQ_UNPACK_UNTAR},    {"gnutar", "gzip", SQ_UNPACK_UNTAR},
        {"pax", "bzip2", SQ_UNPACK_UNTAR}, {"ustar", "xz", SQ_UNPACK_UNTAR},
        {"pax", "zstd", SQ_UNPACK_UNTAR},  {"zip", NULL, SQ_UNPACK_UNZIP},
    };
    struct sq_err err = {0};
    struct stat st;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        OK(err,
           unpack(s, rows[i].kind, make(s, "x", rows[i].format, rows[i].filter, honest),
                  always, &err));
        is_text(s, "to/dir/a.txt", "alpha");
        is_text(s, "to/dir/link", "beta");
        is_text(s, "to/empty", "");
        is_text(s, "to/sp ace \xc3\xa9\n'\"", "odd");
        is_text(s, "to/dir/again", "x");
        assert_int_equal(stat(scratch_path(s, "to/dir/a.txt"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
        assert_int_equal(st.st_mtime, 1000000000);
    }
}

/* A file of one letter and holes, of which the last is the end of the file. */
static const char *make_sparse(struct scratch *s, const char *file, size_t size,
                               bool letter)
{
    const char *path = scratch_path(s, file);
    SQ_CLEANUP(sq_freep) char *bytes = calloc(1, size);
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    assert_int_equal(archive_write_set_format_pax(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    archive_entry_set_pathname(e, "holes");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_entry_set_size(e, (la_int64_t)size);
    archive_entry_sparse_add_entry(e, 0, letter);
    bytes[0] = letter ? 'x' : 0;
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, bytes, size), (int)size);
    archive_entry_free(e);
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
    return path;
}

static void test_holes_at_the_end(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    for (int letter = 0; letter < 2; letter++) {
        struct stat st;
        OK(err, unpack(s, SQ_UNPACK_UNTAR, make_sparse(s, "x", 1 << 20, letter), always,
                       &err));
        assert_int_equal(stat(scratch_path(s, "to/holes"), &st), 0);
        assert_int_equal(st.st_size, 1 << 20);
    }
}

static void test_tar_links(void **state)
{
    struct scratch *s = *state;
    static const struct row rows[] = {{"a", AE_IFREG, "1"}, {"d/h", 0, "a"},
                                      {"a", AE_IFREG, "2"}, {"l", AE_IFLNK, "a"},
                                      {"l", AE_IFREG, "3"}, {NULL, 0, NULL}};
    struct sq_err err = {0};
    OK(err, unpack(s, SQ_UNPACK_UNTAR, make(s, "x", "pax", NULL, rows), always, &err));
    is_text(s, "to/d/h", "1");
    is_text(s, "to/a", "2"); /* the later one, and through no link */
    is_text(s, "to/l", "3");
}

/* Each is refused, and nothing lands outside. */
static void test_hostile(void **state)
{
    struct scratch *s = *state;
    scratch_write(s, "victim", "whole", 5);
    mkdir(scratch_path(s, "folder"), 0755);
    const char *absolute = scratch_path(s, "victim");
    const struct {
        struct row rows[4];
        const char *why;
    } cases[] = {
        {{{"../victim", AE_IFREG, "x"}}, "its name has .."},
        {{{"a/../../victim", AE_IFREG, "x"}}, "its name has .."},
        {{{absolute, AE_IFREG, "x"}}, "is absolute"},
        {{{"l", AE_IFLNK, "../victim"}}, "is a link to ../victim, outside"},
        {{{"l", AE_IFLNK, absolute}}, "outside the folder"},
        {{{"l", AE_IFLNK, "d"}, {"d/x", AE_IFREG, ""}, {"l/x", AE_IFREG, "x"}},
         "would go through l"},
        {{{"d/up", AE_IFLNK, ".."}, {"l", AE_IFLNK, "d/up/../folder"}},
         "leads outside"},
        {{{"l", AE_IFLNK, "d/up/../victim"}, {"d/up", AE_IFLNK, ".."}},
         "leads outside"},
        {{{"l", AE_IFLNK, "."}, {"l/l/x", AE_IFREG, "x"}}, "would go through l"},
        {{{"p", AE_IFIFO, ""}}, "neither file, folder nor link"},
        {{{"c", AE_IFCHR, ""}}, "neither file, folder nor link"},
        {{{"b", AE_IFBLK, ""}}, "neither file, folder nor link"},
        {{{"f", AE_IFREG, ""}, {"f/g", AE_IFREG, ""}}, "would go through f"},
        {{{"d/g", AE_IFREG, ""}, {"d", AE_IFREG, ""}}, "d is a folder already"},
    };
    struct sq_err err = {0};
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        const char *path = make(s, "x", "pax", NULL, cases[i].rows);
        assert_true(unpack(s, SQ_UNPACK_UNTAR, path, always, &err) < 0);
        if (!strstr(err.text, cases[i].why) || !strstr(err.text, "the-archive"))
            fail_msg("case %zu: %s", i, err.text);
        is_text(s, "victim", "whole");
        assert_int_equal(rmdir(scratch_path(s, "folder")), 0); /* still empty */
        assert_int_equal(mkdir(scratch_path(s, "folder"), 0755), 0);
    }
}

static void test_hostile_hardlinks(void **state)
{
    struct scratch *s = *state;
    scratch_write(s, "victim", "whole", 5);
    const char *absolute = scratch_path(s, "victim");
    const struct row cases[][3] = {
        {{"h", 0, "../victim"}},
        {{"h", 0, absolute}},
        {{"l", AE_IFLNK, "."}, {"h", 0, "l"}},
        {{"h", 0, "not-there"}},
    };
    struct sq_err err = {0};
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        const char *path = make(s, "x", "pax", NULL, cases[i]);
        assert_int_equal(unpack(s, SQ_UNPACK_UNTAR, path, always, &err), SQ_EINVAL);
        assert_int_equal(access(scratch_path(s, "to/h"), F_OK), -1);
    }
}

static void test_hostile_zip(void **state)
{
    struct scratch *s = *state;
    static const struct row cases[][3] = {
        {{"../victim", AE_IFREG, "x"}},
        {{"l", AE_IFLNK, "../victim"}, {"l", AE_IFREG, "x"}},
        {{"l", AE_IFLNK, "d"}, {"l/x", AE_IFREG, "x"}},
    };
    struct sq_err err = {0};
    scratch_write(s, "victim", "whole", 5);
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        const char *path = make(s, "x", "zip", NULL, cases[i]);
        assert_int_equal(unpack(s, SQ_UNPACK_UNZIP, path, always, &err), SQ_EINVAL);
        is_text(s, "victim", "whole");
    }
}

/* A file of 100,000 bytes that hardly compress. */
static const char *noise(void)
{
    static char text[100001];
    unsigned x = 12345;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('!' + (x = x * 1103515245 + 12345) / 65536 % 90);
    return text;
}

/* Copy `path` to s/cut: `keep` bytes of it, the one at `flip` changed (< 0: none). */
static const char *damage(struct scratch *s, const char *path, size_t cut, long flip)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    struct sq_err err = {0};
    sq_buf_init(&b, 1 << 20);
    OK(err, sq_file_read(path, &b, &err));
    assert_true(b.len > cut);
    if (flip >= 0)
        b.data[flip] ^= 0x10;
    return scratch_write(s, "damaged", b.data, b.len - cut);
}

/* s/y.tgz: `path` and then a megabyte of zeros, as a tape's last block has them. */
static const char *pad_and_zip(struct scratch *s, const char *path)
{
    static const char zeros[1 << 20];
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    struct sq_err err = {0};
    const char *to = scratch_path(s, "y.tgz");
    sq_buf_init(&b, 1 << 20);
    OK(err, sq_file_read(path, &b, &err));
    gzFile gz = gzopen(to, "wb");
    assert_int_equal(gzwrite(gz, b.data, (unsigned)b.len), (int)b.len);
    assert_int_equal(gzwrite(gz, zeros, sizeof zeros), (int)sizeof zeros);
    assert_int_equal(gzclose(gz), Z_OK);
    return to;
}

static void test_damaged(void **state)
{
    struct scratch *s = *state;
    const struct row rows[] = {{"a", AE_IFREG, noise()}, {NULL, 0, NULL}};
    static const struct {
        const char *format, *filter;
        bool sums; /* libarchive writes zstd without one; zstd(1) does not */
    } kinds[] = {{"pax", NULL, false},   {"pax", "gzip", true}, {"pax", "bzip2", true},
                 {"pax", "zstd", false}, {"pax", "xz", true},   {"zip", NULL, true}};
    struct sq_err err = {0};
    for (size_t i = 0; i < SQ_LEN(kinds); i++) {
        const char *path = make(s, "x", kinds[i].format, kinds[i].filter, rows);
        enum sq_unpack_kind kind =
            strcmp(kinds[i].format, "zip") ? SQ_UNPACK_UNTAR : SQ_UNPACK_UNZIP;
        OK(err, unpack(s, kind, path, always, &err));
        assert_int_equal(unpack(s, kind, damage(s, path, 50000, -1), always, &err),
                         SQ_EINVAL);
        if (kinds[i].sums)
            assert_int_equal(unpack(s, kind, damage(s, path, 0, 40000), always, &err),
                             SQ_EINVAL);
    }
    /* The very end of a gzip, after the last entry: its length, its checksum. */
    const char *path = make(s, "x", "pax", "gzip", rows);
    assert_int_equal(unpack(s, SQ_UNPACK_UNTAR, damage(s, path, 3, -1), always, &err),
                     SQ_EINVAL);
    assert_non_null(strstr(err.text, "cut off"));
    /* Far behind what is read of a tar for its last entry. */
    path = pad_and_zip(s, make(s, "x", "pax", NULL, rows));
    OK(err, unpack(s, SQ_UNPACK_UNTAR, path, always, &err));
    assert_int_equal(unpack(s, SQ_UNPACK_UNTAR, damage(s, path, 3, -1), always, &err),
                     SQ_EINVAL);
    assert_non_null(strstr(err.text, "cut off"));
}

static void test_not_archives(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    const char *text = scratch_write(s, "t", "just a text\n", 12);
    const char *empty = scratch_write(s, "e", "", 0);
    for (int kind = SQ_UNPACK_GUNZIP; kind <= SQ_UNPACK_UNZIP; kind++) {
        assert_int_equal(unpack(s, (enum sq_unpack_kind)kind, text, always, &err),
                         SQ_EINVAL);
        assert_int_equal(unpack(s, (enum sq_unpack_kind)kind, empty, always, &err),
                         SQ_EINVAL);
        assert_int_equal(unpack(s, (enum sq_unpack_kind)kind, scratch_path(s, "no"),
                                always, &err) < 0,
                         1);
    }
}

static const char *make_gzip(struct scratch *s, const char *text, int members)
{
    const char *path = scratch_path(s, "x.gz");
    for (int i = 0; i < members; i++) {
        gzFile gz = gzopen(path, i ? "ab" : "wb");
        assert_int_equal(gzwrite(gz, text, (unsigned)strlen(text)), (int)strlen(text));
        assert_int_equal(gzclose(gz), Z_OK);
    }
    return path;
}

static void test_gunzip(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    OK(err, unpack(s, SQ_UNPACK_GUNZIP, make_gzip(s, "line\n", 3), always, &err));
    is_text(s, "to/plain", "line\nline\nline\n");
    OK(err, unpack(s, SQ_UNPACK_GUNZIP, make_gzip(s, "", 1), always, &err));
    is_text(s, "to/plain", "");
    const char *path = make_gzip(s, noise(), 2);
    OK(err, unpack(s, SQ_UNPACK_GUNZIP, path, always, &err));
    assert_int_equal(unpack(s, SQ_UNPACK_GUNZIP, damage(s, path, 1, -1), always, &err),
                     SQ_EINVAL);
    assert_int_equal(
        unpack(s, SQ_UNPACK_GUNZIP, damage(s, path, 0, 30000), always, &err),
        SQ_EINVAL);
    assert_int_equal(unpack(s, SQ_UNPACK_GUNZIP, path, never, &err), SQ_ECANCELED);
}

static void test_cancel(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    assert_int_equal(
        unpack(s, SQ_UNPACK_UNTAR, make(s, "x", "pax", NULL, honest), never, &err),
        SQ_ECANCELED);
}

static void test_plain_names(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a.fq.gz", "a.fq"}, {"a.tgz", "a.tar"}, {"a", "a"},
        {".gz", ".gz"},      {".tgz", ".tgz"},   {"a.gzip", "a.gzip"},
    };
    char out[100];
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        sq_unpack_plain_name(rows[i][0], out, sizeof out);
        assert_string_equal(out, rows[i][1]);
    }
}

/* A disk of 8 MB, in a mount namespace of this program's own.  False: not allowed. */
static bool small_disk(struct scratch *s)
{
    const char *to = scratch_path(s, "small");
    return unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mkdir(to, 0755) == 0 &&
           mount("tmpfs", to, "tmpfs", 0, "size=8m,nr_inodes=500") == 0;
}

/* 40 kB that are 40 MB. */
static const char *make_bomb(struct scratch *s, const char *format)
{
    enum { BOMB = 40 * 1024 * 1024 };
    SQ_CLEANUP(sq_freep) char *zeros = malloc(BOMB + 1);
    memset(zeros, '0', BOMB);
    zeros[BOMB] = 0;
    if (strcmp(format, "gz") == 0)
        return make_gzip(s, zeros, 1);
    const struct row rows[] = {{"bomb", AE_IFREG, zeros}, {NULL, 0, NULL}};
    bool zip = strcmp(format, "zip") == 0;
    return make(s, "x", format, zip ? NULL : "gzip", rows);
}

static void test_bombs(void **state)
{
    struct scratch *s = *state;
    struct sq_err err = {0};
    if (!small_disk(s))
        lacking("the right to mount");
    const char *small = scratch_path(s, "small");
    static const struct {
        const char *format;
        enum sq_unpack_kind kind;
    } rows[] = {
        {"gz", SQ_UNPACK_GUNZIP}, {"pax", SQ_UNPACK_UNTAR}, {"zip", SQ_UNPACK_UNZIP}};
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        SQ_CLEANUP(sq_closep) int fd = open(small, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct sq_unpack u = {.kind = rows[i].kind,
                              .archive = make_bomb(s, rows[i].format),
                              .shown = "bomb",
                              .plain = "plain",
                              .to = fd,
                              .going = always};
        assert_int_equal(sq_unpack(&u, &err), SQ_ENOSPC);
        OK(err, sq_dir_empty(small, &err));
    }
    assert_int_equal(umount2(small, MNT_DETACH), 0);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
#define CASE(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_honest),       CASE(test_tar_links),
        CASE(test_hostile),      CASE(test_hostile_hardlinks),
        CASE(test_hostile_zip),  CASE(test_damaged),
        CASE(test_not_archives), CASE(test_gunzip),
        CASE(test_cancel),       CASE(test_plain_names),
        CASE(test_bombs),        CASE(test_holes_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
