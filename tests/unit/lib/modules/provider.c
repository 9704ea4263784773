/* A provider's module that a compile flag makes wrong in one way, for test_plugin.c. */
#include <scitq/provider.h>

static int open_it(struct sq_host *host, const struct sq_provider_conf *conf,
                   struct sq_provider **ret, struct sq_err *err)
{
    return sq_fail(err, SQ_EUNSUPPORTED, "it is nobody's");
}

static void close_it(struct sq_provider *p)
{
}

static int launch(struct sq_provider *p, const struct sq_launch *req,
                  struct sq_call *call, struct sq_machine *ret, struct sq_err *err)
{
    return SQ_EUNSUPPORTED;
}

static int find(struct sq_provider *p, const char *token, struct sq_call *call,
                struct sq_machine *ret, struct sq_err *err)
{
    return SQ_ENOENT;
}

static int destroy(struct sq_provider *p, const char *token, const char *id,
                   struct sq_call *call, struct sq_err *err)
{
    return 0;
}

static int list(struct sq_provider *p, sq_machine_fn each, void *arg,
                struct sq_call *call, struct sq_err *err)
{
    return 0;
}

static int flavors(struct sq_provider *p, sq_flavor_fn each, void *arg,
                   struct sq_call *call, struct sq_err *err)
{
    return 0;
}

static int offers(struct sq_provider *p, sq_offer_fn each, void *arg,
                  struct sq_call *call, struct sq_err *err)
{
    return 0;
}

#ifndef LACKS_DESTROY
#define LACKS_DESTROY 0
#endif
#define PASTE(name) name##_LTX_sq_provider
#define SYMBOL(name) PASTE(name)
#define TEXT(name) #name
#define QUOTE(name) TEXT(name)

extern const struct sq_provider_ops SYMBOL(NAME);
const struct sq_provider_ops SYMBOL(NAME) = {
    .abi = SQ_PROVIDER_ABI + ABI_MORE,
    .name = QUOTE(NAME),
    .help = "made for a test",
    .aliases = (const char *const[]){"another", NULL},
    .open = open_it,
    .close = close_it,
    .launch = launch,
    .find = find,
    .destroy = LACKS_DESTROY ? NULL : destroy,
    .list = list,
    .flavors = flavors,
    .offers = offers,
};
