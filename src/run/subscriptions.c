// The life of a subscription: a table, its NOTIFYs, and what decides when one is due.
#include "run/subscriptions.h"

#include "base/fsm.h"

COUNTER(subscription_dropped, "Events of subscriptions without a row in their table");
COUNTER(subscriptions_begun, "Subscriptions that were accepted");
COUNTER(subscriptions_lost, "Subscriptions that ended because the phone did not answer, or did not know them");
COUNTER(subscriptions_notified, "NOTIFYs sent");
COUNTER(subscriptions_refused_notify, "NOTIFYs that phones refused without ending the subscription");
COUNTER(subscriptions_unkept, "Subscriptions that will not be known after a restart: their texts are too long");
COUNTER(subscriptions_unsent, "NOTIFYs that could not be written or sent; they are tried again");

#define MARK (1ull << 62) // of owners of transactions: base/pool leaves the bit free
#define NOTIFY_ROOM 24576u
#define AT_ONCE 50        // NOTIFYs of one turn
#define AT_ONCE_PAUSE_MS 10
#define SHARES 20         // in which all are looked at within SUBSCRIPTION_LOOK_MS
#define NO_ROOM_MS 100    // while the stack is nearly full

#define ACTIONS(X) X(none) X(notify) X(owe) X(rest) X(rest_longer) X(look) X(last) X(lose) X(forget)
#define DO_ENUM(name) DO_##name,
enum { ACTIONS(DO_ENUM) DO_COUNT };

#define S(state) IN(SUBSCRIPTION_##state)
#define ROW(in, event, next, action, clause) { in, SUBSCRIPTION_EV_##event, next, DO_##action, clause }
#define TO(state) SUBSCRIPTION_##state
static const struct fsm_row rows[] = {
	ROW(S(NEW) | S(CURRENT) | S(RESTING), SUBSCRIBE, TO(TELLING), notify, "RFC 6665 4.2.1.2"),
	ROW(S(NEW), RESTORED, TO(CURRENT), look, "of before a restart"),
	ROW(S(TELLING), SUBSCRIBE, FSM_SAME, owe, "RFC 6665 4.2.1.2: after the one that is out"),
	ROW(S(NEW) | S(CURRENT) | S(RESTING), END, TO(LAST), last, "RFC 6665 4.2.1.4, 4.2.2"),
	ROW(S(TELLING), END, TO(CLOSING), none, "the last one waits for the one that is out"),
	ROW(S(CURRENT), CHANGED, TO(TELLING), notify, "RFC 6665 4.2.2"),
	ROW(S(TELLING) | S(RESTING), CHANGED, FSM_SAME, none, "looked at when it has rested"),
	ROW(S(TELLING), ANSWERED, TO(RESTING), rest, "RFC 4235 3.10"),
	ROW(S(TELLING), ASKED_AGAIN, TO(TELLING), notify, "RFC 6665 4.2.1.2"),
	ROW(S(TELLING), REFUSED, TO(RESTING), rest_longer, "RFC 6665 4.2.2"),
	ROW(S(TELLING) | S(CLOSING), UNKNOWN, TO(OVER), lose, "RFC 6665 4.2.2, RFC 5057"),
	ROW(S(RESTING), RESTED, TO(CURRENT), look, "RFC 4235 3.10"),
	ROW(S(CLOSING), ANSWERED, TO(LAST), last, "RFC 6665 4.2.2"),
	ROW(S(CLOSING), REFUSED, TO(LAST), last, ""),
	ROW(S(LAST), ANSWERED, TO(OVER), forget, "RFC 6665 4.2.2"),
	ROW(S(LAST), REFUSED, TO(OVER), forget, ""),
	ROW(S(LAST), UNKNOWN, TO(OVER), forget, ""),
	// Over already, and being told so.
	ROW(S(CLOSING) | S(LAST), END, FSM_SAME, none, ""),
	ROW(S(CLOSING) | S(LAST), CHANGED, FSM_SAME, none, ""),
};

static const char *const state_names[] = { SUBSCRIPTION_STATES(FSM_NAME) };
static const char *const event_names[] = { SUBSCRIPTION_EVENTS(FSM_NAME) };
static const char *const action_names[] = { ACTIONS(FSM_NAME) };

