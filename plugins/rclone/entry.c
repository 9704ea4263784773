/* Entries of lsjson, and of local files, as struct sq_entry. */
#include "plugins/rclone/entry.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "plugins/rclone/place.h"

int64_t entry_date(const char *text)
{
    struct tm tm = {0};
    int used = 0, hours = 0, minutes = 0;
    int64_t ns = 0, unit = 100000000, seconds;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 ||
        used != 19)
        return SQ_UNKNOWN;
    text += used;
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
            ns += unit * (*text - '0');
    if ((*text == '+' || *text == '-') &&
        sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2)
        return SQ_UNKNOWN;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    seconds = timegm(&tm) - (*text == '-' ? -60 : 60) * (hours * 60 + minutes);
    /* Years 1 and 9999 do not fit in nanoseconds; some storages say 0001 for none. */
    if (seconds < INT64_MIN / 1000000000 + 1 || seconds > INT64_MAX / 1000000000 - 1)
        return SQ_UNKNOWN;
    return seconds * 1000000000 + ns;
}

static void take_date(struct sq_entry *e, int64_t date_ns, const struct remote *remote)
{
    e->date_ns = SQ_UNKNOWN;
    e->date_precision_ns = 0;
    if (!remote || remote->precision_ns == INT64_MAX)
        return;
    e->date_ns = date_ns;
    e->date_precision_ns = remote->precision_ns;
}

static void take_md5(struct sq_entry *e, const char *md5)
{
    e->md5[0] = '\0';
    if (md5 && strlen(md5) == 32 && strspn(md5, "0123456789abcdef") == 32)
        memcpy(e->md5, md5, 33);
}

int entry_parse(const char *text, size_t len, unsigned want,
                const struct remote *remote, struct sq_entry *ret, char **ret_name)
{
    json_t *json;
    const char *path, *date;
    int is_folder;
    json = json_loadb(text, len - (len > 0 && text[len - 1] == ','), 0, NULL);
    path = json_string_value(json_object_get(json, "Path"));
    date = json_string_value(json_object_get(json, "ModTime"));
    if (!path) {
        json_decref(json);
        return SQ_EPROTO;
    }
    is_folder = json_is_true(json_object_get(json, "IsDir"));
    memset(ret, 0, sizeof *ret);
    ret->kind = is_folder ? SQ_ENTRY_FOLDER : SQ_ENTRY_FILE;
    ret->size_bytes =
        is_folder ? SQ_UNKNOWN : json_integer_value(json_object_get(json, "Size"));
    if (ret->size_bytes < 0)
        ret->size_bytes = SQ_UNKNOWN;
    take_date(ret,
              date && !is_folder && (want & SQ_WANT_DATE) ? entry_date(date)
                                                          : SQ_UNKNOWN,
              remote);
    take_md5(ret, json_string_value(
                      json_object_get(json_object_get(json, "Hashes"), "md5")));
    if (ret_name) {
        *ret_name = name_decode(path);
        ret->name = *ret_name;
    }
    json_decref(json);
    return ret_name && !*ret_name ? SQ_ENOMEM : 0;
}

int entry_local(const char *path, const struct remote *remote, struct sq_entry *ret,
                struct sq_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return sq_fail(err, errno == ENOENT ? SQ_ENOENT : SQ_EIO,
                       "cannot look at %s: %s", path, strerror(errno));
    memset(ret, 0, sizeof *ret);
    ret->kind = SQ_ENTRY_FILE;
    ret->size_bytes = st.st_size;
    take_date(ret, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec,
              remote);
    return 0;
}

/* Without --no-modtime S3 is asked once for each object. */
void entry_options(struct command *c, unsigned want)
{
    command_add(c, "--no-mimetype");
    if (!(want & SQ_WANT_DATE))
        command_add(c, "--no-modtime");
    if (want & SQ_WANT_MD5) {
        command_add(c, "--hash");
        command_add(c, "--hash-type");
        command_add(c, "md5");
    }
}
