/* The sra plugin's reading of locations and of file reports: what is taken, what is
 * refused, and no byte of either trusted. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "plugins/sra/report.h"
#include "tests/unit/lib/rng.h"

#define HEAD "run_accession\tfastq_ftp\tfastq_md5\tfastq_bytes\tfastq_aspera\n"
#define MD5A "0123456789abcdef0123456789abcdef"
#define MD5B "fedcba9876543210FEDCBA9876543210"

static int parse(const char *text, enum sra_kind kind, struct sra_report *ret,
                 struct sq_err *err)
{
    return sra_report_parse(text, strlen(text), "ERR000001", kind, ret, err);
}

static void test_report(void **state)
{
    struct sra_report r;
    struct sq_err err = {0};
    OK(err,
       parse("fastq_bytes\trun_accession\tx\tfastq_aspera\tfastq_ftp\tfastq_md5\r\n"
             "1\tERR000002\t\t\tno.ne/z\t\r\n"
             "0;12345678901\tERR000001\t?\th.x:/v/a_1;h.x:/v/a_2\t"
             "ftp.x/v/a_1;https://ftp.x:80/v/a_2\t" MD5A ";" MD5B "\r\n",
             SRA_FASTQ, &r, &err));
    assert_int_equal(r.n, 2);
    assert_string_equal(r.files[0].name, "a_1");
    assert_string_equal(r.files[0].link, "ftp.x/v/a_1");
    assert_string_equal(r.files[0].md5, MD5A);
    assert_int_equal(r.files[0].size_bytes, 0);
    const struct sra_file *f = sra_report_find(&r, "a_2");
    assert_string_equal(f->link, "https://ftp.x:80/v/a_2");
    assert_string_equal(f->aspera, "h.x:/v/a_2");
    assert_string_equal(f->md5, "fedcba9876543210fedcba9876543210");
    assert_int_equal(f->size_bytes, 12345678901);
    assert_null(sra_report_find(&r, "a_3"));
    sra_report_fini(&r);
    /* A row may end early, and single values may be missing. */
    OK(err, parse(HEAD "ERR000001\tx/a;x/b\t" MD5A ";", SRA_FASTQ, &r, &err));
    assert_string_equal(r.files[1].md5, "");
    assert_int_equal(r.files[1].size_bytes, SQ_UNKNOWN);
    assert_string_equal(r.files[1].aspera, "");
    sra_report_fini(&r);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"", SQ_ENOENT},
        {HEAD, SQ_ENOENT},
        {HEAD "ERR000002\tx/a\t\t\t\n", SQ_ENOENT},
        {HEAD "ERR0000011\tx/a\t\t\t\n", SQ_ENOENT},
        {HEAD "ERR000001\t\t\t\t\n", SQ_ENOENT},
        {HEAD "ERR000001", SQ_ENOENT},
        {"\n", SQ_EPROTO},
        {"\n" HEAD, SQ_EPROTO},
        {"<html>", SQ_EPROTO},
        {"run_accession\tfastq_ftp\nERR000001\tx/a\n", SQ_EPROTO},
        {HEAD "ERR000001\tx\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\t/etc/passwd\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\t../x\t\t\t\n", SQ_OK}, /* the host `..`: no name is hurt */
        {HEAD "ERR000001\tx/..\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/.\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\33b\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tfile:///etc/passwd\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tgopher://x/a\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tme:pw@x/a\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\t-x/a\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a;\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a;y/a\t\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\t" MD5A ";" MD5A "\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\t" MD5A "0\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\tg123456789abcdef0123456789abcdef\t\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\t\t1e9\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\t\t-1\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\t\t9223372036854775808\t\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\t\t\t-o:/a\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\t\t\th.x/a\n", SQ_EPROTO},
        {HEAD "ERR000001\tx/a\t\t\tme@h.x:/a\n", SQ_EPROTO},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sra_report r = {0};
        struct sq_err err = {0};
        int rc = parse(cases[i].text, SRA_FASTQ, &r, &err);
        if (rc != cases[i].code)
            fail_msg("%s: %s, %s", cases[i].text, sq_code_name(rc), err.text);
        if (rc)
            assert_non_null(strstr(err.text, "ERR000001"));
        sra_report_fini(&r);
    }
}