const struct fsm subscription_machine = {
	.name = "subscription", .rows = rows, .row_count = ARRAY_LEN(rows),
	.states = state_names, .events = event_names, .actions = action_names,
	.state_count = SUBSCRIPTION_STATE_COUNT, .event_count = SUBSCRIPTION_EVENT_COUNT,
	.dropped = &counter_subscription_dropped,
};

enum subscription_timer { TIMER_EXPIRES, TIMER_REST };

static void step(struct subscription *sub, enum subscription_event event);

static ref ref_of(const struct subscription *sub)
{
	return pool_ref(&sub->all->pool, sub);
}

// ---- NOTIFY ---------------------------------------------------------------------------------------------------------

// The URI between the angle brackets of a name-addr.
static struct str uri_inside(struct str name_addr)
{
	struct str rest = name_addr;
	str_cut(&rest, '<');
	return str_cut(&rest, '>');
}

static struct event_view view_of(const struct subscription *sub)
{
	const struct subscriptions_setup *s = &sub->all->setup;
	// CSeq of the NOTIFY in which it goes, which is the next, counted from 0 (RFC 4235 4.1).
	return (struct event_view){ .line = sub->line, .live = s->auth->live, .now_ms = s->env->now_ms,
		.entity = uri_inside(sub->dialog.local_uri), .realm = str_from(office_rules(s->auth->office)->realm),
		.version = sub->dialog.local_cseq };
}

static void put_state(struct buf *b, const struct subscription *sub)
{
	uint64_t now_ms = sub->all->setup.env->now_ms;
	put_fmt(b, "Event: %.*s", STR_FMT(event_package_name(sub->package)));
	if (sub->event_id[0]) put_fmt(b, ";id=%s", sub->event_id);
	put_z(b, "\r\nSubscription-State: ");
	if (sub->reason) put_fmt(b, "terminated;reason=%s\r\n", sub->reason);
	else put_fmt(b, "active;expires=%u\r\n", (uint32_t)((sub->expires_ms - now_ms + 999) / 1000));
}

static struct str write_notify(struct subscription *sub, struct str branch)
{
	const struct subscriptions_setup *s = &sub->all->setup;
	char contact[96];
	struct buf c = buf_on(contact, sizeof contact);
	char *head_room = arena_alloc(&s->env->scratch, NOTIFY_ROOM), *body_room = arena_alloc(&s->env->scratch, NOTIFY_ROOM);
	if (!head_room || !body_room) return STR("");
	struct buf b = buf_on(head_room, NOTIFY_ROOM), body = buf_on(body_room, NOTIFY_ROOM);
	const struct addr *me = &s->listeners[sub->dialog.flow_listener];
	const struct event_view view = view_of(sub);
	put_z(&c, "<sip:dialtone@");
	put_uri_addr(&c, me);
	put_c(&c, '>');
	put_event_body(&body, sub->package, &view);
	put_sip_dialog_request(&b, &sub->dialog, &(struct sip_dialog_request){ .method = SIP_NOTIFY, .sent_by = *me,
		.branch = branch, .contact = buf_str(&c) });
	put_state(&b, sub);
	put_sip_body(&b, event_package_type(sub->package), buf_str(&body));
	sub->told = event_print(sub->package, &view);
	return b.err == OK && body.err == OK && c.err == OK ? buf_str(&b) : STR("");
}

static bool send_notify(struct subscription *sub)
{
	const struct subscriptions_setup *s = &sub->all->setup;
	const struct sip_dialog *d = &sub->dialog;
	arena_reset(&s->env->scratch); // each is an event of its own
	struct str branch = sip_stack_branch(s->stack);
	struct str text = write_notify(sub, branch);
	const struct sip_client_request r = { .method = SIP_NOTIFY, .branch = branch, .message = text,
		.identity = { d->local_tag, d->call_id, d->local_cseq, d->remote_tag }, .to = d->flow_peer,
		.listener = d->flow_listener, .owner = MARK | ref_of(sub) };
	sub->told_ms = s->env->now_ms;
	if (text.n && sip_client_send(&sub->notify_txn, s->stack, &r) == OK) {
		COUNT(subscriptions_notified);
		return true;
	}
	COUNT(subscriptions_unsent);
	sub->notify_txn = 0;
	return false;
}

