/* What submissions may cost at most is reserved on the day (UTC) on which they are sent, before they
 * are sent; what was found is counted when the result comes. A request keeps what its calls may have
 * cost, and on which day, in its own row; it is reserved as long as the request is queued or
 * pending. So a callback changes a number in memory, and the row of its day is written at the
 * commit, like a counter.
 *
 * A day is begun by a reservation only. What is settled on a day that is no longer kept is not
 * counted: nobody asks for it any more. An erased request leaves its reservation behind: Pronto may
 * have been paid for it. */
#include "store/writer.h"

#include <assert.h>
#include <errno.h>

#define DAY_MS    (INT64_C(24) * 60 * 60 * 1000)
#define DAYS_KEPT 40

static struct credit_day *find_day(struct budget *budget, int64_t day)
{
    for (size_t i = 0; i < budget->n; i++)
        if (budget->days[i].day == day)
            return &budget->days[i];
    return NULL;
}

static struct credit_day read_day(struct query *query)
{
    return (struct credit_day){
        .day = query_int(query, 0), .reserved = query_int(query, 1), .spent = query_int(query, 2)};
}

static int write_day(struct writer *writer, struct credit_day *day)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_CREDIT_DAY);
    int r;

    query_bind_int(&query, day->day);
    query_bind_int(&query, day->reserved);
    query_bind_int(&query, day->spent);
    r = query_run(&query);
    if (r == 0)
        day->dirty = false;
    return r;
}

int budget_load(struct writer *writer)
{
    struct budget budget = {0};
    cleanup_query struct query query = query_start(&writer->database, SQL_GET_CREDIT_DAYS);
    int r;

    query_bind_int(&query, BUDGET_DAYS);
    while ((r = query_step(&query)) > 0)
        budget.days[budget.n++] = read_day(&query);
    if (r == 0)
        writer->budget = budget;
    return r;
}

