// The audit of occupancy: once a minute what calls say they hold is compared with the counters; what is wrong is set
// right, counted and logged by live/occupancy.
#include "run/node_inside.h"

#include "base/log.h"
#include "call/half/call.h"

// Names all that the calls of a worker hold.
static void name_holds(struct member *m, struct job *j)
{
	struct occupancy_audit *audit = j->audit;
	struct call *c;
	uint32_t at = 0;
	while ((c = calls_each(worker_calls(m->worker), &at))) {
		if (c->taken.o_line) occupancy_audit_hold(audit, OCCUPANCY_LINE, c->taken.o_line);
		if (c->taken.t_line) occupancy_audit_hold(audit, OCCUPANCY_LINE, c->taken.t_line);
		if (c->taken.o_trunk) occupancy_audit_hold(audit, OCCUPANCY_TRUNK_GROUP, c->taken.o_trunk);
		if (c->trunk_at) occupancy_audit_hold(audit, OCCUPANCY_TRUNK_GROUP, c->trunk_at);
	}
}

void node_audit(struct node *n)
{
	struct occupancy_audit *audit = occupancy_audit_begin(n->live->occupancy);
	enum err err = audit ? OK : ERR_FULL;
	for (uint32_t i = 0; i < n->worker_count && err == OK; i++) {
		struct job *j = job_new(name_holds);
		if (j) j->audit = audit;
		err = node_ask(n, i, j);
		if (err == OK) job_free(j);
	}
	if (err == OK) occupancy_audit_end(n->live->occupancy, audit);
	else LOG(WARN, "audit_unfinished", LOG_TEXT("not all workers could be asked what their calls hold"),
		LOG_Z("why", err_text(err)));
	// A worker that did not answer in time may still write into it: then it is left where it is.
	if (err == ERR_FULL) occupancy_audit_free(audit);
}
