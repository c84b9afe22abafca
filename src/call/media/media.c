// A call's media: the session, and what is played and collected in it. The texts are exchange.c.
#include "call/media/secure.h"

#include <assert.h>

enum err media_worker_init(struct media_worker *w, struct media *plane, uint32_t offers_max)
{
	assert(plane && plane->ops);
	w->plane = plane;
	slab_init(&w->texts, (uint64_t)offers_max * MEDIA_TEXT_MAX * 3 + SLAB_CHUNK_BYTES * SLAB_SIZES);
	return OK;
}

void media_worker_fini(struct media_worker *w)
{
	slab_fini(&w->texts);
}

void media_init(struct call_media *cm, uint64_t owner)
{
	*cm = (struct call_media){ .owner = owner };
}

bool media_close(struct call_media *cm, struct media_worker *w)
{
	ref session = cm->session;
	const struct media_command close = { .kind = MEDIA_DO_CLOSE };
	media_offer_forget(cm, w);
	secure_forget(cm, w);
	cm->session = 0;
	return session && w->plane->ops->tell(w->plane, session, &close) == OK;
}

void media_settled(struct call_media *cm, struct media_worker *w)
{
	cm->settled = true;
	if (cm->answered != MEDIA_UNANSWERED) media_offer_forget(cm, w);
}

void media_offer_forget(struct call_media *cm, struct media_worker *w)
{
	if (cm->secret) { // there may be keys in them
		if (cm->offer.n) explicit_bzero((char *)(uintptr_t)cm->offer.p, cm->offer.n);
		if (cm->told.n) explicit_bzero((char *)(uintptr_t)cm->told.p, cm->told.n);
	}
	cm->offer = slab_free(&w->texts, cm->offer);
	cm->told = slab_free(&w->texts, cm->told);
}

bool media_offer_waits(const struct call_media *cm, enum media_side side)
{
	return cm->offer.n && cm->offer_from == side && cm->answered == MEDIA_UNANSWERED && !cm->told.n;
}

bool media_can_play(const struct call_media *cm, enum media_side side)
{
	return cm->session && cm->halves[side].settled && cm->halves[side].law != MEDIA_LAW_NONE;
}

static enum err tell(struct call_media *cm, struct media_worker *w, const struct media_command *command)
{
	return cm->session ? w->plane->ops->tell(w->plane, cm->session, command) : ERR_NOT_FOUND;
}

enum err media_play(struct call_media *cm, struct media_worker *w, enum media_side side, struct media_play play)
{
	return tell(cm, w, &(struct media_command){ .kind = MEDIA_DO_PLAY, .side = (uint8_t)side, .play = play });
}

enum err media_stop(struct call_media *cm, struct media_worker *w, enum media_side side)
{
	return tell(cm, w, &(struct media_command){ .kind = MEDIA_DO_STOP, .side = (uint8_t)side });
}

enum err media_collect(struct call_media *cm, struct media_worker *w, enum media_side side, bool on)
{
	return tell(cm, w, &(struct media_command){ .kind = MEDIA_DO_COLLECT, .side = (uint8_t)side, .on = on });
}

enum err media_digit(struct call_media *cm, struct media_worker *w, enum media_side side, char digit, uint16_t ms)
{
	return tell(cm, w, &(struct media_command){ .kind = MEDIA_DO_DIGIT, .side = (uint8_t)side,
	                                            .digit = { .digit = digit, .ms = ms } });
}

enum err media_watch(struct call_media *cm, struct media_worker *w, uint16_t silent_s)
{
	return tell(cm, w, &(struct media_command){ .kind = MEDIA_DO_WATCH, .silent_s = silent_s });
}

bool media_talks(const struct call_media *cm, enum media_side side)
{
	return cm->halves[side].settled && cm->halves[side].ways == 3;
}
