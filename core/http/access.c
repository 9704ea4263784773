/* Roles against routes.  What admin, read and nobody may follows from the route itself,
 * so that a new route is right without a word; what a worker may is a list, so that a
 * new route is not a worker's until somebody says so. */
#include "core/http/access.h"

#include <string.h>

#include "core/http/request.h"
#include "core/store/owner.h"
#include "lib/clock.h"
#include "lib/log.h"

/* Whose what a route names has to be. */
enum own {
    OWN_NOTHING,
    OWN_WORKER,
    OWN_EXECUTION,
    OWN_TASK,
    OWN_FREEZE,
    OWN_REGISTER,
    OWN_ANY
};

static const struct {
    enum sq_method method;
    const char *path;
    enum own own;
} of_workers[] = {
    {SQ_POST, "/workers/register", OWN_REGISTER}, /* then sq_access_register */
    {SQ_PUT, "/workers/<id>/sync", OWN_WORKER},
    {SQ_GET, "/workers/<id>", OWN_WORKER},
    {SQ_PUT, "/workers/<id>", OWN_WORKER},
    {SQ_PUT, "/workers/<id>/ping", OWN_WORKER},
    {SQ_PUT, "/workers/<id>/callback", OWN_WORKER},
    {SQ_GET, "/workers/<id>/executions", OWN_WORKER},
    {SQ_GET, "/workers/<id>/executions/<status>", OWN_WORKER},
    {SQ_GET, "/workers/<id>/signals", OWN_WORKER},
    {SQ_GET, "/executions/<id>", OWN_EXECUTION},
    {SQ_PUT, "/executions/<id>", OWN_EXECUTION},
    {SQ_GET, "/executions/<id>/output", OWN_EXECUTION},
    {SQ_PUT, "/executions/<id>/output", OWN_EXECUTION},
    {SQ_PUT, "/executions/<id>/error", OWN_EXECUTION},
    {SQ_PUT, "/executions/<id>/output_files", OWN_EXECUTION},
    {SQ_GET, "/executions/<id>/log/<name>", OWN_EXECUTION},
    {SQ_GET, "/tasks/<id>", OWN_TASK},
    {SQ_GET, "/tasks/<id>/freeze/<id>", OWN_FREEZE},
    {SQ_GET, "/config/rclone", OWN_ANY},
    {SQ_GET, "/config/remote", OWN_ANY},
};
/* Besides the web interface, which asks for the token that its calls need. */
static const char *const of_everybody[] = {"/healthz", "/version"};

/* What would make a worker's row another's, or another kind. */
static const char *const not_of_workers[] = {"name",   "permanent",       "provider",
                                             "region", "task_properties", "worker_id",
                                             "task_id"};

static enum own own_of(const struct sq_route *route)
{
    for (size_t i = 0; i < SQ_LEN(of_workers); i++)
        if (route->method == of_workers[i].method &&
            strcmp(route->path, of_workers[i].path) == 0)
            return of_workers[i].own;
    return OWN_NOTHING;
}

/* Does it change anything?  Some GETs do. */
static bool changes(const struct sq_route *route)
{
    return route->method != SQ_GET || route->write;
}

static bool is_everybodys(const struct sq_route *route)
{
    for (size_t i = 0; i < SQ_LEN(of_everybody); i++)
        if (strcmp(route->path, of_everybody[i]) == 0)
            return true;
    return sq_ui_serves(route);
}

bool sq_access_may(const struct sq_route *route, enum sq_may role)
{
    if (is_everybodys(route))
        return true;
    switch (role) {
    case SQ_MAY_ADMIN: return true;
    case SQ_MAY_READ:
        return !changes(route) && strncmp(route->path, "/config/", 8) != 0;
    case SQ_MAY_WORKER: return own_of(route) != OWN_NOTHING;
    default: return false;
    }
}

/* ---- from the headers */

