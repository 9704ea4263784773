/* The spool: what was told is found again after any end of the process. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/file.h"
#include "worker/spool.h"

static char dir[64], path[80];

/* What reaches the disk passes here: the linker wraps it (see Makefile.inc). */
int __wrap_fdatasync(int fd);
static int syncs;          /* of the file now at `path` */
static int sync_error = 0; /* errno to fail with */
int __wrap_fdatasync(int fd)
{
    struct stat a, b;
    if (fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino)
        syncs++;
    errno = sync_error;
    return sync_error ? -1 : 0;
}

static int make_dir(void **state)
{
    strcpy(dir, "/tmp/scitq-spool-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/spool", dir);
    syncs = 0;
    return 0;
}

static int remove_dir(void **state)
{
    return sq_dir_remove(dir, NULL);
}

static void must_open(struct sq_spool *s)
{
    struct sq_err err;
    OK(err, sq_spool_open(s, path, &err));
}

static struct sq_record output(int64_t execution, int stream, int64_t at, int64_t len)
{
    return (struct sq_record){.execution_id = execution,
                              .kind = SQ_RECORD_OUTPUT,
                              .stream = stream,
                              .offset = at,
                              .position = at,
                              .length = len};
}

static void add(struct sq_spool *s, struct sq_record r)
{
    struct sq_err err;
    OK(err, sq_spool_add(s, &r, &err));
}

/* A whole life of one execution. */
static void fill(struct sq_spool *s)
{
    add(s, (struct sq_record){.execution_id = 7, .status = SQ_TOLD_ACCEPTED});
    add(s, (struct sq_record){.execution_id = 7, .status = SQ_TOLD_RUNNING, .pid = 99});
    add(s, output(7, SQ_STDOUT, 0, 100));
    add(s, (struct sq_record){.execution_id = 7,
                              .kind = SQ_RECORD_NOTE,
                              .stream = SQ_STDERR,
                              .length = 12,
                              .text = "scitq: gone"});
    add(s, (struct sq_record){.execution_id = 7,
                              .status = SQ_TOLD_FAILED,
                              .return_code = -9,
                              .bytes = {0, 100, 12},
                              .text = "a%20b d/é"});
    sq_spool_commit(s);
}

static void same_record(const struct sq_record *a, const struct sq_record *b)
{
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->execution_id, b->execution_id);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->pid, b->pid);
    assert_int_equal(a->return_code, b->return_code);
    assert_memory_equal(a->bytes, b->bytes, sizeof a->bytes);
    assert_int_equal(a->stream, b->stream);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->position, b->position);
    assert_int_equal(!a->text, !b->text);
    if (a->text)
        assert_string_equal(a->text, b->text);
}

static void test_records_come_back(void **state)
{
    struct sq_spool a, b;
    must_open(&a);
    assert_int_equal(strlen(a.id), SQ_SPOOL_ID);
    fill(&a);
    must_open(&b);
    assert_string_equal(a.id, b.id);
    assert_int_equal(b.next_seq, 6);
    assert_int_equal(b.n, 5);
    for (size_t i = 0; i < 5; i++)
        same_record(&a.records[i], &b.records[i]);
    const struct sq_position *p = sq_spool_position(&b, 7);
    assert_non_null(p);
    assert_true(p->accepted && p->running && p->ended);
    assert_int_equal(p->streams[SQ_STDOUT].cut, 100);
    assert_int_equal(p->streams[SQ_STDERR].cut, 12);
    assert_null(sq_spool_position(&b, 8));
    sq_spool_close(&a);
    sq_spool_close(&b);
}

static void test_acknowledged_ones_do_not(void **state)
{
    struct sq_spool a, b;
    must_open(&a);
    fill(&a);
    sq_spool_acknowledge(&a, 3);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.records[0].seq, 4);
    sq_spool_acknowledge(&a, 2); /* late news change nothing */
    assert_int_equal(a.n, 2);
    add(&a, output(7, SQ_STDOUT, 100, 1));
    sq_spool_commit(&a); /* carries the acknowledgement too */
    must_open(&b);
    assert_int_equal(b.acked, 3);
    assert_int_equal(b.n, 3);
    assert_int_equal(b.records[0].seq, 4);
    sq_spool_close(&a);
    sq_spool_close(&b);
}

static void test_a_lost_tail_is_passed(void **state)
{
    struct sq_spool a;
    must_open(&a);
    fill(&a);
    sq_spool_acknowledge(&a, 1000);
    assert_int_equal(a.n, 0);
    assert_true(a.next_seq > 1000);
    sq_spool_close(&a);
}