// ---- Actions --------------------------------------------------------------------------------------------------------

static void do_notify(struct subscription *sub)
{
	sub->asked_again = false;
	wheel_stop(&sub->all->wheel, &sub->rest);
	if (!send_notify(sub)) step(sub, SUBSCRIPTION_EV_REFUSED);
}

static void do_owe(struct subscription *sub)
{
	sub->asked_again = true;
}

static void rest_until(struct subscription *sub, uint64_t at_ms)
{
	wheel_start(&sub->all->wheel, &sub->rest, at_ms, TIMER_REST, ref_of(sub));
}

static void do_rest(struct subscription *sub)
{
	rest_until(sub, sub->told_ms + NOTIFY_REST_MS);
}

static void do_rest_longer(struct subscription *sub)
{
	sub->told = 0;
	rest_until(sub, sub->all->setup.env->now_ms + (sub->later_ms ? sub->later_ms : NOTIFY_LATER_MS));
}

static void look_at(struct subscription *sub)
{
	if (sub->due.next == &sub->due) list_add_last(&sub->all->due, &sub->due);
}

static void do_last(struct subscription *sub)
{
	wheel_stop(&sub->all->wheel, &sub->rest);
	wheel_stop(&sub->all->wheel, &sub->expires);
	if (!send_notify(sub)) step(sub, SUBSCRIPTION_EV_UNKNOWN);
}

static void do_lose(struct subscription *sub)
{
	COUNT(subscriptions_lost);
	subscription_free(sub);
}

static void do_none(struct subscription *sub)
{
	(void)sub;
}

#define do_look look_at
#define do_forget subscription_free
#define DO_CALL(name) [DO_##name] = do_##name,
static void (*const actions[])(struct subscription *sub) = { ACTIONS(DO_CALL) };

// The subscription may be gone after it.
static void step(struct subscription *sub, enum subscription_event event)
{
	const struct fsm_row *row = fsm_step(&subscription_machine, &sub->state, event);
	if (row) actions[row->action](sub);
}

static void end(struct subscription *sub, const char *reason)
{
	if (!sub->reason) sub->reason = reason;
	step(sub, SUBSCRIPTION_EV_END);
}

// ---- One subscription -----------------------------------------------------------------------------------------------

bool subscription_is_allowed(const struct subscriptions *s, uint32_t watcher, uint32_t watched)
{
	const struct office *o = s->setup.auth->office;
	const struct office_line *a = office_line(o, watcher), *b = office_line(o, watched);
	return a && b && a->customer == b->customer;
}

static struct watch watch_of(uint32_t watcher, uint32_t watched, uint8_t package)
{
	return (struct watch){ .watcher = watcher, .watched = watched, .calls = package == PACKAGE_DIALOG };
}

struct subscription *subscription_new(struct subscriptions *s, uint32_t watcher, uint32_t watched,
                                      enum event_package package)
{
	struct watching *watching = s->setup.auth->live->watching;
	const struct watch watch = watch_of(watcher, watched, (uint8_t)package);
	bool known = watching_calls(watching, watched);
	if (!watching_begin(watching, &watch)) return NULL;
	struct watched_line *line = watched_line_need(&s->lines, watched);
	struct subscription *sub = line ? pool_get(&s->pool) : NULL;
	if (!sub) {
		watching_end(watching, &watch);
		if (line && !line->subscription_count) watched_line_drop(&s->lines, line);
		return NULL;
	}
	sub->package = (uint8_t)package;
	sub->knows_calls = known || package != PACKAGE_DIALOG;
	sub->all = s;
	sub->watcher = watcher;
	sub->line = line;
	line->subscription_count++;
	list_add_last(&line->subscriptions, &sub->of_line);
	list_init(&sub->due);
	struct buf b = buf_on(sub->tag, sizeof sub->tag);
	put_c(&b, 's');
	put_hex(&b, random_u64(&s->setup.env->random), 16);
	map_add(&s->by_tag, &sub->by_tag, buf_str(&b));
	return sub;
}

