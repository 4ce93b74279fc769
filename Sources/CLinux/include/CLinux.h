#pragma once
// What Swift's Glibc module leaves out: headers that it does not name, and a function of variable arguments.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

/// Lets timers of the calling thread lapse at most so many nanoseconds late. The system's own choice is 50,000.
static inline void set_timer_slack(unsigned long nanoseconds) { prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0); }

/// Has the calling process killed when the thread that started it ends.
static inline void end_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }
