// The package manager wants a source file for a C target; all of it is in the header.
#include "CKernelShims.h"