static void drop(struct subscription *sub)
{
	struct subscriptions *s = sub->all;
	struct watched_line *line = sub->line;
	struct watching *watching = s->setup.auth->live->watching;
	const struct watch watch = watch_of(sub->watcher, line->line, sub->package);
	map_remove(&s->by_tag, &sub->by_tag);
	wheel_stop(&s->wheel, &sub->expires);
	wheel_stop(&s->wheel, &sub->rest);
	list_remove(&sub->due);
	list_remove(&sub->of_line);
	if (sub->notify_txn) sip_stack_disown(s->setup.stack, sub->notify_txn);
	sip_dialog_fini(&sub->dialog);
	watching_end(watching, &watch);
	pool_put(&s->pool, sub);
	// From now on nobody tells what its calls are.
	if (watch.calls && !watching_calls(watching, line->line)) watched_line_forget(&s->lines, line, true, 0);
	if (--line->subscription_count == 0) watched_line_drop(&s->lines, line);
}

// ---- Over a restart -------------------------------------------------------------------------------------------------

// Requests that may have gone out since it was kept: the next must come after them (RFC 3261 12.2.2).
#define UNKNOWN_CSEQ_GAP 100000u

static void put_kept_texts(struct buf *b, const struct subscription *sub)
{
	const struct sip_dialog *d = &sub->dialog;
	const struct str texts[] = { event_package_name(sub->package), str_from(sub->event_id), d->call_id, d->local_tag,
		d->remote_tag, d->local_uri, d->remote_uri, d->remote_target, d->routes };
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
		put(b, texts[i]);
		put_c(b, '\n');
	}
}

static void keep(struct subscription *sub, bool over)
{
	const struct subscriptions_setup *s = &sub->all->setup;
	const struct sip_dialog *d = &sub->dialog;
	struct kept_subscription row = { .over = over, .first_route_loose = d->first_route_loose, .watcher = sub->watcher,
		.watched = sub->line->line, .local_cseq = d->local_cseq, .remote_cseq = d->remote_cseq,
		.expires_ms = sub->expires_ms, .peer = d->flow_peer, .listener = d->flow_listener };
	struct buf b = buf_on(row.text, sizeof row.text);
	// A connection does not outlive the program.
	if (!s->keep || addr_is_stream(&d->flow_peer)) return;
	str_to_z(row.tag, sizeof row.tag, (struct str){ sub->tag, SUBSCRIPTION_TAG_LEN });
	put_kept_texts(&b, sub);
	row.text_n = (uint16_t)b.n;
	if (b.err != OK && !over) COUNT(subscriptions_unkept);
	else sub->unkept = s->keep(s->keep_self, &row) != OK;
}

// The dialog of a kept row. False: it is damaged.
static bool restore_dialog(struct subscription *sub, const struct kept_subscription *row, struct str texts)
{
	struct sip_dialog d = { .local_cseq = row->local_cseq + UNKNOWN_CSEQ_GAP, .remote_cseq = row->remote_cseq,
		.flow_peer = row->peer, .flow_listener = row->listener, .first_route_loose = row->first_route_loose };
	struct str *const parts[] = { &d.call_id, &d.local_tag, &d.remote_tag, &d.local_uri, &d.remote_uri,
		&d.remote_target, &d.routes };
	for (uint32_t i = 0; i < ARRAY_LEN(parts); i++) *parts[i] = str_cut(&texts, '\n');
	if (!d.call_id.n || d.local_tag.n != SUBSCRIPTION_TAG_LEN || !d.remote_target.n) return false;
	return sip_dialog_restore(&sub->dialog, &d) == OK;
}

void subscriptions_restore(struct subscriptions *s, const struct kept_subscription *row)
{
	struct str texts = { row->text, row->text_n }, name = str_cut(&texts, '\n'), id = str_cut(&texts, '\n');
	enum event_package package = event_package_from(name);
	if (package == EVENT_PACKAGE_COUNT || row->listener >= s->setup.listener_count) return;
	struct subscription *sub = subscription_new(s, row->watcher, row->watched, package);
	if (!sub) return;
	str_to_z(sub->event_id, sizeof sub->event_id, id);
	if (!restore_dialog(sub, row, texts)) {
		drop(sub);
		return;
	}
	map_remove(&s->by_tag, &sub->by_tag);
	memcpy(sub->tag, sub->dialog.local_tag.p, sizeof sub->tag);
	map_add(&s->by_tag, &sub->by_tag, (struct str){ sub->tag, sizeof sub->tag });
	sub->expires_ms = row->expires_ms;
	wheel_start(&s->wheel, &sub->expires, sub->expires_ms, TIMER_EXPIRES, ref_of(sub));
	keep(sub, false); // the next restart begins where this one does
	step(sub, SUBSCRIPTION_EV_RESTORED);
}

