/* The command line of scitq-server: few options, since nearly everything is a setting
 * (scitq.conf).  A bad one prints a line and where help is, and exits 2. */
#include "core/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/ready.h"

static const char help[] =
    "Usage: scitq-server [-c FILE] [--role=all|main|queue]\n"
    "       scitq-server [-c FILE] --db init|check|upgrade|upgrade-or-init\n"
    "       scitq-server [-c FILE] --db prune --days N\n"
    "       scitq-server [-c FILE] --check-settings\n"
    "\n"
    "The scitq server: HTTP API and scheduler.\n"
    "\n"
    "  -c, --config=FILE   settings file (default: scitq.conf in " SQ_SYSCONFDIR
    ", then /etc)\n"
    "      --role=ROLE     all: API and scheduler in one process (default); main: the\n"
    "                      API; queue: the scheduler and its jobs, or waiting to be "
    "it\n"
    "      --db=ACTION     init: make the database's tables; check: say whether they\n"
    "                      are right; upgrade: bring older ones forward; prune:\n"
    "                      forget old outputs; then exit\n"
    "      --days=N        prune what ended more than N days ago\n"
    "      --check-settings  say whether the settings are right, then exit\n"
    "      --ready-fd=N    write READY=1 to this descriptor when serving\n"
    "      --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Settings are explained in scitq.conf(5).\n";

const char *const sq_role_names[] = {
    [SQ_ROLE_ALL] = "all", [SQ_ROLE_MAIN] = "main", [SQ_ROLE_QUEUE] = "queue"};

enum {
    OPT_ROLE = 256,
    OPT_DB,
    OPT_DAYS,
    OPT_READY_FD,
    OPT_CHECK_SETTINGS,
    OPT_VERSION
};
enum { DAYS_MAX = 36500 };

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"role", required_argument, NULL, OPT_ROLE},
    {"db", required_argument, NULL, OPT_DB},
    {"days", required_argument, NULL, OPT_DAYS},
    {"check-settings", no_argument, NULL, OPT_CHECK_SETTINGS},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "scitq-server: %s%s\nTry: scitq-server --help\n", what, value);
    return -1;
}

static int parse_db(const char *text, enum sq_action *ret)
{
    static const char *const actions[] = {
        [SQ_DB_INIT] = "init",       [SQ_DB_CHECK] = "check",
        [SQ_DB_UPGRADE] = "upgrade", [SQ_DB_UPGRADE_OR_INIT] = "upgrade-or-init",
        [SQ_DB_PRUNE] = "prune",
    };
    for (int i = SQ_DB_INIT; i <= SQ_DB_PRUNE; i++)
        if (strcmp(text, actions[i]) == 0) {
            *ret = (enum sq_action)i;
            return 0;
        }
    return usage("--db is init, check, upgrade, upgrade-or-init or prune, not ", text);
}

static int parse_days(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtol(text, &end, 10);
    if (errno || end == text || *end || *ret < 1 || *ret > DAYS_MAX)
        return usage("--days is a number from 1 to 36500, not ", text);
    return 0;
}

static int parse_role(const char *text, enum sq_role *ret)
{
    for (int i = SQ_ROLE_ALL; i <= SQ_ROLE_QUEUE; i++)
        if (strcmp(text, sq_role_names[i]) == 0) {
            *ret = (enum sq_role)i;
            return 0;
        }
    return usage("--role is all, main or queue, not ", text);
}

static int parse_fd(const char *text, int *ret)
{
    if (!sq_ready_parse(text, ret))
        return usage("--ready-fd is not an open descriptor: ", text);
    return 0;
}

/* 1: nothing more to do. */
static int parse_one(int c, struct sq_options *ret)
{
    switch (c) {
    case 'c': ret->conf = optarg; return 0;
    case OPT_ROLE: return parse_role(optarg, &ret->role);
    case OPT_DB: return parse_db(optarg, &ret->action);
    case OPT_DAYS: return parse_days(optarg, &ret->days);
    case OPT_CHECK_SETTINGS: ret->action = SQ_CHECK_SETTINGS; return 0;
    case OPT_READY_FD: return parse_fd(optarg, &ret->ready_fd);
    case OPT_VERSION: printf("scitq-server %s\n", PACKAGE_VERSION); return 1;
    case 'h': fputs(help, stdout); return 1;
    default: fputs("Try: scitq-server --help\n", stderr); return -1;
    }
}

int sq_options_parse(int argc, char **argv, struct sq_options *ret, int *ret_exit)
{
    *ret = (struct sq_options){.ready_fd = -1};
    int c, rc = 0;
    while (rc == 0 && (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        rc = parse_one(c, ret);
    if (rc == 0 && (ret->action == SQ_DB_PRUNE) != (ret->days > 0))
        rc = usage("--db prune and --days go together", "");
    if (rc == 0 && optind < argc)
        rc = usage("unexpected argument: ", argv[optind]);
    *ret_exit = rc < 0 ? 2 : 0;
    return rc;
}
