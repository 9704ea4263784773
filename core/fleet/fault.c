/* The lines are those of Ansible's default callback:
 *
 *     TASK [worker : Refuse to go on without it] ****
 *     fatal: [w1]: FAILED! => {"changed": false, "msg": "there is no …"}
 *     ...ignoring
 *     ERROR! the playbook: x.yml could not be found
 *
 * Later failures are mostly consequences of the first. */
#include "core/fleet/fault.h"

#include <stdio.h>
#include <string.h>

#include "lib/jsonio.h"
#include "lib/util.h"

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* One line of printable text, cut where `to` ends. */
static void put(char *to, size_t size, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && text[i] && n + 1 < size; i++) {
        bool space = (unsigned char)text[i] <= ' ';
        if (!space)
            to[n++] = text[i];
        else if (n > 0 && to[n - 1] != ' ')
            to[n++] = ' ';
    }
    while (n > 0 && to[n - 1] == ' ')
        n--;
    to[n] = 0;
}

/* What stands between the first [ and `close`. */
static void put_bracket(char *to, size_t size, const char *line, const char *close)
{
    const char *from = strchr(line, '[');
    const char *end = from ? strstr(from, close) : NULL;
    put(to, size, from ? from + 1 : "", end ? (size_t)(end - from - 1) : 0);
}

static const char *text_of(const json_t *result, const char *name)
{
    const char *text = json_string_value(json_object_get(result, name));
    return text ? text : "";
}

/* The line in which compilers and configure say what they do not like, else the last.
 */
static void put_telling_line(char *to, size_t size, const char *text)
{
    size_t len = strlen(text), at = len;
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    while (at > 0 && !begins(text + at - 1, "error: "))
        at--;
    at = at ? at - 1 : len;
    while (at > 0 && text[at - 1] != '\n')
        at--;
    put(to, size, text + at, strcspn(text + at, "\n"));
}

/* Of the first of these that says anything. */
static void put_detail(char *to, size_t size, const json_t *result)
{
    static const char *const names[] = {"stderr", "module_stderr", "stdout",
                                        "module_stdout"};
    *to = 0;
    for (size_t i = 0; !*to && i < SQ_LEN(names); i++)
        put_telling_line(to, size, text_of(result, names[i]));
}

/* Some results say no more than that there was an error: the program's last words do.
 */
static void put_result(char *to, size_t size, const char *text, size_t len)
{
    char detail[300];
    json_t *result = NULL;
    if (sq_json_parse(text, len, &result, NULL) != 0) {
        put(to, size, text, len);
        return;
    }
    const char *msg = text_of(result, "msg");
    const json_t *code = json_object_get(result, "rc");
    put_detail(detail, sizeof detail, result);
    put(to, size, msg, strlen(msg));
    if (begins(msg, "non-zero return code") && json_is_integer(code))
        snprintf(to, size, "exit code %d%s%s", (int)json_integer_value(code),
                 *detail ? ": " : "", detail);
    else if ((begins(msg, "MODULE FAILURE") || !*msg) && *detail)
        put(to, size, detail, strlen(detail));
    else if (!*msg)
        put(to, size, text, len);
    json_decref(result);
}

static void set_fault(struct sq_fleet_fault *f, const char *line, size_t len)
{
    char host[64], words[300];
    const char *result = strstr(line, "=> ");
    result = result ? result + 3 : line;
    put_bracket(host, sizeof host, line, "]");
    put_result(words, sizeof words, result, len - (size_t)(result - line));
    snprintf(f->text, sizeof f->text, "at \"%s\", %s: %s", f->task, host, words);
    f->fresh = true;
}

void sq_fleet_fault_line(struct sq_fleet_fault *f, const char *line, size_t len)
{
    if (begins(line, "TASK [") || begins(line, "RUNNING HANDLER [")) {
        put_bracket(f->task, sizeof f->task, line, "] *");
        f->fresh = false;
    } else if (begins(line, "...ignoring") && f->fresh) {
        *f->text = 0;
    } else if (*f->text) {
        return;
    } else if (begins(line, "fatal: [") || begins(line, "failed: [")) {
        set_fault(f, line, len);
    } else if (begins(line, "ERROR! ")) {
        put(f->text, sizeof f->text, line + 7, len - 7);
    }
}
