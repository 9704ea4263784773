/* Prints the options part of a manual page from the very tables that the programs
 * read: "print_man fetch", "inventory", "launch" or "manage".  Runs while building, not
 * installed.
 */
#include "cli/fetch/verbs.h"
#include "cli/inventory/inventory.h"
#include "cli/launch/request.h"
#include "cli/manage/commands.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_BYTES = 256 * 1024 };

int main(int argc, char **argv)
{
    struct sq_buf page;
    sq_buf_init(&page, PAGE_BYTES);
    if (argc == 2 && strcmp(argv[1], "launch") == 0)
        sq_options_man(sq_launch_options, &page);
    else if (argc == 2 && strcmp(argv[1], "inventory") == 0) {
        sq_options_man(sq_inventory_options, &page);
        sq_options_man(sq_inventory_common, &page);
    } else if (argc == 2 && strcmp(argv[1], "manage") == 0)
        sq_manage_man(&page);
    else if (argc == 2 && strcmp(argv[1], "fetch") == 0)
        sq_fetch_man(&page);
    else
        fputs("usage: print_man fetch|inventory|launch|manage\n", stderr);
    bool ok = page.len && sq_buf_ok(&page) && fputs(page.data, stdout) >= 0;
    sq_buf_fini(&page);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}
