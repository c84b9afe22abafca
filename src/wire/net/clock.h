// The clocks of the system. Everything else gets the time in env; only this folder, keep/ and run/ ask.
#pragma once

#include <stdint.h>

// Since some moment in the past, never jumping: for timers and durations.
uint64_t clock_monotonic_ms(void);
// UTC since 1970, as the system believes: for people and records. It may jump.
uint64_t clock_wall_ms(void);
