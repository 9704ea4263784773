/* JSON lines on standard output, each made in a buffer and written under the lock.
 * A write that fails means that nobody reads them any more: then the jobs end
 * (worker.c). */
#include "cli/fetch/report.h"

#include <unistd.h>

#include "lib/file.h"
#include "lib/jsonio.h"

/* A line is bounded, however many files were moved: these names, of PATH_MAX bytes and
 * six characters a byte, are most of it. */
enum { LINE_BYTES = 1024 * 1024, SKIPPED_TOLD = 20 };

void sq_answer_init(struct sq_answer *a)
{
    sq_moved_init(&a->moved);
    a->listing[0] = 0;
    a->digest = (struct sq_digest){0};
    a->bytes = 0;
}

void sq_answer_fini(struct sq_answer *a)
{
    sq_moved_fini(&a->moved);
}

void sq_reports_init(struct sq_reports *r)
{
    pthread_mutex_init(&r->lock, NULL);
    r->broken = false;
}

void sq_reports_fini(struct sq_reports *r)
{
    pthread_mutex_destroy(&r->lock);
}

static void begin(struct sq_buf *line, struct sq_jw *w, int64_t id, const char *event)
{
    sq_buf_init(line, LINE_BYTES);
    sq_jw_init(w, line);
    sq_jw_open(w, '{');
    sq_jw_key(w, "id");
    sq_jw_int(w, id);
    sq_jw_key(w, "event");
    sq_jw_text(w, event);
}

static void send(struct sq_reports *r, struct sq_buf *line, struct sq_jw *w)
{
    sq_jw_close(w);
    sq_buf_addc(line, '\n');
    pthread_mutex_lock(&r->lock);
    if (!sq_buf_ok(line) ||
        sq_write_all(STDOUT_FILENO, line->data, line->len, NULL) != 0)
        r->broken = true;
    pthread_mutex_unlock(&r->lock);
    sq_buf_fini(line);
}

void sq_report_progress(struct sq_reports *r, int64_t id, int64_t bytes, int64_t total)
{
    struct sq_buf line;
    struct sq_jw w;
    begin(&line, &w, id, "progress");
    sq_jw_key(&w, "bytes");
    sq_jw_int(&w, bytes);
    sq_jw_key(&w, "total");
    sq_jw_int(&w, total == SQ_UNKNOWN ? SQ_NULL : total);
    send(r, &line, &w);
}

void sq_report_failed(struct sq_reports *r, int64_t id, const struct sq_err *why)
{
    struct sq_buf line;
    struct sq_jw w;
    begin(&line, &w, id, "failed");
    sq_jw_key(&w, "message");
    sq_jw_text(&w, why->text);
    sq_jw_key(&w, "code");
    sq_jw_text(&w, sq_code_name(why->code));
    sq_jw_key(&w, "retry");
    sq_jw_bool(&w, sq_code_retryable(why->code));
    send(r, &line, &w);
}

static void add_moved(struct sq_jw *w, const struct sq_moved *m)
{
    size_t told = m->n_skipped < SKIPPED_TOLD ? m->n_skipped : SKIPPED_TOLD;
    sq_jw_key(w, "files");
    sq_jw_int(w, (int64_t)m->n_files);
    sq_jw_key(w, "skipped");
    sq_jw_open(w, '[');
    for (size_t i = 0; i < told; i++)
        sq_jw_text(w, m->skipped[i]);
    sq_jw_close(w);
    sq_jw_key(w, "skipped_more");
    sq_jw_int(w, (int64_t)(m->n_skipped - told));
}

static void add_source(struct sq_jw *w, const struct sq_entry *e)
{
    sq_jw_key(w, "source_size");
    sq_jw_int(w, e->size_bytes == SQ_UNKNOWN ? SQ_NULL : e->size_bytes);
    sq_jw_key(w, "source_date");
    sq_jw_time(w, e->date_ns == SQ_UNKNOWN ? SQ_NULL : e->date_ns / 1000);
    if (e->md5[0]) {
        sq_jw_key(w, "md5");
        sq_jw_text(w, e->md5);
    }
}

static void add_digest(struct sq_jw *w, const struct sq_digest *d)
{
    sq_jw_key(w, "content");
    sq_jw_text(w, d->content);
    sq_jw_key(w, "state");
    sq_jw_text(w, d->state);
    sq_jw_key(w, "here");
    sq_jw_bool(w, d->here);
    if (!d->md5[0])
        return;
    sq_jw_key(w, "md5");
    sq_jw_text(w, d->md5);
}

void sq_report_done(struct sq_reports *r, int64_t id, const struct sq_answer *a)
{
    struct sq_buf line;
    struct sq_jw w;
    begin(&line, &w, id, "done");
    sq_jw_key(&w, "bytes");
    sq_jw_int(&w, a->bytes);
    add_moved(&w, &a->moved);
    add_source(&w, &a->moved.source);
    if (a->listing[0]) {
        sq_jw_key(&w, "listing");
        sq_jw_text(&w, a->listing);
    }
    if (a->digest.content[0])
        add_digest(&w, &a->digest);
    send(r, &line, &w);
}
