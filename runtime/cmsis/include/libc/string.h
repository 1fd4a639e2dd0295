/* What CMSIS-DSP calls of a C library's string.h; Rust's compiler-builtins has the functions. */
#ifndef SEDGE_STRING_H
#define SEDGE_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);

#endif
