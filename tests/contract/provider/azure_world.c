/* The mock of Azure for the tests of the azure plugin. */
#include "tests/contract/provider/azure_world.h"

#include <stdio.h>
#include <stdlib.h>

/* As tests/servers/azure_data.py has them. */
const char *const azure_settings[] = {
    "AZURE_SUBSCRIPTION_ID=11111111-2222-3333-4444-555555555555",
    "AZURE_TENANT=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    "AZURE_CLIENT_ID=99999999-8888-7777-6666-555555555555",
    "AZURE_SECRET=sesame~Open.1234567890",
    "AZURE_REGIONS=swedencentral northeurope",
    NULL};

bool azure_start(const char *folder)
{
    static const char *const names[] = {"AZURE_ARM_ENDPOINT", "AZURE_LOGIN_ENDPOINT",
                                        "AZURE_PRICES_ENDPOINT", "AZURE_IMDS_ENDPOINT"};
    char url[100];
    (void)folder;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", mock_start("azure"));
    for (size_t i = 0; i < SQ_LEN(names); i++)
        setenv(names[i], url, 1);
    return true;
}
