// The figures that the manual names: runs of one kind, enough of them, and what must come out.
#pragma once

#include <stdint.h>
#include <stdio.h>

// Runs it in `jobs` processes and prints what was reached: 0; 1: less than was promised; 2: no such figure (all are
// listed).
int figure_run(const char *name, uint32_t jobs);
