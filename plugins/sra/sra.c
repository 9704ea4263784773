/* run+fastq://, run+submitted://, fasp://: public sequencing archives, read only.
 *
 * ENA's file report (report.h) says which files a run has, where, and with which MD5.
 * A file is fetched in rounds (rounds.c) over three ways: ENA's FTP or web server, the
 * NCBI's archive through sra-toolkit, Aspera.  What comes from ENA counts only with the
 * size and the MD5 of the report. */
#include "plugins/sra/sra.h"

#include <stdlib.h>

static int sra_open(struct sq_host *host, struct sq_storage **ret, struct sq_err *err)
{
    struct sq_storage *s = calloc(1, sizeof *s);
    if (!s)
        return sq_fail(err, SQ_ENOMEM, "out of memory");
    s->host = host;
    int rc = sra_web_open(s, err);
    if (rc)
        free(s);
    else
        *ret = s;
    return rc;
}

static void sra_close(struct sq_storage *s)
{
    if (!s)
        return;
    sra_web_close(s);
    sra_report_fini(&s->asked.report);
    free(s);
}

static const char *const protocols[] = {"run+fastq", "run+submitted", "fasp", NULL};

static const struct sq_setting settings[] = {
    {"ENA_REPORT_URL", SQ_SETTING_TEXT,
     "https://www.ebi.ac.uk/ena/portal/api/filereport", 0,
     "where ENA's file reports are asked for"},
    {"ENA_PROTOCOL", SQ_SETTING_TEXT, "ftp", 0,
     "by which protocol ENA's files are fetched: ftp, http or https"},
    {"ASPERA_COMMAND", SQ_SETTING_TEXT, "ascp -QT -l 300m -P 33001", 0,
     "the Aspera client and its options, separated by spaces"},
    {"ASPERA_KEY", SQ_SETTING_TEXT, "~/.aspera/connect/etc/asperaweb_id_dsa.openssh", 0,
     "the file of the private key given to the Aspera client; empty: none"},
    {"ASPERA_USER", SQ_SETTING_TEXT, "era-fasp", 0, "the user at the Aspera servers"},
    {"SRA_ROUNDS", SQ_SETTING_INT, "10", 0,
     "how often all ways to a file are tried before it is given up"},
    {"SRA_PAUSE", SQ_SETTING_INT, "5", 0,
     "seconds between the first and the second round; each next pause is twice as "
     "long, "
     "up to a minute"},
    {NULL, SQ_SETTING_TEXT, NULL, 0, NULL},
};

extern const struct sq_storage_ops sra_LTX_sq_storage;
const struct sq_storage_ops sra_LTX_sq_storage = {
    .abi = SQ_STORAGE_ABI,
    .name = "sra",
    .help = "public sequencing runs of ENA and NCBI, read only; @ftp @aspera @sra "
            "@filter_r1",
    .protocols = protocols,
    .settings = settings,
    .open = sra_open,
    .close = sra_close,
    .info = sra_info,
    .list = sra_list,
    .get = sra_get,
    .get_files = sra_get_files,
};
