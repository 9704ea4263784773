/* Calls that a page of another site has a browser make: refused.
 *
 * A browser on a trusted machine reaches the server, and any page it shows can have it
 * send requests, so that where a call comes from is no proof of who wants it.  A token
 * is: no page of another site knows it.  Without one, what browsers say of a call is
 * looked at (Origin, Sec-Fetch-Site), and the name by which they called, which is a
 * stranger's when a page has had its own name lead here (DNS rebinding).  Programs that
 * are no browsers may call by any name.  Pure. */
#ifndef SQ_HTTP_SITE_H
#define SQ_HTTP_SITE_H

#include <scitq/error.h>
#include "lib/util.h"

enum { SQ_SITE_NAMES = 4 };

/* By which names this server is known, besides numbers and localhost. */
struct sq_site {
    const char *names[SQ_SITE_NAMES]; /* NULL: unused */
    const char *url;                  /* SCITQ_SERVER as a URL; NULL: none */
};

/* Of a call; texts are NULL where the header is absent. */
struct sq_site_call {
    const char *origin, *host, *referer, *agent;
    const char *fetch_site, *fetch_mode; /* Sec-Fetch-… */
    bool by_token;
    bool changes; /* something: any method but GET, and GETs that do */
    bool get;
};

/* SQ_EAUTH: another site's. */
int sq_site_check(const struct sq_site *site, const struct sq_site_call *call,
                  struct sq_err *err);

#endif
