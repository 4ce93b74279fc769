// What Glibc's module leaves out of the allocator's interface.
#include <malloc.h>