/* One more than allowed of everything. */
static void test_limits(void **state)
{
    struct sra_report r;
    struct sq_err err = {0};
    char *text = calloc(1, SRA_REPORT_BYTES + 2), *p;
    assert_non_null(text);
    for (int n = SRA_FILES_MAX; n <= SRA_FILES_MAX + 1; n++) {
        p = text + sprintf(text, HEAD "ERR000001\t");
        for (int i = 0; i < n; i++)
            p += sprintf(p, "%sx/f%d", i ? ";" : "", i);
        int rc = parse(text, SRA_FASTQ, &r, &err);
        assert_int_equal(rc, n > SRA_FILES_MAX ? SQ_EPROTO : 0);
        if (rc == 0)
            sra_report_fini(&r);
    }
    for (int n = 255; n <= 256; n++) { /* NAME_MAX */
        sprintf(text, HEAD "ERR000001\tx/%0*d\n", n, 0);
        int rc = parse(text, SRA_FASTQ, &r, &err);
        assert_int_equal(rc, n > 255 ? SQ_EPROTO : 0);
        if (rc == 0)
            sra_report_fini(&r);
    }
    memset(text, '\t', SRA_REPORT_BYTES + 1); /* more columns than are looked at */
    assert_int_equal(
        sra_report_parse(text, SRA_REPORT_BYTES, "ERR000001", SRA_FASTQ, &r, &err),
        SQ_EPROTO);
    assert_int_equal(
        sra_report_parse(text, SRA_REPORT_BYTES + 1, "ERR000001", SRA_FASTQ, &r, &err),
        SQ_EPROTO);
    text[10] = 0;
    assert_int_equal(sra_report_parse(text, 100, "ERR000001", SRA_FASTQ, &r, &err),
                     SQ_EPROTO);
    free(text);
}

/* Any byte of a good report may be any other: a report of plain names, or an error. */
static void test_noise(void **state)
{
    static const char good[] =
        HEAD "ERR000001\tx/a;x/b\t" MD5A ";" MD5B "\t1;2\th:/a;h:/b\n";
    static const char bytes[] = "\t\n\r;/.:-\1\x7f\xff"
                                "a0";
    struct rng seed = {5};
    for (int i = 0; i < 20000; i++) {
        char text[sizeof good];
        struct sra_report r = {0};
        struct sq_err err = {0};
        memcpy(text, good, sizeof good);
        for (int k = 0; k < 1 + i % 3; k++)
            text[rng_below(&seed, sizeof good - 1)] =
                bytes[rng_below(&seed, sizeof bytes - 1)];
        int rc = parse(text, SRA_FASTQ, &r, &err);
        for (size_t k = 0; rc == 0 && k < r.n; k++) {
            assert_null(strpbrk(r.files[k].name, "/\t\n\1\x7f"));
            assert_true(*r.files[k].name && strcmp(r.files[k].name, "..") != 0);
            assert_true(strlen(r.files[k].md5) == 32 || !r.files[k].md5[0]);
        }
        sra_report_fini(&r);
    }
}

static void test_kinds(void **state)
{
    static const char text[] = "run_accession\tfastq_ftp\tfastq_md5\tfastq_bytes\t"
                               "fastq_aspera\tsubmitted_ftp\tsubmitted_md5\t"
                               "submitted_bytes\tsubmitted_aspera\n"
                               "ERR000001\t\t\t\t\tx/s.bam\t" MD5A "\t7\t\n";
    struct sra_report r;
    struct sq_err err = {0};
    OK(err, parse(text, SRA_SUBMITTED, &r, &err));
    assert_int_equal(r.n, 1);
    assert_string_equal(r.files[0].name, "s.bam");
    sra_report_fini(&r);
    assert_int_equal(parse(text, SRA_FASTQ, &r, &err), SQ_ENOENT);
    assert_non_null(strstr(err.text, "run+submitted://ERR000001"));
}

static void test_reads(void **state)
{
    static const struct {
        const char *name;
        int read;
    } names[] = {{"ERR1_1.fastq.gz", 1},
                 {"ERR1_2.fastq.gz", 2},
                 {"ERR1.fastq.gz", 0},
                 {"lane1_S1_L001_R1_001.fastq.gz", 1},
                 {"x_1_R2.fq", 2},
                 {"a.r1.fq", 1},
                 {"1.fastq", 0},
                 {"sample-2.bam", 2},
                 {"s_11.fq", 0},
                 {"", 0},
                 {"R1", 0}};
    for (size_t i = 0; i < SQ_LEN(names); i++)
        if (sra_read_of(names[i].name) != names[i].read)
            fail_msg("%s: %d", names[i].name, sra_read_of(names[i].name));
}

