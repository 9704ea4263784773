/* What the Resource Manager says of a failure, in our words and with our codes.
 *
 * An error is {"error": {"code": "SkuNotAvailable", "message": "…"}}, sometimes with
 * details below that say more.  The codes, below learn.microsoft.com/azure:
 * azure-resource-manager/troubleshooting/common-deployment-errors,
 * virtual-machines/error-codes-spot,
 * virtual-machines/troubleshooting-throttling-errors. */
#include "providers/azure/azure.h"

#include <string.h>

static const struct row {
    const char *code;
    int ret;
    const char *hint;
} rows[] = {
    {"SkuNotAvailable", SQ_ECAPACITY, "try another region or flavor"},
    {"AllocationFailed", SQ_ECAPACITY, "try another region or flavor"},
    {"ZonalAllocationFailed", SQ_ECAPACITY, "try another region or flavor"},
    {"OverconstrainedAllocationRequest", SQ_ECAPACITY, "try another region or flavor"},
    {"OverconstrainedZonalAllocationRequest", SQ_ECAPACITY,
     "try another region or flavor"},
    {"QuotaExceeded", SQ_ENOSPC, "ask Azure for a higher quota, or destroy machines"},
    {"ResourceQuotaExceeded", SQ_ENOSPC,
     "ask Azure for a higher quota, or destroy machines"},
    {"PublicIPCountLimitReached", SQ_ENOSPC,
     "ask Azure for more addresses, or destroy machines"},
    {"ResourceGroupNotFound", SQ_ENOENT, NULL},
    {"ResourceNotFound", SQ_ENOENT, NULL},
    {"NotFound", SQ_ENOENT, NULL},
    {"SubscriptionNotFound", SQ_EINVAL, "check AZURE_SUBSCRIPTION_ID"},
    {"InvalidSubscriptionId", SQ_EINVAL, "check AZURE_SUBSCRIPTION_ID"},
    {"AuthorizationFailed", SQ_EAUTH,
     "give the application the role Contributor on the subscription"},
    {"MarketplacePurchaseEligibilityFailed", SQ_EINVAL,
     "accept the image's terms once: az vm image terms accept --urn IMAGE"},
    {"ResourcePurchaseValidationFailed", SQ_EINVAL,
     "accept the image's terms once: az vm image terms accept --urn IMAGE"},
    {"PlatformImageNotFound", SQ_EINVAL, "check AZURE_IMAGE and AZURE_GPU_IMAGE"},
    {"LocationNotAvailableForResourceGroup", SQ_EINVAL, "check the region's name"},
    {"NoRegisteredProviderFound", SQ_EINVAL, "check the region's name"},
    {"MissingSubscriptionRegistration", SQ_EINVAL,
     "register Microsoft.Compute and Microsoft.Network in the subscription"},
    {"ResourceGroupBeingDeleted", SQ_EBUSY, NULL},
    {"AnotherOperationInProgress", SQ_EBUSY, NULL},
    {"OperationPreempted", SQ_EBUSY, NULL},
    {"RetryableError", SQ_EBUSY, NULL},
    {"TooManyRequests", SQ_EBUSY, NULL},
    {"SubscriptionRequestsThrottled", SQ_EBUSY, NULL},
    {"ReferencedResourceNotProvisioned", SQ_EBUSY, NULL},
    {"OSProvisioningTimedOut", SQ_EIO, NULL},
    {"OperationNotAllowed", SQ_EINVAL, NULL},
    {"PropertyChangeNotAllowed", SQ_EINVAL, NULL},
    {"InvalidResourceGroupLocation", SQ_EINVAL, NULL},
};

static const struct row *row_of(const char *code)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcasecmp(rows[i].code, code) == 0)
            return &rows[i];
    return NULL;
}

/* The error that says most: the first below `error` whose code has a row, else itself.
 */
static const json_t *telling(const json_t *error)
{
    const json_t *detail;
    size_t i;
    if (row_of(text_of(error, "code")))
        return error;
    json_array_foreach(json_object_get(error, "details"), i, detail)
    {
        if (row_of(text_of(detail, "code")))
            return detail;
    }
    return error;
}

/* By the code, else by the status. */
static int code_of(const struct row *row, int status, const char *message, bool late)
{
    /* Cores over the limit come as OperationNotAllowed with these words. */
    if (strstr(message, "exceeding approved") && strstr(message, "uota"))
        return SQ_ENOSPC;
    if (row)
        return row->ret;
    if (late || status >= 500)
        return SQ_EIO;
    if (status == 401 || status == 403)
        return SQ_EAUTH;
    /* 409: something else is being done to it. */
    if (status == 408 || status == 409 || status == 412 || status == 429)
        return SQ_EBUSY;
    if (status >= 400)
        return SQ_EINVAL;
    return SQ_EPROTO;
}

/* Messages hold line ends and, cut, half a letter less than we show. */
static void one_line(char *ret, size_t size, const char *text)
{
    copy(ret, size, text);
    for (char *c = ret; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

int words_fail(const char *what, int status, const json_t *body, bool late,
               struct sq_err *err)
{
    const json_t *error = telling(json_object_get(body, "error"));
    const char *code = text_of(error, "code");
    const struct row *row = row_of(code);
    char said[300];
    one_line(said, sizeof said, text_of(error, "message"));
    if (!said[0])
        return sq_fail(err, code_of(row, status, "", late),
                       "azure cannot %s: it answers %d%s%s", what, status,
                       *code ? " " : "", code);
    return sq_fail(err, code_of(row, status, said, late),
                   "azure cannot %s: %s (%s)%s%s", what, said, code,
                   row && row->hint ? ": " : "", row && row->hint ? row->hint : "");
}

bool words_is_token(int status, const json_t *body)
{
    const char *code = text_of(json_object_get(body, "error"), "code");
    return status == 401 && (strcmp(code, "ExpiredAuthenticationToken") == 0 ||
                             strcmp(code, "InvalidAuthenticationToken") == 0);
}