static const char *header(struct sq_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static void note_wrong(struct sq_request *r, const unsigned char *address)
{
    char where[64];
    int n = sq_crowd_wrong(r->server->crowd, address, sq_monotonic());
    sq_address_text(address, where, sizeof where);
    r->slow = n > SQ_CROWD_WRONG;
    if (n == 1 || n == SQ_CROWD_WRONG + 1)
        sq_log(SQ_LOG_WARNING, "http", "a wrong token came from %s%s", where,
               n == 1 ? "" : ", again and again: answering it slowly");
}

static int check_site(struct sq_request *r, const char *method, struct sq_err *err)
{
    const struct sq_route *route = r->match.route;
    bool get = sq_method_parse(method) == SQ_GET;
    const struct sq_site_call call = {.origin = header(r, "Origin"),
                                      .host = header(r, "Host"),
                                      .referer = header(r, "Referer"),
                                      .agent = header(r, "User-Agent"),
                                      .fetch_site = header(r, "Sec-Fetch-Site"),
                                      .fetch_mode = header(r, "Sec-Fetch-Mode"),
                                      .by_token = r->caller.by_token,
                                      .changes = route && changes(route),
                                      .get = get};
    struct sq_site site = r->server->conf.site;
    site.url = sq_tuning(r->server->conf.tuned)->server;
    return sq_site_check(&site, &call, err);
}

int sq_access_admit(struct sq_request *r, const char *method, struct sq_err *err)
{
    const struct sq_http_conf *conf = &r->server->conf;
    const struct sq_route *route = r->match.route;
    bool everybodys = route && is_everybodys(route);
    struct sq_err why;
    int rc = sq_auth_call(conf->auth, r->client->address, header(r, "Authorization"),
                          sq_now() / 1000000, &r->caller, &why);
    if (r->caller.wrong)
        note_wrong(r, r->client->address);
    if (rc == 0)
        sq_crowd_leave(r->server->crowd, &r->client->place);
    if (rc && !everybodys)
        return sq_fail(err, rc, "%s", why.text);
    if ((rc = check_site(r, method, err)) != 0)
        return rc;
    if (route && !sq_access_may(route, r->caller.role))
        return sq_fail(err, SQ_EAUTH,
                       "a token of the role %s does not suffice for %s %s",
                       sq_may_name(r->caller.role), method, route->path);
    return 0;
}

bool sq_access_holds(struct sq_request *r)
{
    return sq_auth_holds(r->server->conf.auth, r->client->address,
                         header(r, "Authorization"), sq_now() / 1000000, &r->caller);
}

/* ---- what is a worker's own */

static int not_yours(const char *what, int64_t id, struct sq_err *err)
{
    return sq_fail(err, SQ_EAUTH, "%s %lld is not of the worker whose token this is",
                   what, (long long)id);
}

static bool is_owner(const struct sq_caller *c, const struct sq_owner *o)
{
    return o->worker_id != SQ_NULL &&
           (c->worker_id != SQ_NULL ? c->worker_id == o->worker_id
                                    : strcmp(c->name, o->name) == 0);
}

static bool asks_for_itself(const struct sq_request *r)
{
    enum own own = own_of(r->match.route);
    return own == OWN_REGISTER ||
           (own == OWN_WORKER && r->match.ids[0] == r->caller.worker_id);
}

/* A row's own token dies with the row, and with its machine.  Of that its worker is
 * told by the calls themselves, which know nothing of it any more (404, 410). */
static int check_alive(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    const struct sq_caller *c = &r->caller;
    struct sq_owner owner;
    if (c->worker_id == SQ_NULL)
        return 0;
    int rc = sq_owner_of_worker(db, c->worker_id, &r->arena, &owner, err);
    if (rc == 0 && owner.worker_id == SQ_NULL && asks_for_itself(r))
        return 0;
    if (rc == 0 && (!owner.machine || strcmp(owner.machine, c->machine) != 0))
        rc = sq_fail(err, SQ_EAUTH, "this token is of worker %lld, which is no more",
                     (long long)c->worker_id);
    return rc;
}

static int own_worker(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    const struct sq_caller *c = &r->caller;
    int64_t id = r->match.ids[0];
    struct sq_owner owner = {.there = true, .worker_id = id};
    int rc = 0;
    if (c->worker_id == SQ_NULL) /* one that is not there is nobody's: 404 */
        rc = sq_owner_of_worker(db, id, &r->arena, &owner, err);
    if (rc == 0 && owner.there && !is_owner(c, &owner))
        rc = not_yours("worker", id, err);
    return rc;
}

/* Also one of nobody any more, whose worker was deleted, is not its own. */
static int own_execution(struct sq_request *r, struct sq_db *db, int64_t id,
                         struct sq_err *err)
{
    struct sq_owner owner;
    int rc = sq_owner_of_execution(db, id, &r->arena, &owner, err);
    if (rc == 0 && owner.there && !is_owner(&r->caller, &owner))
        rc = not_yours("execution", id, err);
    return rc;
}

static int own_task(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    const struct sq_caller *c = &r->caller;
    bool has;
    int rc = sq_owner_has_task(db, r->match.ids[0], c->worker_id,
                               *c->name ? c->name : NULL, &has, err);
    return rc == 0 && !has ? not_yours("task", r->match.ids[0], err) : rc;
}

static int check_own(struct sq_request *r, struct sq_db *db, struct sq_err *err)
{
    int rc = check_alive(r, db, err);
    if (rc)
        return rc;
    switch (own_of(r->match.route)) {
    case OWN_WORKER: return own_worker(r, db, err);
    case OWN_EXECUTION: return own_execution(r, db, r->match.ids[0], err);
    case OWN_FREEZE: return own_execution(r, db, r->match.ids[1], err);
    case OWN_TASK: return own_task(r, db, err);
    default: return 0;
    }
}

static int check_fields(const struct sq_request *r, struct sq_err *err)
{
    const char *path = r->match.route->path;
    if (r->match.route->method != SQ_PUT ||
        (strcmp(path, "/workers/<id>") != 0 && strcmp(path, "/executions/<id>") != 0))
        return 0;
    for (size_t i = 0; i < SQ_LEN(not_of_workers); i++)
        if (json_object_get(r->json, not_of_workers[i]))
            return sq_fail(err, SQ_EAUTH, "a worker's token does not change %s",
                           not_of_workers[i]);
    return 0;
}

int sq_access_own(struct sq_request *r, struct sq_err *err)
{
    const struct sq_caller *c = &r->caller;
    if (c->role != SQ_MAY_WORKER || is_everybodys(r->match.route))
        return 0;
    int rc = check_fields(r, err);
    if (rc || (c->worker_id == SQ_NULL && !*c->name))
        return rc;
    return sq_request_read(r, check_own, err);
}

int sq_access_register(const struct sq_caller *c, int64_t worker_id, const char *name,
                       struct sq_err *err)
{
    if (c->role != SQ_MAY_WORKER)
        return 0;
    if (c->worker_id != SQ_NULL && c->worker_id != worker_id)
        return not_yours("worker", worker_id, err);
    if (*c->name && strcmp(c->name, name) != 0)
        return sq_fail(err, SQ_EAUTH,
                       "this token is of the worker named %s: no other registers "
                       "with it",
                       c->name);
    return 0;
}
