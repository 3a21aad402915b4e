#include <ctype.h>
#include "words.h"

char *upper(const char *from, char *to, size_t size) {
    size_t i = 0;
    for (; from[i] != 0 && i + 1 < size; i++) to[i] = (char)toupper((unsigned char)from[i]);
    to[i] = 0;
    return to;
}
