/* SPDX-License-Identifier: Apache-2.0 */
/* json_write.h - members of a JSON object as text, in a buffer of fixed size, whatever the locale is. */
#ifndef AQ_BASE_JSON_WRITE_H
#define AQ_BASE_JSON_WRITE_H

#include <stddef.h>
#include <stdint.h>

/* `"bytes":64,"order":"P"`: the inside of an object. Begin with {.length = 0}. A member that does not fit is
 * left out as a whole. */
typedef struct aq_json {
    size_t length;
    char text[1024];
} aq_json;

/* value is shown in ASCII: bytes beyond it and control characters become '?'. Null: no member. */
void aq_json_text(aq_json *json, const char *key, const char *value);
void aq_json_count(aq_json *json, const char *key, int64_t value);
void aq_json_decimal(aq_json *json, const char *key, double value, int digits);

/* value in quotes, as above; cut when size is too small (at least 3). Returns its length. */
size_t aq_json_quote(const char *value, char *text, size_t size);

/* "-12.345": so many digits, 0 to 3, after the point, which is a point in every locale. Values that are no
 * number, or too large to count in thousandths, give "0". Returns text. */
#define AQ_DECIMAL_TEXT 32
char *aq_decimal_text(double value, int digits, char text[AQ_DECIMAL_TEXT]);

#endif
