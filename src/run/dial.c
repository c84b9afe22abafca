// The dry run: a worker's calls, with everything outside replaced by what does nothing.
#include "run/dial.h"

#include "call/feature/feature.h"
#include "call/half/call.h"

#define DRY_LINES_MAX (1u << 20) // memory is touched where a line's counter is

static void leg_take(void *self, ref leg, const struct verb *v)
{
	(void)self;
	(void)leg;
	(void)v;
}

static const struct leg_ops leg = { .name = "dry", .take = leg_take };

static enum err line_leg(void *self, struct leg_link *out, ref call, uint8_t index, const struct office_line *line,
                         const struct binding *binding)
{
	(void)self, (void)call, (void)index, (void)line, (void)binding;
	*out = (struct leg_link){ .ops = &leg };
	return OK;
}

static enum err trunk_leg(void *self, struct leg_link *out, ref call, uint8_t index,
	const struct office_trunk_group *group, const struct addr *peer, bool emergency)
{
	(void)self, (void)call, (void)index, (void)group, (void)peer, (void)emergency;
	*out = (struct leg_link){ .ops = &leg };
	return OK;
}

// A plane that agrees to everything, so that the trail shows what the caller would hear.
static enum err media_open(struct media *m, ref *session, uint64_t owner)
{
	(void)m, (void)owner;
	*session = 1;
	return OK;
}

static enum err media_ports(struct media *m, ref session, const struct media_want *want,
                            struct addr rtp[MEDIA_STREAMS_MAX])
{
	(void)m, (void)session;
	for (uint32_t i = 0; i < want->count; i++)
		rtp[i] = (struct addr){ .family = 4, .ip = { 192, 0, 2, 2 }, .port = (uint16_t)(20000 + 2 * i) };
	return OK;
}

static enum err media_tell(struct media *m, ref session, const struct media_command *command)
{
	(void)m, (void)session, (void)command;
	return OK;
}

static bool media_take(struct media *m, struct media_event *out)
{
	(void)m, (void)out;
	return false;
}

// Nobody hears what is encrypted with it.
static enum err media_secret(struct media *m, uint8_t *out, uint32_t n)
{
	(void)m;
	memset(out, 0, n);
	return OK;
}

static bool media_is_own(const struct media *m, const struct addr *a)
{
	(void)m, (void)a;
	return false;
}

static const struct media_ops agreeing = { media_open, media_ports, media_tell, media_take, media_secret, media_is_own };

// The record of a call that ends at once is caught where the journal would stand.
struct catcher {
	struct call_record *out;
	bool caught;
};

static enum err catch_record(void *self, uint32_t worker, const struct call_record *r, uint64_t owner)
{
	struct catcher *catcher = self;
	(void)worker, (void)owner;
	*catcher->out = *r;
	catcher->caught = true;
	return OK;
}

static bool always_healthy(void *self)
{
	(void)self;
	return true;
}

static bool always_room(void *self, uint32_t worker)
{
	(void)self, (void)worker;
	return true;
}

static const struct journal_ops catching = { catch_record, always_healthy, always_room };

static enum err set_nothing(void *self, uint64_t owner, uint32_t line, uint8_t feature, bool active, struct str target)
{
	(void)self, (void)owner, (void)line, (void)feature, (void)active, (void)target;
	return OK; // the trail says what would be set
}

static void run(struct calls *cs, struct catcher *catcher, const struct office_line *line, struct str digits)
{
	struct verb_offer offer = { .dialled = digits, .hops = 70 };
	uint32_t at = 0;
	ref call;
	if (calls_begin(&call, cs, &(struct call_begin){ .leg = { .ops = &leg }, .line = line->id }) != OK) return;
	calls_take(cs, call, SIDE_O, 0,
		&(struct verb){ .kind = VERB_OFFER, .media = MEDIA_OFFER, .offer = &offer, .sdp = STR(
			"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 101\r\n"
			"a=rtpmap:101 telephone-event/8000\r\n") });
	struct call *standing = calls_each(cs, &at);
	if (standing && !catcher->caught) {
		call_record(catcher->out, standing, RECORD_RELEASE);
		catcher->caught = true;
	}
}

enum err dial_dry(struct call_record *out, const struct control_dial *q, const struct office *office,
	const struct live *live,
                  uint64_t now_ms, uint64_t wall_ms)
{
	const struct office_line *line = office_line(office, q->line);
	struct env env = { .now_ms = now_ms, .wall_ms = wall_ms };
	struct media media = { .ops = &agreeing };
	struct catcher catcher = { .out = out };
	struct live shown = *live;
	struct calls *cs = NULL;
	if (!line) return ERR_NOT_FOUND;
	shown.occupancy = occupancy_new(DRY_LINES_MAX, 4096);
	const struct calls_setup setup = { .env = &env, .office = office, .live = &shown, .media = &media,
		.journal = { .ops = &catching, .self = &catcher }, .legs = { .line = line_leg, .trunk = trunk_leg },
		.features = feature_table(), .calls_max = 1, .set_feature = set_nothing };
	enum err e = shown.occupancy ? arena_init(&env.scratch, 1u << 16) : ERR_FULL;
	random_seed(&env.random, wall_ms);
	if (e == OK) e = calls_new(&cs, &setup);
	if (e == OK) run(cs, &catcher, line, q->digits);
	calls_free(cs);
	arena_fini(&env.scratch);
	occupancy_free(shown.occupancy);
	return e != OK ? e : catcher.caught ? OK : ERR_FULL;
}
