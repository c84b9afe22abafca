// What a trunk group says to who challenges us.
#pragma once

#include "office/office.h"
#include "wire/sip/login.h"

// False: it has no user. Borrows from the group.
bool credentials_of(struct sip_login *out, const struct office_trunk_group *g);
