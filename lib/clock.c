/* Clocks, and times to and from text.
 *
 * Written by hand instead of with gmtime and strftime: a list of 10,000 tasks formats
 * 30,000 times, and libc takes its time zone lock for each.  The calendar counts years
 * from March, so that the leap day is the last of its year and months follow one
 * linear rule (153 days every five months). */
#include "lib/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define US INT64_C(1000000)
enum { DAY_S = 86400, ERA_DAYS = 146097, ERA_YEARS = 400 };
/* Days from 0000-03-01 to 1970-01-01. */
enum { EPOCH_DAYS = 719468 };

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * US + t.tv_nsec / 1000;
}

int64_t sq_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t sq_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

struct date {
    int64_t year;
    int month, day;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* `days` since 1970-01-01. */
static struct date date_of_days(int64_t days)
{
    days += EPOCH_DAYS;
    int64_t era = floor_div(days, ERA_DAYS);
    int day_of_era = (int)(days - era * ERA_DAYS);
    int leaps = day_of_era / 1460 - day_of_era / 36524 + day_of_era / 146096;
    int year_of_era = (day_of_era - leaps) / 365;
    int day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int from_march = (5 * day_of_year + 2) / 153;
    struct date d = {.day = day_of_year - (153 * from_march + 2) / 5 + 1};
    d.month = from_march < 10 ? from_march + 3 : from_march - 9;
    d.year = era * ERA_YEARS + year_of_era + (d.month <= 2);
    return d;
}

static int64_t days_of_date(struct date d)
{
    int64_t year = d.year - (d.month <= 2);
    int64_t era = floor_div(year, ERA_YEARS);
    int64_t year_of_era = year - era * ERA_YEARS;
    int from_march = d.month > 2 ? d.month - 3 : d.month + 9;
    int64_t day_of_year = (153 * from_march + 2) / 5 + d.day - 1;
    return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - EPOCH_DAYS;
}

/* Write `v` in exactly `width` digits; returns the end. */
static char *digits(char *p, int v, int width)
{
    for (int i = width - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + width;
}

const char *sq_time_format(int64_t time_us, char separator, char text[SQ_TIME_TEXT])
{
    text[0] = 0;
    if (time_us == SQ_NULL)
        return text;
    int64_t seconds = floor_div(time_us, US);
    int64_t days = floor_div(seconds, DAY_S);
    int us = (int)((time_us % US + US) % US), s = (int)(seconds - days * DAY_S);
    struct date d = date_of_days(days);
    char *p = text;
    if (d.year >= 0 && d.year <= 9999)
        p = digits(p, (int)d.year, 4);
    else
        p += snprintf(p, 12, "%lld", (long long)d.year);
    *p++ = '-';
    p = digits(p, d.month, 2);
    *p++ = '-';
    p = digits(p, d.day, 2);
    *p++ = separator;
    p = digits(p, s / 3600, 2);
    *p++ = ':';
    p = digits(p, s / 60 % 60, 2);
    *p++ = ':';
    p = digits(p, s % 60, 2);
    if (us) {
        *p++ = '.';
        p = digits(p, us, 6);
    }
    *p = 0;
    return text;
}

/* Read exactly `width` digits; -1 when there are fewer. */
static int number(const char **p, int width)
{
    int v = 0;
    for (int i = 0; i < width; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        v = v * 10 + (**p - '0');
    }
    return v;
}

static bool skip(const char **p, const char *any_of)
{
    if (!**p || !strchr(any_of, **p))
        return false;
    (*p)++;
    return true;
}

static int month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool parse_date(const char **p, struct date *d)
{
    d->year = number(p, 4);
    if (d->year < 0 || !skip(p, "-"))
        return false;
    d->month = number(p, 2);
    if (d->month < 1 || d->month > 12 || !skip(p, "-"))
        return false;
    d->day = number(p, 2);
    return d->day >= 1 && d->day <= month_days(d->year, d->month);
}

static bool parse_clock(const char **p, int *ret_s)
{
    int h = number(p, 2);
    if (h < 0 || h > 23 || !skip(p, ":"))
        return false;
    int m = number(p, 2);
    if (m < 0 || m > 59 || !skip(p, ":"))
        return false;
    int s = number(p, 2);
    *ret_s = (h * 60 + m) * 60 + s;
    return s >= 0 && s <= 59;
}

static bool parse_decimals(const char **p, int *ret_us)
{
    *ret_us = 0;
    if (!skip(p, "."))
        return true;
    int n = 0;
    for (; n < 6 && **p >= '0' && **p <= '9'; n++, (*p)++)
        *ret_us = *ret_us * 10 + (**p - '0');
    if (n == 0)
        return false;
    for (; n < 6; n++)
        *ret_us *= 10;
    return true;
}

bool sq_time_parse(const char *text, int64_t *ret)
{
    struct date d;
    int s, us;
    const char *p = text;
    if (!parse_date(&p, &d) || !skip(&p, "T ") || !parse_clock(&p, &s) ||
        !parse_decimals(&p, &us))
        return false;
    if (*p && strcmp(p, "Z") != 0 && strcmp(p, "+00:00") != 0)
        return false;
    *ret = (days_of_date(d) * DAY_S + s) * US + us;
    return true;
}
