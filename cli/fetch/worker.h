/* scitq-fetch --worker: a list of jobs in, their progress and ends out.
 *
 * Standard input, one JSON document to its end:
 *   {"jobs":[{"id":1,"op":"get","uri":"s3://b/x.tgz|untar","to":"/abs/folder"},
 *            {"id":2,"op":"put","from":"/abs/folder","uri":"s3://b/o/","hash":true},
 *            {"id":7,"op":"check","uri":"s3://b/o/"},
 *            {"id":3,"op":"info","uri":"…"}, {"id":4,"op":"hash","uri":"…"},
 *            {"id":5,"op":"hash","uri":"s3://b/o/","names":"a b%20c"},
 *            {"id":6,"op":"copy","uri":"s3://b/o/","names":"a","to":"s3://b/p/"}],
 *    "timeout_s":600}
 * Standard output, one JSON object a line:
 *   {"id":1,"event":"progress","bytes":N,"total":N|null}      at most one a second
 *   {"id":1,"event":"done","bytes":N,"files":N,"skipped":["link"],
 *    "skipped_more":N,"source_date":"…"|null,"source_size":N|null}
 *   skipped: the first names, then how many more; a line has 1 MiB at most
 *   info of a file: source_date, source_size; of a folder: "listing":"…", another text
 *   when a name, size or date in it is another
 *   hash: "content":"…","state":"…","here":true|false, of a file "md5":"…" (digest.h);
 *   with "names", as output_files lists them, of these files of the folder alone;
 *   the same of what a folder's "put" with "hash" stored
 *   {"id":1,"event":"failed","message":"…","code":"SQ_ENOENT","retry":true|false}
 * "check" fails when nothing can ever be stored in the folder: the remote is unknown, a
 * file has its name…; what may pass, or cannot be told, is "done".
 * "copy" stays on one storage.  "put" stores a folder's tree; a file, or a link
 * at the end of `to` or `from`, is refused.  What "get" brings takes no
 * other file's place, unless it is the same; two jobs that bring one name into one `to`
 * both fail before anything is moved.  Exit 0 when every job was answered, be it by
 * "failed"; SIGTERM answers them all as canceled, exit 1. */
#ifndef SQ_CLI_FETCH_WORKER_H
#define SQ_CLI_FETCH_WORKER_H

#include "cli/fetch/job.h"

/* The exit code. */
int sq_fetch_worker(struct sq_fetch *f);

#endif
