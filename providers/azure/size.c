/* One size of machine, from the row of the SKUs' list that tells it: its capabilities
 * are names and values, all texts
 * (learn.microsoft.com/rest/api/compute/resource-skus/list).
 */
#include "providers/azure/azure.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of a capability, "" where there is none. */
static const char *capability(const json_t *sku, const char *name)
{
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(sku, "capabilities"), i, row)
    {
        if (strcmp(text_of(row, "name"), name) == 0)
            return text_of(row, "value");
    }
    return "";
}

/* Not sold in the region to this subscription.  Restrictions of type Zone do not touch
 * machines that ask for none. */
static bool is_restricted(const json_t *sku, const char *region)
{
    const json_t *row, *value;
    size_t i, j;
    json_array_foreach(json_object_get(sku, "restrictions"), i, row)
    {
        if (strcasecmp(text_of(row, "type"), "Location") != 0)
            continue;
        json_array_foreach(json_object_get(row, "values"), j, value)
        {
            if (strcasecmp(json_string_value(value) ? json_string_value(value) : "",
                           region) == 0)
                return true;
        }
    }
    return false;
}

static bool boots(const char *generations, const char *image)
{
    /* Images name the second generation in their sku; what does not is of the first. */
    return strstr(generations, strstr(image, "gen2") ? "V2" : "V1") != NULL;
}

bool size_fits(const struct sq_provider *p, const json_t *sku, const char *region)
{
    const char *cpu = capability(sku, "CpuArchitectureType");
    bool gpu = atoi(capability(sku, "GPUs")) > 0;
    if (strcmp(text_of(sku, "resourceType"), "virtualMachines") != 0 ||
        is_restricted(sku, region) || atoi(capability(sku, "vCPUs")) < 1)
        return false;
    if (p->spot && strcasecmp(capability(sku, "LowPriorityCapable"), "True") != 0)
        return false;
    if (strncmp(p->disk, "Premium", 7) == 0 &&
        strcasecmp(capability(sku, "PremiumIO"), "True") != 0)
        return false;
    /* The worker is built for Intel's; confidential machines want a profile of their
     * own. */
    if ((*cpu && strcasecmp(cpu, "x64") != 0) ||
        *capability(sku, "ConfidentialComputingType"))
        return false;
    return boots(capability(sku, "HyperVGenerations"), gpu ? p->gpu_image : p->image);
}

/* The list tells how many GPUs, not which (learn.microsoft.com/azure/virtual-machines/
 * sizes-gpu).  The first row that fits. */
static const struct {
    const char *sizes, *model;
    double gb;
} gpus[] = {
    {"Standard_*_T4_v3", "Tesla T4", 16},   {"Standard_ND96amsr_A100_v4", "A100", 80},
    {"Standard_ND96asr*_v4", "A100", 40},   {"Standard_*_A100_v4", "A100", 80},
    {"Standard_NC*_H100_v5", "H100", 94},   {"Standard_*_H100_v5", "H100", 80},
    {"Standard_*_H200_v5", "H200", 141},    {"Standard_NV6ads_A10_v5", "A10", 4},
    {"Standard_NV12ads_A10_v5", "A10", 8},  {"Standard_NV18ads_A10_v5", "A10", 12},
    {"Standard_*_A10_v5", "A10", 24},       {"Standard_ND40rs_v2", "Tesla V100", 32},
    {"Standard_NC*s_v3", "Tesla V100", 16}, {"Standard_NC*s_v2", "Tesla P100", 16},
    {"Standard_ND*s", "Tesla P40", 24},     {"Standard_NV*s_v3", "Tesla M60", 8},
};

/* "2 x Tesla V100", and the memory of one. */
static void read_gpu(int n, struct size *ret)
{
    const char *model = "GPU";
    for (size_t i = 0; i < sizeof gpus / sizeof *gpus; i++)
        if (fnmatch(gpus[i].sizes, ret->name, 0) == 0) {
            model = gpus[i].model;
            ret->gpumem_gb = gpus[i].gb;
            break;
        }
    snprintf(ret->gpu, sizeof ret->gpu, "%d x %s", n, model);
}

void size_read(const json_t *sku, struct size *ret)
{
    const char *cpu = capability(sku, "vCPUsAvailable");
    double temporary_gb = atof(capability(sku, "MaxResourceVolumeMB")) / 1024;
    double nvme_gb = atof(capability(sku, "NvmeDiskSizeInMiB")) / 1024;
    int n_gpus = atoi(capability(sku, "GPUs"));
    *ret = (struct size){0};
    copy(ret->name, sizeof ret->name, text_of(sku, "name"));
    ret->cpu = atoi(*cpu ? cpu : capability(sku, "vCPUs"));
    ret->ram_gb = atof(capability(sku, "MemoryGB"));
    /* The largest disk is scratch: at least that of the system, which the image makes
     * 30 GB. */
    ret->disk_gb = nvme_gb > temporary_gb ? nvme_gb : temporary_gb;
    if (ret->disk_gb < 30)
        ret->disk_gb = 30;
    if (n_gpus > 0) {
        read_gpu(n_gpus, ret);
        strcat(ret->tags, "G");
    }
    if (nvme_gb > 0)
        strcat(ret->tags, "N");
}