static void test_only_read1(void **state)
{
    static const struct {
        const char *links, *kept;
        int code;
    } cases[] = {{"x/a_1.f;x/a_2.f;x/a.f", "a_1.f", 0},
                 {"x/a.f", "a.f", 0},
                 {"x/a_2.f", "a_2.f", 0},
                 {"x/a_2.f;x/a.f", "", SQ_ENOENT},
                 {"x/a.f;x/b.f", "", SQ_EINVAL}};
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sra_report r;
        struct sq_err err = {0};
        char text[200];
        snprintf(text, sizeof text, HEAD "ERR000001\t%s\n", cases[i].links);
        OK(err, parse(text, SRA_FASTQ, &r, &err));
        int rc = sra_report_only_read1(&r, "ERR000001", &err);
        assert_int_equal(rc, cases[i].code);
        if (rc == 0) {
            assert_int_equal(r.n, 1);
            assert_string_equal(r.files[0].name, cases[i].kept);
        }
        sra_report_fini(&r);
    }
}

/* "run ways name" of a location, or the error's code. */
static void show(const char *proto, const char *options, const char *path, char *out)
{
    static const char letters[] = "fsa";
    char copy[100], *rest = copy;
    const char *list[4];
    struct sq_location at = {.proto = proto, .options = list, .path = path};
    struct sra_wanted w;
    struct sq_err err = {0};
    snprintf(copy, sizeof copy, "%s", options);
    while (*options && (list[at.n_options] = strsep(&rest, "@")) != NULL)
        at.n_options++;
    int rc = sra_wanted_parse(&at, &w, &err);
    if (rc) {
        sprintf(out, "%s", sq_code_name(rc));
        return;
    }
    out += sprintf(out, "%s ", w.accession);
    for (size_t i = 0; i < w.n_ways; i++)
        *out++ = letters[w.ways[i]];
    sprintf(out, "%s%s %s", w.chosen ? "!" : "", w.only_read1 ? "1" : "", w.name);
}

static void test_wanted(void **state)
{
    static const struct {
        const char *proto, *options, *path, *want;
    } cases[] = {
        {"run+fastq", "", "ERR000589", "ERR000589 fsa "},
        {"run+fastq", "", "SRR12345678/", "SRR12345678 fsa "},
        {"run+fastq", "", "DRR000001/a_1.fq/", "DRR000001 fsa a_1.fq/"},
        {"run+submitted", "", "ERR000589", "ERR000589 fa "},
        {"run+fastq", "aspera@ftp", "ERR000589", "ERR000589 af! "},
        {"run+fastq", "sra@sra@filter_r1", "ERR000589", "ERR000589 s!1 "},
        {"run+fastq", "filter_r1", "ERR000589", "ERR000589 fsa1 "},
        {"run+submitted", "sra", "ERR000589", "SQ_EINVAL"},
        {"run+fastq", "fast", "ERR000589", "SQ_EINVAL"},
        {"run+fastq", "", "ERR00058", "SQ_EINVAL"},
        {"run+fastq", "", "ERR00000000000000001", "SQ_EINVAL"},
        {"run+fastq", "", "err000589", "SQ_EINVAL"},
        {"run+fastq", "", "XRR000589", "SQ_EINVAL"},
        {"run+fastq", "", "ERR000589&x=1", "SQ_EINVAL"},
        {"run+fastq", "", "../ERR000589", "SQ_EINVAL"},
        {"fasp", "", "h:/v/ERR000/ERR000589/ERR000589_1.f", "ERR000589 a! "},
        {"fasp", "aspera", "h:/v/x", " a! "},
        {"fasp", "filter_r1", "h:/v/x", "SQ_EINVAL"},
    };
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        char got[200];
        show(cases[i].proto, cases[i].options, cases[i].path, got);
        assert_string_equal(got, cases[i].want);
    }
}

static void test_fasp(void **state)
{
    static const struct {
        const char *path, *want;
    } cases[] = {{"h.x:/v/a", "u@h.x:/v/a"},
                 {"h.x/v/a", "u@h.x:/v/a"},
                 {"me@h.x:/v/a", "me@h.x:/v/a"},
                 {"h/v/a@b", "u@h:/v/a@b"},
                 {"-o:/a", NULL},
                 {"-o@h:/a", NULL},
                 {"h", NULL},
                 {"h:33001/a", NULL},
                 {"@h:/a", NULL},
                 {":/a", NULL},
                 {"h h:/a", NULL}};
    for (size_t i = 0; i < SQ_LEN(cases); i++) {
        struct sq_location at = {.proto = "fasp", .path = cases[i].path};
        struct sq_err err = {0};
        char *got = NULL;
        int rc = sra_fasp_source(&at, "u", &got, &err);
        if ((rc == 0) != (cases[i].want != NULL))
            fail_msg("%s: %s", cases[i].path, got ? got : err.text);
        if (rc == 0)
            assert_string_equal(got, cases[i].want);
        free(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_noise),
        cmocka_unit_test(test_kinds),      cmocka_unit_test(test_reads),
        cmocka_unit_test(test_only_read1), cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_fasp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