int budget_flush(struct writer *writer)
{
    for (size_t i = 0; i < writer->budget.n; i++) {
        int r = writer->budget.days[i].dirty ? write_day(writer, &writer->budget.days[i]) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

/* The oldest in memory gives way. */
static int put_day(struct writer *writer, const struct credit_day *day, struct credit_day **ret)
{
    struct budget *budget = &writer->budget;
    struct credit_day *place = &budget->days[0];

    if (budget->n < BUDGET_DAYS) {
        place = &budget->days[budget->n++];
    } else {
        for (size_t i = 1; i < BUDGET_DAYS; i++)
            if (budget->days[i].day < place->day)
                place = &budget->days[i];
        int r = place->dirty ? write_day(writer, place) : 0;
        if (r < 0)
            return r;
    }
    *place = *day;
    *ret = place;
    return 0;
}

/* *ret is NULL when nothing is counted for that day. */
static int get_day(struct writer *writer, int64_t number, struct credit_day **ret)
{
    struct credit_day day;
    int r;

    *ret = find_day(&writer->budget, number);
    if (*ret)
        return 0;
    {
        cleanup_query struct query query = query_start(&writer->database, SQL_GET_CREDIT_DAY);
        query_bind_int(&query, number);
        r = query_step(&query);
        if (r <= 0)
            return r;
        day = read_day(&query);
    }
    return put_day(writer, &day, ret);
}

static int forget_days(struct writer *writer, int64_t oldest, int64_t newest)
{
    struct budget *budget = &writer->budget;
    cleanup_query struct query query = query_start(&writer->database, SQL_DELETE_CREDIT_DAYS);
    size_t n = 0;

    for (size_t i = 0; i < budget->n; i++)
        if (budget->days[i].day >= oldest && budget->days[i].day <= newest)
            budget->days[n++] = budget->days[i];
    budget->n = n;
    query_bind_int(&query, oldest);
    query_bind_int(&query, newest);
    return query_run(&query);
}

static int begin_day(struct writer *writer, int64_t number, struct credit_day **ret)
{
    struct credit_day day = {.day = number};
    int r = get_day(writer, number, ret);

    if (r < 0 || *ret)
        return r;
    r = forget_days(writer, number - DAYS_KEPT, number + DAYS_KEPT);
    return r < 0 ? r : put_day(writer, &day, ret);
}

static int count(struct writer *writer, int64_t number, int64_t reserved, int64_t spent)
{
    struct credit_day *day;
    int r = 0;

    if (reserved == 0 && spent == 0)
        return 0;
    r = reserved > 0 ? begin_day(writer, number, &day) : get_day(writer, number, &day);
    if (r < 0 || day == NULL)
        return r;
    day->reserved += reserved;
    day->spent += spent;
    if (day->reserved < 0) /* begun anew after a wrong clock */
        day->reserved = 0;
    day->dirty = true;
    /* A type that waited for credits may go on. */
    if (reserved + spent < 0 && writer->settings.daily_credits > 0)
        writer->changes.submissions = true;
    return 0;
}

void budget_read(const struct budget *budget, struct store_counts *ret)
{
    const struct credit_day none = {0}, *newest = &none;

    for (size_t i = 0; i < budget->n; i++)
        if (budget->days[i].day > newest->day)
            newest = &budget->days[i];
    ret->credit_day = newest->day;
    ret->credits_reserved = newest->reserved;
    ret->credits_spent = newest->spent;
}

/* What is left of a day; INT64_MAX: no limit. */
static int get_left(struct writer *writer, int64_t number, int64_t *ret)
{
    int64_t limit = writer->settings.daily_credits;
    struct credit_day *day = NULL;
    int r = limit > 0 ? get_day(writer, number, &day) : 0;

    *ret = limit > 0 ? limit : INT64_MAX;
    if (day)
        *ret -= day->reserved + day->spent;
    return r;
}

int budget_room(struct writer *writer, enum enrichment_type type, int64_t now, size_t *ret)
{
    int64_t price = writer->settings.credit_prices[type], left;
    int r = get_left(writer, now / DAY_MS, &left);

    *ret = SIZE_MAX;
    if (price > 0 && left != INT64_MAX)
        *ret = left > 0 ? (size_t)(left / price) : 0;
    return r;
}

static int store_credits(struct writer *writer, const struct request_row *row)
{
    cleanup_query struct query query = query_start(&writer->database, SQL_SET_REQUEST_CREDITS);

    query_bind_int(&query, row->key);
    query_bind_int(&query, row->credits);
    query_bind_int(&query, row->credit_day);
    return query_run(&query);
}

/* An earlier call, of another day, may be paid for only now: what it reserved comes along. Where
 * there is no room for it, it stays behind in its day, as if it had been spent: a request must
 * neither break the day's limit nor wait for a day that never comes. */
static int move_earlier(struct writer *writer, struct request_row *row, int64_t today)
{
    int64_t left;
    int r = get_left(writer, today, &left);

    if (r < 0)
        return r;
    if (left < row->credits) {
        row->credits = 0;
        return 0;
    }
    r = count(writer, row->credit_day, -row->credits, 0);
    return r < 0 ? r : count(writer, today, row->credits, 0);
}

int budget_reserve(struct writer *writer, struct request_row *row, int64_t now)
{
    int64_t price = writer->settings.credit_prices[row->type], today = now / DAY_MS;
    int r;

    if (price == 0)
        return 0;
    r = count(writer, today, price, 0);
    if (r == 0 && row->credits > 0 && row->credit_day != today)
        r = move_earlier(writer, row, today);
    if (r < 0)
        return r;
    row->credits += price;
    row->credit_day = today;
    return store_credits(writer, row);
}

int budget_take_back(struct writer *writer, struct request_row *row, int64_t price)
{
    int r;

    if (price == 0)
        return 0;
    assert(row->credits >= price);
    r = count(writer, row->credit_day, -price, 0);
    if (r < 0)
        return r;
    row->credits -= price;
    return store_credits(writer, row);
}

/* One that failed or expired has been released already; its result may come after all. */
static bool is_reserved(const struct request_row *row)
{
    return row->state == REQUEST_QUEUED || row->state == REQUEST_PENDING;
}

int budget_settle(struct writer *writer, const struct request_row *row, bool found)
{
    return count(writer, row->credit_day, is_reserved(row) ? -row->credits : 0,
                 found ? row->credits : 0);
}

int budget_release(struct writer *writer, const struct request_row *row)
{
    return is_reserved(row) ? count(writer, row->credit_day, -row->credits, 0) : 0;
}