void subscription_free(struct subscription *sub)
{
	keep(sub, true);
	drop(sub);
}
struct subscription *subscription_of(const struct subscriptions *s, const struct sip_msg *m)
{
	struct map_node *node = map_find(&s->by_tag, m->to.tag);
	return node ? LIST_OF(node, struct subscription, by_tag) : NULL;
}

void subscription_accept(struct subscription *sub, uint32_t seconds)
{
	struct subscriptions *s = sub->all;
	if (sub->state == SUBSCRIPTION_NEW) {
		COUNT(subscriptions_begun);
		bool in_calls = occupancy_now(s->setup.auth->live->occupancy, OCCUPANCY_LINE, sub->line->line);
		if (in_calls && !sub->knows_calls) s->setup.ask(s->setup.self, sub->line->line);
	}
	sub->expires_ms = s->setup.env->now_ms + seconds * 1000ull;
	if (!seconds) {
		end(sub, "timeout");
		return;
	}
	wheel_start(&s->wheel, &sub->expires, sub->expires_ms, TIMER_EXPIRES, ref_of(sub));
	keep(sub, false);
	step(sub, SUBSCRIPTION_EV_SUBSCRIBE);
}

// ---- What the stack tells -------------------------------------------------------------------------------------------

bool subscriptions_own(uint64_t owner)
{
	return owner >> 62 == MARK >> 62;
}

// Statuses after which the phone knows the subscription, or itself, no more (RFC 6665 4.2.2, RFC 5057 5.1).
static bool ends_it(uint16_t status)
{
	static const uint16_t those[] = { 404, 405, 408, 410, 416, 480, 481, 482, 484, 485, 489, 501, 502, 604 };
	for (uint32_t i = 0; i < ARRAY_LEN(those); i++)
		if (status == those[i]) return true;
	return false;
}

bool subscriptions_on_response(struct subscriptions *s, uint64_t owner, const struct sip_msg *m)
{
	if (!subscriptions_own(owner)) return false;
	struct subscription *sub = pool_at(&s->pool, owner & ~MARK);
	if (!sub || m->status < 200) return true;
	sub->notify_txn = 0;
	if (m->status < 300) {
		step(sub, sub->asked_again && sub->state == SUBSCRIPTION_TELLING ? SUBSCRIPTION_EV_ASKED_AGAIN
		                                                                 : SUBSCRIPTION_EV_ANSWERED);
	} else if (ends_it(m->status)) {
		step(sub, SUBSCRIPTION_EV_UNKNOWN);
	} else {
		uint32_t seconds;
		COUNT(subscriptions_refused_notify);
		bool said = str_to_u32(&seconds, sip_msg_header(m, SIP_H_RETRY_AFTER), 3600) == OK && seconds;
		sub->later_ms = said ? seconds * 1000 : 0;
		step(sub, SUBSCRIPTION_EV_REFUSED);
	}
	return true;
}

bool subscriptions_on_failure(struct subscriptions *s, uint64_t owner)
{
	if (!subscriptions_own(owner)) return false;
	struct subscription *sub = pool_at(&s->pool, owner & ~MARK);
	if (!sub) return true;
	sub->notify_txn = 0;
	step(sub, SUBSCRIPTION_EV_UNKNOWN);
	return true;
}

// ---- What changes ---------------------------------------------------------------------------------------------------

static void look_at_all(struct watched_line *line)
{
	LIST_EACH(it, &line->subscriptions) look_at(LIST_OF(it, struct subscription, of_line));
}

void subscriptions_take(struct subscriptions *s, const struct line_dialog *d)
{
	struct watched_line *line = watched_line_take(&s->lines, d, s->setup.env->now_ms);
	if (line) look_at_all(line);
}

