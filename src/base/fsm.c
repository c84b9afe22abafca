// The state machine engine.
#include "base/fsm.h"

static const struct fsm_row *find(const struct fsm *m, uint32_t state, uint32_t event)
{
	for (uint32_t i = 0; i < m->row_count; i++)
		if (m->rows[i].event == event && (m->rows[i].in >> state & 1)) return &m->rows[i];
	return NULL;
}

const struct fsm_row *fsm_step(const struct fsm *m, uint8_t *state, uint32_t event)
{
	const struct fsm_row *row = find(m, *state, event);
	if (!row) {
		if (m->dropped) count_add(m->dropped, 1);
		return NULL;
	}
	if (row->next != FSM_SAME) *state = row->next;
	return row;
}

void fsm_print(struct buf *b, const struct fsm *m)
{
	put_fmt(b, "| %s |", m->name);
	for (uint32_t e = 0; e < m->event_count; e++) put_fmt(b, " %s |", m->events[e]);
	put_z(b, "\n|---|");
	for (uint32_t e = 0; e < m->event_count; e++) put_z(b, "---|");
	put_c(b, '\n');
	for (uint32_t s = 0; s < m->state_count; s++) {
		put_fmt(b, "| %s |", m->states[s]);
		for (uint32_t e = 0; e < m->event_count; e++) {
			const struct fsm_row *row = find(m, s, e);
			if (!row) put_z(b, " - |");
			else put_fmt(b, " %s: %s |", m->states[row->next == FSM_SAME ? s : row->next], m->actions[row->action]);
		}
		put_c(b, '\n');
	}
}
