/* The provider contract: see provider.h, and include/scitq/provider.h for what is
 * promised. */
#include "tests/contract/provider/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "tests/contract/provider/mock.h"

static bool begin(const struct target *t)
{
    struct sq_err err = {0};
    world.t = t;
    snprintf(world.folder, sizeof world.folder, "/tmp/scitq-provider-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
    chmod(world.folder, 0711);
    snprintf(world.own, sizeof world.own, "%s/own", world.folder);
    snprintf(world.record, sizeof world.record, "%s/record", world.folder);
    for (size_t i = 0; t->settings && t->settings[i]; i++)
        putenv((char *)t->settings[i]);
    if (t->start && !t->start(world.folder))
        return false;
    OK(err, sq_plugins_load_providers(NULL, &world.plugins, &err));
    OK(err, sq_plugins_provider(world.plugins, t->as ? t->as : t->plugin, &world.plugin,
                                &err));
    world.ops = world.plugin->provider;
    return true;
}

/* What was said stays, for whoever looks into a failure. */
static void end(int failed)
{
    if (world.t->stop)
        world.t->stop();
    mock_stop();
    sq_plugins_free(world.plugins);
    if (failed && access(world.record, F_OK) == 0)
        print_message("# what was said: %s\n", world.record);
    else
        sq_dir_remove(world.folder, NULL);
}

/* cmocka leaves out tests that have no name. */
#define IF(has, test) ((has) ? (struct CMUnitTest)cmocka_unit_test(test) : none)

int provider_main(const struct target *t)
{
    static const struct CMUnitTest none;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog),    cmocka_unit_test(test_one),
        cmocka_unit_test(test_again),      cmocka_unit_test(test_destroy_again),
        cmocka_unit_test(test_neighbours), cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_canceled),   cmocka_unit_test(test_canceled_half_way),
        cmocka_unit_test(test_killed),     cmocka_unit_test(test_killed_and_left),
        IF(t->break_it, test_broken),      IF(t->vanish, test_vanished),
        cmocka_unit_test(test_together),   IF(t->faults, test_faults),
        cmocka_unit_test(test_random),     cmocka_unit_test(test_nothing_left),
    };
    if (!begin(t))
        return 0;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    end(failed);
    return failed;
}
