/* Roles against every route that there is: what follows by rule, and that a worker's
 * list names real routes. */
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

#include "core/http/access.h"

/* What a worker may call: written a second time, from http-api.md. */
static const char *const of_workers[] = {
    "POST /workers/register",
    "PUT /workers/<id>/sync",
    "GET /workers/<id>",
    "PUT /workers/<id>",
    "PUT /workers/<id>/ping",
    "PUT /workers/<id>/callback",
    "GET /workers/<id>/executions",
    "GET /workers/<id>/executions/<status>",
    "GET /workers/<id>/signals",
    "GET /executions/<id>",
    "PUT /executions/<id>",
    "GET /executions/<id>/output",
    "PUT /executions/<id>/output",
    "PUT /executions/<id>/error",
    "PUT /executions/<id>/output_files",
    "GET /executions/<id>/log/<name>",
    "GET /tasks/<id>",
    "GET /tasks/<id>/freeze/<id>",
    "GET /config/rclone",
    "GET /config/remote",
    "GET /healthz",
    "GET /version",
};
/* GETs that change something, or tell secrets. */
static const char *const not_to_read[] = {"GET /workers/<id>/signals",
                                          "GET /tasks/<id>/freeze/<id>",
                                          "GET /config/rclone", "GET /config/remote"};

static bool has(const char *const *v, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i], text) == 0)
            return true;
    return false;
}

static void every_route(void **state)
{
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < sq_n_routes; i++) {
        const struct sq_route *r = &sq_routes[i];
        char name[200];
        snprintf(name, sizeof name, "%s %s", sq_method_name(r->method), r->path);
        bool open =
            strcmp(r->path, "/healthz") == 0 || strcmp(r->path, "/version") == 0 ||
            strcmp(r->path, "/ui/") == 0 || strcmp(r->path, "/ui/<name>") == 0 ||
            strcmp(r->path, "/ui/task/") == 0 || strcmp(r->path, "/ui/batch/") == 0;
        bool page = strncmp(r->path, "/ui/", 4) == 0;
        bool worker = page || has(of_workers, SQ_LEN(of_workers), name);
        bool read = r->method == SQ_GET && !has(not_to_read, SQ_LEN(not_to_read), name);
        found += worker && !page;
        if (sq_access_may(r, SQ_MAY_NONE) != open || !sq_access_may(r, SQ_MAY_ADMIN) ||
            sq_access_may(r, SQ_MAY_READ) != read ||
            sq_access_may(r, SQ_MAY_WORKER) != worker)
            fail_msg("%s", name);
    }
    assert_int_equal(found, SQ_LEN(of_workers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_route)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
