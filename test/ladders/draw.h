// A ladder as a picture: time runs down, one column a party.
#pragma once

#include "ladders/ladder.h"

void put_picture(struct buf *b, struct ladder *l);
// The whole story of a failure: where, what, the picture, the message, the trails.
void put_failure(struct buf *b, struct ladder *l);
