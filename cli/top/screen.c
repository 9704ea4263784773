/* A title, three lists one below the other, a line for the keys.  The list in use gets
 * what room the others do not need; each scrolls so that its selected row is seen.
 * Nothing that a server says reaches the terminal but printable characters, and all
 * is said without colours. */
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
enum { COLUMN_MOST = 40, GAP = 2 };

static SCREEN *screen;

static bool can_place(void)
{
    const char *how = tigetstr("cup");
    return how && how != (const char *)-1;
}

int sq_top_screen_open(struct sq_err *err)
{
    const char *name = getenv("TERM");
    bool terminal = isatty(0) && isatty(1);
    setlocale(LC_CTYPE, "");
    if (terminal)
        screen = newterm(NULL, stdout, stdin);
    if (screen && !can_place()) {
        sq_top_screen_close();
        screen = NULL;
    }
    if (!terminal)
        return sq_fail(
            err, SQ_EUNSUPPORTED,
            "top needs a terminal: 'scitq-manage batch list' and 'task list' "
            "print the same");
    if (!screen)
        return sq_fail(err, SQ_EUNSUPPORTED,
                       "top needs a terminal that can place its cursor, not TERM=%s: "
                       "'scitq-manage batch list' and 'task list' print the same",
                       name ? name : "");
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

/* One character of a text: its bytes, its columns, and whether a terminal may have
 * it. */
struct glyph {
    size_t bytes;
    int columns;
    bool printable;
};

static struct glyph look_at(const char *text)
{
    mbstate_t state = {0};
    wchar_t c;
    size_t n = mbrtowc(&c, text, MB_CUR_MAX, &state);
    if (n == 0 || n > MB_CUR_MAX)
        return (struct glyph){1, 1, false};
    if (!iswprint((wint_t)c) || wcwidth(c) < 0 || sq_visible_hides((uint32_t)c))
        return (struct glyph){n, 1, false};
    return (struct glyph){n, wcwidth(c), true};
}

/* The columns of a text, counted up to `most`. */
static int columns_of(const char *text, int most)
{
    int columns = 0;
    while (*text && columns < most) {
        struct glyph g = look_at(text);
        columns += g.columns;
        text += g.bytes;
    }
    return columns < most ? columns : most;
}

/* `width` columns, of a text and spaces; what is not printable is `?`. */
static void put(const char *text, int width)
{
    while (*text && width > 0) {
        struct glyph g = look_at(text);
        if (g.columns > width)
            break;
        if (g.printable)
            addnstr(text, (int)g.bytes);
        else
            addch('?');
        text += g.bytes;
        width -= g.columns;
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
            const json_t *row = json_array_get(l->rows, i);
            int n = columns_of(sq_top_cell(row, l->columns[c], cell, sizeof cell),
                               COLUMN_MOST);
            ret[c] = n > ret[c] ? n : ret[c];
        }
        if (!l->columns[c + 1])
            ret[c] = COLS;
    }
}

static void draw_row(const struct sq_top_list *l, const json_t *row, const int *widths)
{
    char cell[CELL_BYTES];
    int left = COLS;
    for (int c = 0; l->columns[c] && left > 0; c++) {
        int width = widths[c] < left ? widths[c] : left;
        int gap = left - width < GAP ? left - width : GAP;
        put(row ? sq_top_cell(row, l->columns[c], cell, sizeof cell) : l->columns[c],
            width);
        put("", gap);
        left -= width + gap;
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
    struct tm tm;
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&t->as_of, &tm));
    snprintf(text, sizeof text, "scitq at %.150s, as of %s", sq_cli_server_name(t->cli),
             when);
    move(0, 0);
    put(text, COLS);
}

/* Line by line; where there is no room for three lists, that in use alone. */
void sq_top_draw(const struct sq_top *t, const char *line)
{
    int room = LINES - 2, top = 1;
    int small = room / SMALL_SHARE > LIST_LEAST ? room / SMALL_SHARE : LIST_LEAST;
    if (room < SQ_TOP_PANES * LIST_LEAST)
        small = 0;
    erase();
    draw_title(t);
    for (int i = 0; i < SQ_TOP_PANES; i++) {
        bool in_use = i == (int)t->pane;
        int height = in_use ? room - (SQ_TOP_PANES - 1) * small : small;
        if (height > 0)
            draw_list(&t->lists[i], in_use, top, height);
        top += height;
    }
    move(LINES - 1, 0);
    put(line ? line
             : "Tab: next list   Up, Down: choose   p: pause   r: resume   k: kill   "
               "q: quit",
        COLS - 1);
    refresh();
}
