/* A storage module that a compile flag makes wrong in one way, for test_plugin.c. */
#include <scitq/storage.h>

struct sq_storage {
    struct sq_host *host;
};

static struct sq_storage the_one;

static int open_it(struct sq_host *host, struct sq_storage **ret, struct sq_err *err)
{
    the_one.host = host;
    *ret = &the_one;
    return 0;
}

static void close_it(struct sq_storage *s)
{
}

static int info(struct sq_storage *s, const struct sq_location *at, unsigned want,
                struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    return sq_fail(err, SQ_ENOENT, "there is no %s", at->path);
}

#ifdef UNDEFINED
int sq_that_nobody_defines(void);
#else
#define sq_that_nobody_defines() SQ_ENOENT
#endif

static int get(struct sq_storage *s, const struct sq_location *from, const char *to,
               struct sq_call *call, struct sq_entry *ret, struct sq_err *err)
{
    return sq_fail(err, sq_that_nobody_defines(), "there is no %s", from->path);
}

#ifndef LACKS_GET
#define LACKS_GET 0
#endif
static const struct sq_setting settings[] = {
    {"SQ_TEST_TEXT", SQ_SETTING_TEXT, "some text", 0, "a text"},
    {"SQ_TEST_SECRET", SQ_SETTING_TEXT, NULL, 1, "a secret"},
    {"SQ_TEST_COUNT", SQ_SETTING_INT, FALLBACK, 0, "a number"},
    {"SQ_TEST_FLAG", SQ_SETTING_BOOL, "yes", 0, "a flag"},
    {NULL}};

/* One of another kind exports another symbol. */
#ifdef NOTHING
#define PASTE(name) name##_LTX_sq_else
#else
#define PASTE(name) name##_LTX_sq_storage
#endif
#define SYMBOL(name) PASTE(name)
#define TEXT(name) #name
#define QUOTE(name) TEXT(name)

extern const struct sq_storage_ops SYMBOL(NAME);
const struct sq_storage_ops SYMBOL(NAME) = {
    .abi = SQ_STORAGE_ABI + ABI_MORE,
    .name = QUOTE(NAME),
    .help = "made for a test",
    .protocols = (const char *const[]){"tst", ALSO, NULL},
    .settings = settings,
    .open = open_it,
    .close = close_it,
    .info = info,
    .get = LACKS_GET ? NULL : get,
};
