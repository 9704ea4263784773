/* What may be said of a host of the inventory. */
#include "tests/test.h"

#include <string.h>

#include "core/model/inventory.h"
#include "lib/util.h"

static const struct {
    const char *name, *value, *words; /* of the refusal; NULL: it is taken */
} variables[] = {
    {"nfs_server", "host 1", NULL},
    {"ansible_host", "10.0.0.1", NULL},
    {"ansible_host", "fe80::1%eth0", NULL},
    {"ansible_host", "-oProxyCommand=id", "has to be a name or an address"},
    {"ansible_host", "", "has to be a name or an address"},
    {"ansible_user", "ubuntu", NULL},
    {"ansible_user", "a b", "has to be a user's name"},
    {"ansible_port", "22", NULL},
    {"ansible_port", "0", "has to be a port"},
    {"ansible_port", "65536", "has to be a port"},
    {"ansible_port", "99999999999999999999", "has to be a port"},
    {"ansible_port", "", "has to be a port"},
    {"ansible_ssh_private_key_file", "/root/.ssh/id_ed25519", NULL},
    {"ansible_ssh_private_key_file", "key", "has to be an absolute path"},
    {"ansible_ssh_private_key_file", "/a b", "has to be an absolute path"},
    {"ansible_python_interpreter", "/usr/bin/python3", NULL},
    {"ansible_python_interpreter", "/tmp/mine", "has to be a program below /usr"},
    {"ansible_python_interpreter", "/usr/../tmp/x", "has to be a program below /usr"},
    {"ansible_connection", "local", NULL},
    {"ansible_connection", "docker", "has to be ssh or local"},
    {"ansible_ssh_common_args", "-o ProxyCommand=id", "in 02-scitq only"},
    {"rclone_config", "/etc/shadow", "only 02-scitq may set it"},
    {"a", "{{ lookup('pipe', 'id') }}", "is a template"},
    {"a", "{% if 1 %}", "is a template"},
    {"a", "{# #}", "is a template"},
    {"a", "two\nlines", "is not one line"},
    {"a b", "c", "is no name of a variable"},
    {"1a", "c", "is no name of a variable"},
    {"", "c", "is no name of a variable"},
};

static void test_variables(void **state)
{
    (void)state;
    for (size_t i = 0; i < SQ_LEN(variables); i++) {
        struct sq_err err = {0};
        int rc =
            sq_inventory_check_variable(variables[i].name, variables[i].value, &err);
        assert_int_equal(rc, variables[i].words ? SQ_EINVAL : 0);
        if (variables[i].words)
            assert_non_null(strstr(err.text, variables[i].words));
    }
}

static void test_long_values(void **state)
{
    (void)state;
    char value[SQ_INVENTORY_VALUE + 2];
    memset(value, 'v', sizeof value);
    value[SQ_INVENTORY_VALUE] = 0;
    assert_int_equal(sq_inventory_check_variable("a", value, NULL), 0);
    value[SQ_INVENTORY_VALUE] = 'v';
    value[SQ_INVENTORY_VALUE + 1] = 0;
    assert_int_equal(sq_inventory_check_variable("a", value, NULL), SQ_EINVAL);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const hosts[] = {"",    "-o",  ".x", "a b",
                                        "a/b", "a\n", "é",  "localhost"};
    static const char *const groups[] = {"", "-g", "1g", "a b", "a-b", "[x]", "_meta"};
    for (size_t i = 0; i < SQ_LEN(hosts); i++)
        assert_int_equal(sq_inventory_check_host(hosts[i], NULL), SQ_EINVAL);
    for (size_t i = 0; i < SQ_LEN(groups); i++)
        assert_int_equal(sq_inventory_check_group(groups[i], NULL), SQ_EINVAL);
    assert_int_equal(sq_inventory_check_host("server-node1.lab_2", NULL), 0);
    assert_int_equal(sq_inventory_check_group("my_group2", NULL), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