void subscriptions_look(struct subscriptions *s, uint32_t line)
{
	struct watched_line *watched = watched_line_find(&s->lines, line);
	if (watched) look_at_all(watched);
}

static void look(struct subscription *sub)
{
	const struct event_view view = view_of(sub);
	if (sub->unkept) keep(sub, false);
	if (!subscription_is_allowed(sub->all, sub->watcher, sub->line->line)) end(sub, "rejected");
	else if (sub->state == SUBSCRIPTION_CURRENT && event_print(sub->package, &view) != sub->told)
		step(sub, SUBSCRIPTION_EV_CHANGED);
}

// Calls go first: when the stack is nearly full, lamps wait.
static bool has_room(const struct subscriptions *s)
{
	const struct sip_stack_use use = sip_stack_use(s->setup.stack);
	return use.transactions + use.tombstones <= s->setup.transactions_max / 4 * 3;
}

// When to go on; UINT64_MAX: all that was due is done.
static uint64_t look_at_due(struct subscriptions *s)
{
	uint64_t now_ms = s->setup.env->now_ms;
	for (uint32_t n = 0; !list_empty(&s->due); n++) {
		if (!has_room(s)) return now_ms + NO_ROOM_MS;
		if (n == AT_ONCE) return now_ms + AT_ONCE_PAUSE_MS;
		struct list *first = s->due.next;
		list_remove(first);
		look(LIST_OF(first, struct subscription, due));
	}
	return UINT64_MAX;
}

// A share of all is due whether or not anybody said that anything changed.
static void look_at_some(struct subscriptions *s)
{
	const struct live *live = s->setup.auth->live;
	uint64_t now_ms = s->setup.env->now_ms;
	if (!s->pool.used) s->look_ms = UINT64_MAX;
	if (now_ms < s->look_ms) return;
	s->look_ms = now_ms + SUBSCRIPTION_LOOK_MS / SHARES;
	for (uint32_t n = s->pool.used / SHARES + 1; n; n--) {
		struct subscription *sub = pool_each(&s->pool, &s->look_at);
		if (!sub) {
			s->look_at = 0;
			return;
		}
		bool in_no_call = !occupancy_now(live->occupancy, OCCUPANCY_LINE, sub->line->line);
		watched_line_forget(&s->lines, sub->line, in_no_call, now_ms);
		look_at(sub);
	}
}

static void expire(struct subscription *sub, uint32_t kind)
{
	if (kind == TIMER_REST) step(sub, SUBSCRIPTION_EV_RESTED);
	else end(sub, "timeout");
}

uint64_t subscriptions_tick(struct subscriptions *s)
{
	struct timer *t;
	while ((t = wheel_expire(&s->wheel, s->setup.env->now_ms))) {
		struct subscription *sub = pool_at(&s->pool, t->owner);
		if (sub) expire(sub, t->kind);
	}
	if (s->pool.used && s->look_ms == UINT64_MAX) s->look_ms = s->setup.env->now_ms;
	look_at_some(s);
	uint64_t next = look_at_due(s), other = wheel_next(&s->wheel);
	if (other < next) next = other;
	return s->look_ms < next ? s->look_ms : next;
}

// ---- Life -----------------------------------------------------------------------------------------------------------

enum err subscriptions_init(struct subscriptions *s, const struct subscriptions_setup *setup, struct hash_key key)
{
	*s = (struct subscriptions){ .setup = *setup, .look_ms = UINT64_MAX };
	list_init(&s->due);
	wheel_init(&s->wheel, setup->env->now_ms);
	enum err e = pool_init(&s->pool, "subscriptions", sizeof(struct subscription), setup->max);
	if (e == OK) e = map_init(&s->by_tag, setup->max, key);
	if (e == OK) e = watched_lines_init(&s->lines, setup->max, key);
	return e;
}

void subscriptions_fini(struct subscriptions *s)
{
	uint32_t at = 0;
	for (struct subscription *sub; s->pool.items && (sub = pool_each(&s->pool, &at));) sip_dialog_fini(&sub->dialog);
	pool_fini(&s->pool);
	map_fini(&s->by_tag);
	watched_lines_fini(&s->lines);
}
