/* What a cloud says of a failure, in our words and with our codes.
 *
 * Errors come in several shapes: {"badRequest": {"code": 400, "message": …}} of Nova
 * (docs.openstack.org/api-guide/compute/faults), {"error": {…}} of Keystone and of what
 * stands before every service, {"NeutronError": {…}}, and {"code": "404 Not Found",
 * "message": "…<br />"}.  Some quotas are 403, as are policies; only the words tell. */
#include "providers/openstack/openstack.h"

#include <stdio.h>
#include <string.h>

/* The message, wherever it stands; "". */
static const char *message_of(const json_t *body)
{
    const char *key, *text = text_of(body, "message");
    json_t *value;
    if (*text)
        return text;
    json_object_foreach((json_t *)body, key, value)
    {
        text = text_of(value, "message");
        if (*text)
            return text;
    }
    return "";
}

/* Without tags, line ends and spaces at the end. */
static void plain(char *ret, size_t size, const char *text)
{
    size_t len = 0;
    bool tag = false;
    for (; *text && len + 1 < size; text++) {
        if (*text == '<' || *text == '>')
            tag = *text == '<';
        else if (!tag)
            ret[len++] = (unsigned char)*text < ' ' ? ' ' : *text;
    }
    while (len > 0 && ret[len - 1] == ' ')
        len--;
    ret[len] = 0;
}

static bool has(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

static int code_of(int status, const char *said)
{
    if ((status == 403 || status == 413 || status == 409) && has(said, "quota"))
        return SQ_ENOSPC;
    if (status == 401 || status == 403)
        return SQ_EAUTH;
    if (status == 404)
        return SQ_ENOENT;
    if (status == 406)
        return SQ_EUNSUPPORTED;
    if (status == 408 || status == 409 || status == 413 || status == 429)
        return SQ_EBUSY;
    if (status >= 500)
        return SQ_EIO;
    return status >= 400 ? SQ_EINVAL : SQ_EPROTO;
}

static const char *hint_of(int code, const char *said)
{
    if (code == SQ_ENOSPC)
        return ": ask for a higher quota, or destroy machines";
    if (code == SQ_EAUTH)
        return ": check the OS_ settings and the user's role";
    if (code == SQ_EUNSUPPORTED)
        return ": " MICROVERSION " is needed";
    if (code == SQ_EINVAL && has(said, "key_name"))
        return ": check keyname of 02-scitq and OPENSTACK_KEYNAME";
    if (code == SQ_EINVAL && has(said, "availability zone"))
        return ": check OPENSTACK_ZONE";
    return "";
}

int words_fail(const char *what, int status, const json_t *body, struct sq_err *err)
{
    char said[300];
    int code;
    plain(said, sizeof said, message_of(body));
    code = code_of(status, said);
    return sq_fail(err, code, "openstack cannot %s: %s (%d)%s", what,
                   said[0] ? said : "it does not say why", status, hint_of(code, said));
}

/* Nova's scheduler says "No valid host was found", and after some hosts failed
 * "Exceeded maximum number of retries"; a placement that was lost meanwhile likewise.
 */
int words_fault(const char *what, const char *fault, struct sq_err *err)
{
    char said[300];
    bool full = has(fault, "No valid host") || has(fault, "number of retries") ||
                has(fault, "Insufficient compute resources");
    plain(said, sizeof said, fault);
    return sq_fail(err,
                   full                 ? SQ_ECAPACITY
                   : has(said, "quota") ? SQ_ENOSPC
                                        : SQ_EIO,
                   "openstack cannot %s: the machine came up in ERROR: %s%s", what,
                   said[0] ? said : "it does not say why",
                   full ? ": try another region or flavor" : "");
}
