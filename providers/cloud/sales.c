/* What is sold: sizes, and in which regions each can be had.  A plugin fills it once an
 * instance, from whatever lists its cloud has. */
#include "providers/cloud/cloud.h"

#include <stdlib.h>
#include <string.h>

#define SALES_MAX 100000 /* Azure has some 1,000 sizes and 60 regions */

void sales_free(struct sales *s)
{
    if (!s)
        return;
    free(s->sizes);
    free(s->sales);
    free(s);
}

/* Room for one more; -1: out of memory, or more than we believe. */
static int grow(void **io_rows, size_t n, size_t *io_room, size_t size)
{
    size_t room = *io_room ? *io_room * 2 : 64;
    void *rows;
    if (n < *io_room)
        return 0;
    rows = room <= SALES_MAX ? realloc(*io_rows, room * size) : NULL;
    if (!rows)
        return -1;
    *io_rows = rows;
    *io_room = room;
    return 0;
}

/* n_sizes: there is none of that name. */
static size_t size_index(const struct sales *s, const char *name)
{
    size_t i = 0;
    while (i < s->n_sizes && (s->any_case ? strcasecmp(s->sizes[i].name, name)
                                          : strcmp(s->sizes[i].name, name)) != 0)
        i++;
    return i;
}

static struct sale *sale_of(struct sales *s, size_t size, const char *region)
{
    for (size_t i = 0; i < s->n_sales; i++)
        if (s->sales[i].size == size && strcmp(s->sales[i].region, region) == 0)
            return &s->sales[i];
    return NULL;
}

struct sale *sales_find(struct sales *s, const char *size, const char *region)
{
    size_t i = size_index(s, size);
    return i < s->n_sizes ? sale_of(s, i, region) : NULL;
}

int sales_add(struct sales *s, const struct size *size, const char *region, double cost,
              struct sq_err *err)
{
    size_t i = size_index(s, size->name);
    if (grow((void **)&s->sizes, s->n_sizes, &s->room_sizes, sizeof *s->sizes) ||
        grow((void **)&s->sales, s->n_sales, &s->room_sales, sizeof *s->sales))
        return no_memory(err);
    if (i == s->n_sizes)
        s->sizes[s->n_sizes++] = *size;
    if (sale_of(s, i, region))
        return 0;
    s->sales[s->n_sales] = (struct sale){.size = i, .cost = cost};
    copy(s->sales[s->n_sales++].region, SQ_WORD_SIZE, region);
    return 0;
}

int sales_flavors(const struct sales *s, sq_flavor_fn each, void *arg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_sizes; i++) {
        const struct size *size = &s->sizes[i];
        struct sq_flavor f = {.name = size->name,
                              .cpu = size->cpu,
                              .ram_gb = size->ram_gb,
                              .disk_gb = size->disk_gb,
                              .gpu = size->gpu,
                              .gpumem_gb = size->gpumem_gb,
                              .tags = size->tags};
        rc = each(arg, &f);
    }
    return rc;
}

int sales_offers(const struct sales *s, bool priced, sq_offer_fn each, void *arg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_sales; i++) {
        const struct sale *sale = &s->sales[i];
        struct sq_offer o = {.flavor = s->sizes[sale->size].name,
                             .region = sale->region,
                             .cost = sale->cost,
                             .eviction = sale->eviction};
        if (sale->cost > 0 || !priced)
            rc = each(arg, &o);
    }
    return rc;
}
