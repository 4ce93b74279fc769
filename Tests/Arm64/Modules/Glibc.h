// What the computation and its self-check use of the C library.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
