#include <stdio.h>
#include "words.h"

int main(int argc, char **argv) {
    char name[64];
    printf("hello, %s\n", upper(argc > 1 ? argv[1] : "nobody", name, sizeof name));
    return 0;
}
