/* A title, three lists one below the other, a line for the keys.  The list in use gets
 * what room the others do not need; each scrolls so that its selected row is seen.
 * Nothing that a server says reaches the terminal but printable characters. */
#include "cli/top/screen.h"

#include <curses.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "lib/visible.h"

enum { CELL_BYTES = 600, LIST_LEAST = 3, SMALL_SHARE = 4 };

static SCREEN *screen;

int sq_top_screen_open(struct sq_err *err)
{
    const char *name = getenv("TERM");
    setlocale(LC_CTYPE, "");
    if (isatty(0) && isatty(1))
        screen = newterm(NULL, stdout, stdin);
    if (!screen)
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "top needs a terminal%s%s: 'scitq-manage batch list' and 'task "
                       "list' print the same",
                       name ? ", not " : "", name ? name : "");
    cbreak();
    noecho();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    curs_set(0);
    return 0;
}

void sq_top_screen_close(void)
{
    if (!screen)
        return;
    endwin();
    delscreen(screen);
    screen = NULL;
}

int sq_top_key(void)
{
    int key = getch();
    return key == ERR ? -1 : key;
}

/* At most `width` columns of a text; what is not printable is `?`. */
static void put(const char *text, int width)
{
    mbstate_t state = {0};
    while (*text && width > 0) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, MB_CUR_MAX, &state);
        bool bad = n == 0 || n > MB_CUR_MAX || !iswprint((wint_t)c) ||
                   sq_visible_hides((uint32_t)c);
        if (n == 0 || n > MB_CUR_MAX) {
            n = 1;
            memset(&state, 0, sizeof state);
        }
        int columns = bad ? 1 : wcwidth(c);
        if (columns > width)
            break;
        if (bad)
            addch('?');
        else
            addnstr(text, (int)n);
        text += n;
        width -= columns > 0 ? columns : 0;
    }
    while (width-- > 0)
        addch(' ');
}

/* Each column as wide as its widest cell, the last one takes the rest. */
static void measure(const struct sq_top_list *l, int *ret)
{
    char cell[CELL_BYTES];
    for (int c = 0; l->columns[c]; c++) {
        ret[c] = (int)strlen(l->columns[c]);
        for (size_t i = 0; i < json_array_size(l->rows); i++) {
            size_t n = strlen(
                sq_top_cell(json_array_get(l->rows, i), l->columns[c], cell, 41));
            ret[c] = (int)n > ret[c] ? (int)n : ret[c];
        }
        if (!l->columns[c + 1])
            ret[c] = COLS;
    }
}

static void draw_row(const struct sq_top_list *l, const json_t *row, const int *widths)
{
    char cell[CELL_BYTES];
    for (int c = 0; l->columns[c]; c++) {
        int left = COLS - getcurx(stdscr), width = widths[c] + 2;
        if (left <= 1)
            return;
        put(row ? sq_top_cell(row, l->columns[c], cell, sizeof cell) : l->columns[c],
            width < left ? width : left);
    }
}

/* From line `top`, `height` lines: the title, the columns, the rows. */
static void draw_list(const struct sq_top_list *l, bool in_use, int top, int height)
{
    int widths[SQ_TOP_COLUMNS + 1];
    size_t n = json_array_size(l->rows), rows = height > 2 ? (size_t)height - 2 : 0;
    size_t first = l->selected >= rows ? l->selected - rows + 1 : 0;
    char title[80];
    snprintf(title, sizeof title, " %s: %zu%s", l->title, n,
             n == SQ_TOP_ROWS_MAX ? " or more" : "");
    measure(l, widths);
    attron(in_use ? A_REVERSE | A_BOLD : A_REVERSE);
    move(top, 0);
    put(title, COLS);
    attroff(A_REVERSE | A_BOLD);
    if (height > 1) {
        attron(A_BOLD);
        move(top + 1, 0);
        draw_row(l, NULL, widths);
        attroff(A_BOLD);
    }
    for (size_t i = 0; i < rows && first + i < n; i++) {
        bool selected = in_use && first + i == l->selected;
        attron(selected ? A_STANDOUT : A_NORMAL);
        move(top + 2 + (int)i, 0);
        draw_row(l, json_array_get(l->rows, first + i), widths);
        attroff(A_STANDOUT);
    }
}

static void draw_title(const struct sq_top *t)
{
    char text[200], when[20];
    time_t now = time(NULL);
    struct tm tm;
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&now, &tm));
    snprintf(text, sizeof text, "scitq, %s", when);
    move(0, 0);
    put(text, COLS);
}

void sq_top_draw(const struct sq_top *t, const char *line)
{
    int room = LINES - 2, top = 1;
    int small = room / SMALL_SHARE > LIST_LEAST ? room / SMALL_SHARE : LIST_LEAST;
    erase();
    draw_title(t);
    for (int i = 0; i < SQ_TOP_PANES; i++) {
        const struct sq_top_list *l = &t->lists[i];
        bool in_use = i == (int)t->pane;
        int height = in_use ? room - (SQ_TOP_PANES - 1) * small : small;
        if (top + height <= LINES - 1)
            draw_list(l, in_use, top, height);
        top += height;
    }
    move(LINES - 1, 0);
    put(line ? line
             : "Tab: next list   Up, Down: choose   p: pause   r: resume   k: kill   "
               "q: quit",
        COLS - 1);
    refresh();
}
