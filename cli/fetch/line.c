/* What verbs share: the places they were given, lines of output, what was moved. */
#include <string.h>
#include <unistd.h>

#include "cli/fetch/verbs.h"
#include "lib/log.h"

static struct sq_arena *arena(struct sq_fetch_line *line)
{
    return &line->cli->args.arena;
}

int sq_fetch_place(struct sq_fetch_line *line, size_t i, const char *otherwise,
                   struct sq_place *ret, struct sq_err *err)
{
    const char *word = line->words[i] ? line->words[i] : otherwise;
    int rc = sq_place_parse(word, arena(line), ret, err);
    return rc == SQ_EINVAL ? sq_cli_misuse(line->cli, err, "%s", err->text) : rc;
}

int sq_fetch_folder(struct sq_fetch_line *line, size_t i, struct sq_place *ret,
                    struct sq_err *err)
{
    int rc = sq_fetch_place(line, i, NULL, ret, err);
    if (rc == 0 && ret->uri.action)
        return sq_cli_misuse(line->cli, err, "%s: |%s is for copy", ret->text,
                             ret->uri.action);
    if (rc == 0 && !ret->folder) {
        ret->path = sq_arena_printf(arena(line), "%s/", ret->path);
        ret->folder = true;
    }
    return rc == 0 && !ret->path ? sq_fail(err, SQ_ENOMEM, "out of memory") : rc;
}

void sq_fetch_print(struct sq_fetch_line *line, const char *text)
{
    bool seen = isatty(fileno(line->cli->out));
    for (; *text; text++)
        putc(seen && ((unsigned char)*text < ' ' || *text == 0x7f) ? '?' : *text,
             line->cli->out);
    putc('\n', line->cli->out);
}

void sq_fetch_tell(struct sq_fetch_line *line, const struct sq_moved *moved)
{
    sq_bar_end(&line->bar); /* all is moved, or will not be */
    for (size_t i = 0; i < moved->n_skipped; i++)
        sq_cli_note(line->cli, "%s is left out: no file", moved->skipped[i]);
    for (size_t i = 0; i < moved->n_files; i++)
        sq_log(SQ_LOG_INFO, "fetch", "copied %s", moved->files[i]);
}
