#include <stddef.h>
char *upper(const char *from, char *to, size_t size);
