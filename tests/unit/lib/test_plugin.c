/* The loader: what is found, what is refused and in which words. */
#include "tests/test.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/plugin.h"
#include "tests/unit/lib/scratch.h"

static void copy(const char *from, const char *to, size_t most)
{
    struct sq_err err;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 64 << 20);
    OK(err, sq_file_read(from, &b, &err));
    write_file(to, b.data, b.len < most ? b.len : most);
}

/* A module that was built for these tests as root/KIND/NAME.so. */
static const char *put_kind(struct scratch *s, const char *root, const char *kind,
                            const char *module, const char *name, size_t most)
{
    struct sq_err err;
    const char *top = getenv("top_builddir");
    char from[500], file[300];
    snprintf(from, sizeof from, "%s/tests/unit/lib/modules/.libs/%s.so", top, module);
    snprintf(file, sizeof file, "%s/%s", root, kind);
    OK(err, sq_mkdirs(scratch_path(s, file), 0755, &err));
    snprintf(file, sizeof file, "%s/%s/%s.so", root, kind, name);
    copy(from, scratch_path(s, file), most);
    return scratch_path(s, file);
}

static const char *put_module(struct scratch *s, const char *root, const char *module,
                              const char *name, size_t most)
{
    return put_kind(s, root, "storage", module, name, most);
}

static const struct sq_plugin *named(const struct sq_plugins *ps, const char *name)
{
    for (size_t i = 0; i < sq_plugins_count(ps); i++)
        if (strcmp(sq_plugins_at(ps, i)->name, name) == 0)
            return sq_plugins_at(ps, i);
    return NULL;
}

/* A single module is refused with words that hold these. */
static const struct {
    const char *module, *name, *says;
    size_t most;
} bad[] = {
    {"foreign", "foreign", "built for ABI 0x53510004", SIZE_MAX},
    {"lacking", "lacking", "lacks the operation `get`", SIZE_MAX},
    {"empty", "empty", "neither empty_LTX_sq_storage", SIZE_MAX},
    {"whole", "other", "neither other_LTX_sq_storage", SIZE_MAX},
    {"unbound", "unbound", "sq_that_nobody_defines", SIZE_MAX},
    {"badset", "badset", "its default: SQ_TEST_COUNT must be an integer", SIZE_MAX},
    {"badproto", "badproto", "its protocol number 2 is no word", SIZE_MAX},
    {"whole", "whole", "not a shared object", 0},
    {"whole", "whole", "not a shared object", 30},
    {"whole", "whole", "cut short", 64},
    {"whole", "whole", "cut short", 5000},
};

static void test_refused(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    for (size_t i = 0; i < SQ_LEN(bad); i++) {
        struct sq_plugins *ps;
        char root[20];
        snprintf(root, sizeof root, "r%zu", i);
        const char *path = put_module(s, root, bad[i].module, bad[i].name, bad[i].most);
        OK(err, sq_plugins_load(scratch_path(s, root), &ps, &err));
        assert_int_equal(sq_plugins_count(ps), 1);
        const struct sq_plugin *p = sq_plugins_at(ps, 0);
        assert_string_equal(p->path, path);
        assert_null(p->storage);
        assert_non_null(p->problem);
        if (!strstr(p->problem, bad[i].says))
            fail_msg("%s: %s", bad[i].says, p->problem);
        assert_int_equal(sq_plugins_storage(ps, "tst", &p, &err), SQ_EUNSUPPORTED);
        assert_non_null(strstr(err.text, path));
        sq_plugins_free(ps);
    }
}

/* How many bytes of it the dynamic loader maps. */
static size_t mapped_bytes(const char *path)
{
    struct sq_err err;
    size_t end = 0;
    SQ_CLEANUP(sq_buf_fini) struct sq_buf b;
    sq_buf_init(&b, 64 << 20);
    OK(err, sq_file_read(path, &b, &err));
    const ElfW(Ehdr) *head = (const void *)b.data;
    const ElfW(Phdr) *part = (const void *)(b.data + head->e_phoff);
    for (size_t i = 0; i < head->e_phnum; i++)
        if (part[i].p_type == PT_LOAD && part[i].p_offset + part[i].p_filesz > end)
            end = part[i].p_offset + part[i].p_filesz;
    return end;
}

/* Whoever asks for a provider by any name is told of the module that is not well. */
static void test_providers_refused(void **state)
{
    static const struct {
        const char *module, *says;
    } rows[] = {{"strange", "built for ABI"},
                {"clinging", "lacks the operation `destroy`"}};
    struct scratch *s = *state;
    struct sq_err err;
    const struct sq_plugin *p;
    struct sq_plugins *ps;
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        const char *names[] = {rows[i].module, "another"};
        char root[20];
        snprintf(root, sizeof root, "p%zu", i);
        put_kind(s, root, "providers", rows[i].module, rows[i].module, SIZE_MAX);
        OK(err, sq_plugins_load_providers(scratch_path(s, root), &ps, &err));
        for (size_t k = 0; k < SQ_LEN(names); k++) {
            assert_int_equal(sq_plugins_provider(ps, names[k], &p, &err),
                             SQ_EUNSUPPORTED);
            if (!strstr(err.text, rows[i].says) || !strstr(err.text, names[k]))
                fail_msg("%s: %s", rows[i].says, err.text);
        }
        sq_plugins_free(ps);
    }
    put_kind(s, "p", "providers", "lender", "lender", SIZE_MAX);
    OK(err, sq_plugins_load_providers(scratch_path(s, "p"), &ps, &err));
    OK(err, sq_plugins_provider(ps, "another", &p, &err));
    assert_string_equal(p->name, "lender");
    sq_plugins_free(ps);
}