static void test_drop_goes_far_from_what_was(void **state)
{
    struct sq_spool a;
    must_open(&a);
    fill(&a);
    int64_t before = a.next_seq;
    sq_spool_drop(&a);
    assert_int_equal(a.n, 0);
    assert_true(a.next_seq > before + 1000);
    sq_spool_acknowledge(&a, 3); /* what the server has still of the old ones */
    add(&a, output(8, SQ_STDOUT, 0, 1));
    assert_int_equal(a.n, 1);
    sq_spool_close(&a);
}

/* The file cut at every byte: whole records before the cut are there, nothing else is,
 * and writing goes on. */
static void test_torn_at_every_byte(void **state)
{
    struct sq_spool a, b;
    struct sq_err err;
    struct sq_buf whole SQ_CLEANUP(sq_buf_fini);
    must_open(&a);
    fill(&a);
    sq_buf_init(&whole, 1 << 20);
    OK(err, sq_file_read(path, &whole, &err));
    for (size_t len = 0; len < whole.len; len++) {
        write_file(path, whole.data, len);
        size_t lines = 0;
        for (size_t i = 0; i < len; i++)
            lines += whole.data[i] == '\n';
        must_open(&b);
        assert_int_equal(b.n, lines ? lines - 1 : 0);
        for (size_t i = 0; i < b.n; i++)
            same_record(&a.records[i], &b.records[i]);
        if (lines)
            assert_string_equal(a.id, b.id);
        else
            assert_string_not_equal(a.id, b.id);
        add(&b, output(9, SQ_STDERR, 0, 5));
        /* What was lost may have been sent: its numbers are not given again. */
        if (lines && len && whole.data[len - 1] != '\n')
            assert_true(b.records[b.n - 1].seq >= a.next_seq);
        sq_spool_commit(&b);
        size_t n = b.n;
        sq_spool_close(&b);
        must_open(&b);
        assert_int_equal(b.n, n);
        sq_spool_close(&b);
    }
    sq_spool_close(&a);
}

static void test_a_flipped_bit_is_seen(void **state)
{
    struct sq_spool a;
    struct sq_err err;
    struct sq_buf whole SQ_CLEANUP(sq_buf_fini);
    must_open(&a);
    fill(&a);
    sq_spool_close(&a);
    sq_buf_init(&whole, 1 << 20);
    OK(err, sq_file_read(path, &whole, &err));
    for (size_t i = 0; i < whole.len; i++) {
        whole.data[i] ^= 4;
        write_file(path, whole.data, whole.len);
        must_open(&a);
        assert_true(a.n < 5);
        sq_spool_close(&a);
        whole.data[i] ^= 4;
    }
}

static void test_something_else_is_put_aside(void **state)
{
    struct sq_spool a;
    struct stat st;
    char bad[96];
    write_file(path, "not a spool\n", 12);
    must_open(&a);
    assert_int_equal(a.next_seq, 1);
    sq_spool_close(&a);
    snprintf(bad, sizeof bad, "%s.bad", path);
    assert_int_equal(stat(bad, &st), 0);
    assert_int_equal(st.st_size, 12);
}

static void test_texts_stay_on_their_line(void **state)
{
    struct sq_spool a, b;
    must_open(&a);
    add(&a, (struct sq_record){.execution_id = 1,
                               .kind = SQ_RECORD_NOTE,
                               .stream = SQ_STDERR,
                               .length = 4,
                               .text = "a\nb"});
    sq_spool_commit(&a);
    must_open(&b);
    assert_int_equal(b.n, 1);
    assert_string_equal(b.records[0].text, "a b");
    sq_spool_close(&a);
    sq_spool_close(&b);
}

static void test_a_folder_that_is_none(void **state)
{
    struct sq_spool a;
    struct sq_err err;
    char none[96];
    snprintf(none, sizeof none, "%s/none/spool", dir);
    assert_int_equal(sq_spool_open(&a, none, &err), SQ_EIO);
    assert_non_null(strstr(err.text, none));
    sq_spool_close(&a);
}

/* A write that fits in part leaves no half line behind, and what it held is still to be
 * sent; with room again the spool goes on. */
static void test_a_full_disk(void **state)
{
    struct sq_spool a, b;
    struct rlimit old, small;
    must_open(&a);
    fill(&a);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){(rlim_t)a.size_bytes + 10, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    add(&a, output(7, SQ_STDERR, 12, 1));
    sq_spool_commit(&a);
    add(&a, output(7, SQ_STDERR, 13, 1));
    sq_spool_commit(&a);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(a.failing);
    assert_int_equal(a.n, 7);
    add(&a, output(7, SQ_STDERR, 14, 1));
    sq_spool_commit(&a);
    assert_false(a.failing);
    must_open(&b);
    assert_false(b.torn);
    assert_int_equal(b.n, 6);
    same_record(&a.records[7], &b.records[5]);
    sq_spool_close(&a);
    sq_spool_close(&b);
}

