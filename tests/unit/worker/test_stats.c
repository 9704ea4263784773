/* Stats: what /proc's texts mean. */
#include "tests/test.h"

#include <string.h>

#include "worker/stats.h"

static void test_cpu(void **state)
{
    struct sq_stats_sample s = {0};
    sq_stats_parse_cpu("cpu  100 5 20 800 40 1 2 3 0 0\ncpu0 1 2 3\n", &s);
    assert_int_equal(s.cpu_total, 971);
    assert_int_equal(s.cpu_idle, 840);
    assert_int_equal(s.cpu_iowait, 40);
    memset(&s, 0, sizeof s);
    sq_stats_parse_cpu("nonsense", &s);
    assert_int_equal(s.cpu_total, 0);
}

static void test_memory(void **state)
{
    struct sq_stats_sample s = {0};
    sq_stats_parse_memory("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n",
                          &s);
    assert_true(s.memory_percent > 74.9 && s.memory_percent < 75.1);
    sq_stats_parse_memory("", &s);
    assert_true(s.memory_percent == 0);
}

static void test_load(void **state)
{
    struct sq_stats_sample s = {0};
    sq_stats_parse_load("0.23 1.06 12.50 1/200 4711\n", &s);
    assert_string_equal(s.load, "0.2 1.1 12.5");
}

static void test_disks_count_once(void **state)
{
    struct sq_stats_sample s = {0};
    sq_stats_parse_disks("   8  0 sda 10 0 100 0 20 0 200 0 0 0 0\n"
                         "   8  1 sda1 10 0 100 0 20 0 200 0 0 0 0\n"
                         "   7  0 loop0 10 0 100 0 20 0 200 0 0 0 0\n"
                         " 259  0 nvme0n1 10 0 7 0 20 0 9 0 0 0 0\n"
                         " 259  1 nvme0n1p1 10 0 7 0 20 0 9 0 0 0 0\n"
                         " 253  0 dm-0 10 0 7 0 20 0 9 0 0 0 0\n"
                         " 254  0 vda 1 0 1 0 1 0 1 0 0 0 0",
                         &s);
    assert_int_equal(s.disk_read, 108 * 512);
    assert_int_equal(s.disk_written, 210 * 512);
}

static void test_network_without_loopback(void **state)
{
    struct sq_stats_sample s = {0};
    sq_stats_parse_net(
        "Inter-|   Receive  |  Transmit\n"
        " face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n"
        "    lo: 500 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n"
        "  eth0: 1000 1 0 0 0 0 0 0 300 1 0 0 0 0 0 0\n"
        " wlan0:20 1 0 0 0 0 0 0 3 1 0 0 0 0 0 0\n",
        &s);
    assert_int_equal(s.net_received, 1020);
    assert_int_equal(s.net_sent, 303);
}

static void test_load_text_and_its_trend(void **state)
{
    static const struct {
        uint64_t total, idle, wait; /* since the sample before */
        const char *text;
    } rows[] = {
        {1000, 880, 3, "12.0↑ / 0.3"}, {1000, 900, 0, "10.0↓ / 0.0"},
        {1000, 900, 0, "10.0→ / 0.0"}, {0, 0, 0, "0.0↓ / 0.0"},
        {100, 101, 50, "0.0→ / 50.0"},
    };
    struct sq_stats_sample a = {0}, b;
    double last = 0;
    char text[64];
    for (size_t i = 0; i < SQ_LEN(rows); i++) {
        b = a;
        b.cpu_total += rows[i].total;
        b.cpu_idle += rows[i].idle;
        b.cpu_iowait += rows[i].wait;
        sq_stats_load_text(&a, &b, &last, text, sizeof text);
        assert_string_equal(text, rows[i].text);
        a = b;
    }
    b.cpu_iowait = 0; /* backwards, as the kernel may */
    sq_stats_load_text(&a, &b, &last, text, sizeof text);
    assert_non_null(strstr(text, "/ 0.0"));
}

static void test_this_machine_gives_json(void **state)
{
    struct sq_stats s;
    struct sq_jw w;
    struct sq_err err;
    json_t *root = NULL, *stats = NULL;
    struct sq_buf out SQ_CLEANUP(sq_buf_fini);
    sq_buf_init(&out, 1 << 16);
    sq_stats_init(&s);
    sq_jw_init(&w, &out);
    sq_stats_write(&s, &w);
    OK(err, sq_json_parse(out.data, out.len, &root, &err));
    const char *text = json_string_value(json_object_get(root, "stats"));
    assert_non_null(text);
    OK(err, sq_json_parse(text, strlen(text), &stats, &err));
    assert_true(json_is_string(json_object_get(stats, "load")));
    json_t *disk = json_object_get(stats, "disk");
    assert_true(json_is_array(json_object_get(disk, "usage")));
    assert_true(json_is_string(json_object_get(disk, "speed")));
    assert_true(json_is_string(json_object_get(disk, "counter")));
    assert_true(json_is_object(json_object_get(stats, "network")));
    assert_true(json_real_value(json_object_get(root, "memory")) > 0);
    assert_non_null(strstr(json_string_value(json_object_get(root, "load")), " / "));
    json_decref(stats);
    json_decref(root);
    sq_stats_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_disks_count_once),
        cmocka_unit_test(test_network_without_loopback),
        cmocka_unit_test(test_load_text_and_its_trend),
        cmocka_unit_test(test_this_machine_gives_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
