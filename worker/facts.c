/* Asked of the kernel each time: a machine may have grown since.  What cannot be known
 * is null. */
#include "worker/facts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

enum { MODELS_BYTES = 900, LINE_BYTES = 300 }; /* the server takes 1,000 */

/* "Model: \t\t NVIDIA A100-SXM4-40GB" of one device's file. */
static void add_model(const char *folder, const char *device, struct sq_buf *models)
{
    char path[600], line[LINE_BYTES];
    snprintf(path, sizeof path, "%s/%s/information", folder, device);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "Model:", 6) != 0)
            continue;
        const char *model = line + 6 + strspn(line + 6, " \t");
        sq_buf_addf(models, "%s%.*s", models->len ? "," : "", (int)strcspn(model, "\n"),
                    model);
    }
    if (f)
        fclose(f);
}

static void write_gpus(struct sq_jw *w, const char *folder)
{
    SQ_CLEANUP(sq_buf_fini) struct sq_buf models;
    struct dirent **devices;
    sq_buf_init(&models, MODELS_BYTES);
    sq_buf_adds(&models, "");
    int n = scandir(folder, &devices, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (devices[i]->d_name[0] != '.')
            add_model(folder, devices[i]->d_name, &models);
        free(devices[i]);
    }
    if (n >= 0)
        free(devices);
    sq_jw_key(w, "gpu");
    sq_jw_text(w, models.data ? models.data : "");
}

void sq_facts_write(struct sq_jw *w, const char *base_workdir, const char *gpus)
{
    struct sysinfo si;
    struct statvfs disk;
    sq_jw_key(w, "facts");
    sq_jw_open(w, '{');
    sq_jw_key(w, "cores");
    sq_jw_int(w, get_nprocs());
    sq_jw_key(w, "memory_bytes");
    sq_jw_int(w, sysinfo(&si) == 0 ? (int64_t)si.totalram * si.mem_unit : SQ_NULL);
    sq_jw_key(w, "disk_bytes");
    sq_jw_int(w, statvfs(base_workdir, &disk) == 0
                     ? (int64_t)(disk.f_blocks * disk.f_frsize)
                     : SQ_NULL);
    write_gpus(w, gpus);
    sq_jw_close(w);
}