/* Each write is followed to the disk, once, when it is asked for and not before. */
static void test_sync_reaches_the_disk(void **state)
{
    struct sq_spool a;
    must_open(&a);
    fill(&a);
    assert_int_equal(syncs, 0);
    sq_spool_sync(&a);
    assert_int_equal(syncs, 1);
    sq_spool_sync(&a);
    assert_int_equal(syncs, 1);
    add(&a, output(7, SQ_STDOUT, 100, 1));
    sq_spool_commit(&a);
    sync_error = EIO; /* said, and gone on with */
    sq_spool_sync(&a);
    sync_error = 0;
    assert_int_equal(syncs, 2);
    sq_spool_rewrite_begin(&a);
    sq_spool_rewrite_end(&a);
    sq_spool_sync(&a);
    assert_int_equal(syncs, 3);
    sq_spool_close(&a);
}

/* A day of cutting, acknowledging, dying (sometimes in the middle of a write) and
 * rewriting, against what a plain model says must be there. */
enum { EXECUTIONS = 20 };
struct model {
    int64_t cut[EXECUTIONS]; /* of stdout, as told */
    int64_t acked, last;     /* sequence numbers */
    int64_t cut_then[EXECUTIONS];
};

static void rewrite(struct sq_spool *s, const struct model *m)
{
    sq_spool_rewrite_begin(s);
    for (int i = 0; i < EXECUTIONS; i++) {
        struct sq_position p = {.execution_id = i + 1, .accepted = true};
        p.streams[SQ_STDOUT].cut = m->cut[i];
        sq_spool_put(s, &p);
    }
    sq_spool_rewrite_end(s);
}

static void check(const struct sq_spool *s, const struct model *m)
{
    for (int i = 0; i < EXECUTIONS; i++) {
        const struct sq_position *p = sq_spool_position(s, i + 1);
        assert_int_equal(p ? p->streams[SQ_STDOUT].cut : 0, m->cut[i]);
    }
    int64_t seq = 0;
    for (size_t i = 0; i < s->n; i++) {
        assert_true(s->records[i].seq > seq);
        seq = s->records[i].seq;
    }
    assert_int_equal(s->n ? seq : m->last, m->last);
    assert_true(s->next_seq > m->last);
}

static void test_random_lives(void **state)
{
    struct sq_spool s;
    struct model m = {0};
    int rewritten = 0;
    srand(3);
    must_open(&s);
    for (int step = 0; step < 30000; step++) {
        int what = rand() % 100;
        if (what < 60) {
            memcpy(m.cut_then, m.cut, sizeof m.cut);
            for (int n = rand() % 5 + 1; n; n--) {
                int i = rand() % EXECUTIONS, len = rand() % 1000 + 1;
                add(&s, output(i + 1, SQ_STDOUT, m.cut[i], len));
                m.cut[i] += len;
            }
            sq_spool_commit(&s);
            m.last = s.next_seq - 1;
        } else if (what < 90) {
            m.acked += m.last > m.acked ? rand() % (m.last - m.acked + 1) : 0;
            sq_spool_acknowledge(&s, m.acked);
            if (sq_spool_wants_rewrite(&s)) {
                rewrite(&s, &m);
                rewritten++;
            }
        } else if (what < 99) { /* die and come back; the server says what it has */
            sq_spool_close(&s);
            must_open(&s);
            check(&s, &m);
            sq_spool_forget_positions(&s);
            sq_spool_acknowledge(&s, m.acked);
            for (size_t i = 0; i < s.n; i++)
                assert_true(s.records[i].seq > m.acked);
        } else { /* half a line at the end */
            int64_t size = s.size_bytes;
            sq_spool_close(&s);
            int fd = open(path, O_WRONLY | O_APPEND);
            assert_int_equal(write(fd, "0123456789abcdef O 99 1", 23), 23);
            close(fd);
            must_open(&s);
            assert_int_equal(s.size_bytes, size);
            check(&s, &m);
            sq_spool_forget_positions(&s);
            sq_spool_acknowledge(&s, m.acked);
        }
        assert_true(s.size_bytes < 8 * SQ_SPOOL_REWRITE);
    }
    sq_spool_close(&s);
    assert_true(rewritten > 0);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        ONE(test_records_come_back),
        ONE(test_acknowledged_ones_do_not),
        ONE(test_a_lost_tail_is_passed),
        ONE(test_drop_goes_far_from_what_was),
        ONE(test_torn_at_every_byte),
        ONE(test_a_flipped_bit_is_seen),
        ONE(test_something_else_is_put_aside),
        ONE(test_texts_stay_on_their_line),
        ONE(test_a_folder_that_is_none),
        ONE(test_sync_reaches_the_disk),
        ONE(test_a_full_disk),
        ONE(test_random_lives),
    };
    signal(SIGXFSZ, SIG_IGN); /* then a file over its limit is an error */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
