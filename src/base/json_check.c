/* SPDX-License-Identifier: Apache-2.0 */
/* json_check.c - a recursive descent over JSON's grammar, one byte ahead, straight from the file, so that
 * neither size nor nesting of a hostile file costs memory. */
#include "base/json_check.h"

#include <string.h>

typedef struct scanner {
    FILE *file;
    int next; /* the byte ahead, EOF at the end */
    size_t offset;
    int depth;
} scanner;

static bool value(scanner *s);

static void advance(scanner *s)
{
    s->next = getc(s->file);
    s->offset++;
}

static bool take(scanner *s, int byte)
{
    if (s->next != byte)
        return false;
    advance(s);
    return true;
}

static void skip_space(scanner *s)
{
    while (s->next == ' ' || s->next == '\t' || s->next == '\n' || s->next == '\r')
        advance(s);
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex_digit(int byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool word(scanner *s, const char *rest)
{
    while (*rest)
        if (!take(s, *rest++))
            return false;
    return true;
}

static bool digits(scanner *s)
{
    if (!is_digit(s->next))
        return false;
    while (is_digit(s->next))
        advance(s);
    return true;
}

static bool number(scanner *s)
{
    take(s, '-');
    if (!take(s, '0') && !digits(s)) /* a leading zero stands alone */
        return false;
    if (take(s, '.') && !digits(s))
        return false;
    if (s->next != 'e' && s->next != 'E')
        return true;
    advance(s);
    if (s->next == '+' || s->next == '-')
        advance(s);
    return digits(s);
}

static bool escape(scanner *s)
{
    if (take(s, 'u')) {
        for (int i = 0; i < 4; i++) {
            if (!is_hex_digit(s->next))
                return false;
            advance(s);
        }
        return true;
    }
    if (s->next <= 0 || !strchr("\"\\/bfnrt", s->next))
        return false;
    advance(s);
    return true;
}

static bool string(scanner *s)
{
    if (!take(s, '"'))
        return false;
    while (!take(s, '"')) {
        if (s->next < 0x20) /* control characters, and EOF */
            return false;
        if (take(s, '\\')) {
            if (!escape(s))
                return false;
        } else {
            advance(s);
        }
    }
    return true;
}

static bool member(scanner *s)
{
    skip_space(s);
    if (!string(s))
        return false;
    skip_space(s);
    return take(s, ':') && value(s);
}

/* What lies between the brackets of an array or the braces of an object, and the closing one. */
static bool items(scanner *s, bool (*item)(scanner *s), int closing)
{
    if (s->depth == AQ_JSON_MAX_DEPTH)
        return false;
    s->depth++;
    skip_space(s);
    if (!take(s, closing)) {
        do {
            if (!item(s))
                return false;
            skip_space(s);
        } while (take(s, ','));
        if (!take(s, closing))
            return false;
    }
    s->depth--;
    return true;
}

static bool value(scanner *s)
{
    skip_space(s);
    switch (s->next) {
    case '{':
        advance(s);
        return items(s, member, '}');
    case '[':
        advance(s);
        return items(s, value, ']');
    case '"':
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

bool aq_json_check(FILE *file, size_t *offset)
{
    scanner s = {.file = file, .next = getc(file)};
    bool valid = value(&s);
    if (valid)
        skip_space(&s);
    *offset = s.offset;
    return valid && s.next == EOF;
}