/* The last byte that is mapped counts; what comes behind it does not. */
static void test_cut_at_the_end(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    struct sq_plugins *ps;
    const char *path = put_module(s, "all", "whole", "whole", SIZE_MAX);
    size_t end = mapped_bytes(path);
    put_module(s, "less", "whole", "whole", end - 1);
    put_module(s, "just", "whole", "whole", end);
    OK(err, sq_plugins_load(scratch_path(s, "less"), &ps, &err));
    assert_non_null(strstr(sq_plugins_at(ps, 0)->problem, "cut short"));
    sq_plugins_free(ps);
    OK(err, sq_plugins_load(scratch_path(s, "just"), &ps, &err));
    assert_null(sq_plugins_at(ps, 0)->problem);
    sq_plugins_free(ps);
}

static void test_not_modules(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    struct sq_plugins *ps;
    const struct sq_plugin *p;
    char noise[4000];
    OK(err, sq_plugins_load(scratch_path(s, "nothing-here"), &ps, &err));
    assert_int_equal(sq_plugins_count(ps), 0);
    assert_int_equal(sq_plugins_storage(ps, "tst", &p, &err), SQ_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "SCITQ_PLUGIN_PATH"));
    memset(noise, 7, sizeof noise);
    memcpy(noise, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\76\0", 20);
    const char *files[] = {scratch_write(s, "text.so", "hello", 5),
                           scratch_path(s, "absent.so"),
                           s->dir,
                           scratch_write(s, "noise.so", noise, sizeof noise),
                           "/dev/zero",
                           "/dev/null"};
    for (size_t i = 0; i < SQ_LEN(files); i++) {
        OK(err, sq_plugins_add(ps, files[i], &p, &err));
        assert_non_null(p->problem);
    }
    assert_non_null(strstr(sq_plugins_at(ps, 1)->problem, "No such file"));
    sq_plugins_free(ps);
}

static void test_several(void **state)
{
    struct scratch *s = *state;
    struct sq_err err;
    struct sq_plugins *ps;
    const struct sq_plugin *p = NULL;
    char path[400];
    put_module(s, "one", "whole", "whole", SIZE_MAX);
    put_module(s, "one", "second", "second", SIZE_MAX);
    put_module(s, "one", "foreign", "foreign", SIZE_MAX);
    scratch_write(s, "one/storage/README", "no module", 9);
    scratch_write(s, "one/storage/.hidden.so", "no module", 9);
    put_module(s, "two", "whole", "whole", SIZE_MAX);
    snprintf(path, sizeof path, "%s:%s", scratch_path(s, "one"),
             scratch_path(s, "two"));
    OK(err, sq_plugins_load(path, &ps, &err));
    assert_int_equal(sq_plugins_count(ps), 4);
    /* In the order of their names: second comes first, and holds the protocol. */
    assert_string_equal(sq_plugins_at(ps, 1)->name, "second");
    assert_null(sq_plugins_at(ps, 1)->problem);
    assert_non_null(strstr(named(ps, "whole")->problem, "tst:// is served by"));
    OK(err, sq_plugins_storage(ps, "tst", &p, &err));
    assert_string_equal(p->name, "second");
    assert_int_equal(sq_plugins_storage(ps, "tst3", &p, &err), SQ_EUNSUPPORTED);
    sq_plugins_free(ps);

    snprintf(path, sizeof path, "%s:%s", scratch_path(s, "two"),
             scratch_path(s, "two"));
    OK(err, sq_plugins_load(path, &ps, &err));
    assert_null(sq_plugins_at(ps, 0)->problem);
    assert_non_null(strstr(sq_plugins_at(ps, 1)->problem, "of this name was found"));
    assert_true(sq_plugin_names(sq_plugins_at(ps, 0), "tst2"));
    assert_false(sq_plugin_names(sq_plugins_at(ps, 1), "tst2"));
    sq_plugins_free(ps);
}

/* The modules of this build are found without being told where. */
static void test_home(void **state)
{
    (void)state;
    struct sq_err err;
    struct sq_plugins *ps;
    struct stat st;
    SQ_CLEANUP(sq_freep) char *home = sq_plugin_home();
    assert_non_null(home);
    assert_int_equal(stat(home, &st), 0);
    OK(err, sq_plugins_load(NULL, &ps, &err));
    assert_non_null(named(ps, "nfs"));
    for (size_t i = 0; i < sq_plugins_count(ps); i++)
        if (sq_plugins_at(ps, i)->problem)
            fail_msg("%s: %s", sq_plugins_at(ps, i)->path,
                     sq_plugins_at(ps, i)->problem);
    size_t n = sq_plugins_count(ps);
    sq_plugins_free(ps);
    OK(err, sq_plugins_load("/nowhere:", &ps, &err));
    assert_int_equal(sq_plugins_count(ps), n);
    sq_plugins_free(ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_providers_refused, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_cut_at_the_end, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_not_modules, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(test_several, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
