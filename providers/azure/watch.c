/* On the machine: the metadata service tells what is going to be done to it
 * (learn.microsoft.com/azure/virtual-machines/linux/scheduled-events).  A spot machine
 * that is taken back has an event Preempt, at least 30 s before.  The service wants to
 * be asked again and again, once a second; its first answer may take two minutes. */
#include "providers/azure/azure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 1000
#define AFTER_FAILURE_MS 10000
#define FIRST_ANSWER_S 130

static bool is_preempted(const json_t *answer)
{
    const json_t *event;
    size_t i;
    json_array_foreach(json_object_get(answer, "Events"), i, event)
    {
        if (strcmp(text_of(event, "EventType"), "Preempt") == 0)
            return true;
    }
    return false;
}

/* 1: it is announced.  0: not yet. */
static int look(struct sq_host *host, struct sq_call *call, const char *url,
                struct sq_err *err)
{
    const struct sq_web_header header = {"Metadata", "true"};
    struct sq_web_request request = {.method = "GET",
                                     .url = url,
                                     .headers = &header,
                                     .n_headers = 1,
                                     .timeout_s = FIRST_ANSWER_S,
                                     .tries = 1};
    struct sq_web_answer *answer = NULL;
    json_t *json;
    int rc = host->web(host, call, &request, &answer, err);
    if (rc)
        return rc;
    json = json_loadb(answer->body, answer->body_len, 0, NULL);
    if (answer->status != 200 || !json_is_array(json_object_get(json, "Events")))
        rc = sq_fail(err, SQ_EIO, "azure's metadata service answers %d without events",
                     answer->status);
    else
        rc = is_preempted(json);
    json_decref(json);
    host->web_free(answer);
    return rc;
}

int azure_watch(struct sq_host *host, struct sq_call *call, struct sq_err *err)
{
    const char *base = host->setting(host, "AZURE_IMDS_ENDPOINT");
    struct sq_err wrong = {0};
    bool failed = false;
    char *url = NULL;
    int rc = 0;
    if (asprintf(&url, "%s/metadata/scheduledevents?api-version=" EVENTS, base) < 0)
        return no_memory(err);
    while (rc == 0) {
        int seen = look(host, call, url, &wrong);
        if (seen == 1)
            break;
        if (seen == SQ_ECANCELED) {
            rc = sq_fail(err, seen, "%s", wrong.text);
            break;
        }
        /* Said once, and once more after it was well. */
        if (seen < 0 && !failed)
            host->log(host, SQ_SAY_WARNING, "an eviction may go unnoticed: %s",
                      wrong.text);
        failed = seen < 0;
        rc = host->pause(host, call, failed ? AFTER_FAILURE_MS : EVERY_MS, err);
    }
    free(url);
    return rc;
}
