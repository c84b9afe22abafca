// What phones are told of a line, over HTTP: the messages in its mailbox.
#include "run/api_json.h"

#include "base/log.h"

static void answer_messages(struct api_reply *out, struct api *a, uint32_t line, const struct waiting *set)
{
	struct waiting is;
	enum err e = a->control.ops->messages(a->control.self, line, set, &is);
	if (e != OK) {
		api_fail(out, api_status_of(e), NULL, "the switch did not answer: %s", err_text(e));
		return;
	}
	out->status = 200;
	out->json = json_pack("{s:i,s:i,s:i,s:i}", "new", is.fresh, "old", is.old, "new_urgent", is.fresh_urgent,
	                      "old_urgent", is.old_urgent);
}

// The line that the path names; false (answered): none.
static bool line_of(uint32_t *line, struct api_reply *out, struct api *a, const struct api_request *q)
{
	if (!api_line_id(line, out, a, q->args[0])) return false;
	if (*line) return true;
	api_fail(out, 404, "line", "there is no such line");
	return false;
}

// A count of the body, or what it was; false (answered): it is none.
static bool count_of(uint16_t *count, struct api_reply *out, const struct api_request *q, const char *name)
{
	const json_t *value = json_object_get(q->body, name);
	if (!value) return true;
	json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
	if (number < 0 || number > WAITING_MOST) {
		api_fail(out, 400, name, "must be a number from 0 to %d", WAITING_MOST);
		return false;
	}
	*count = (uint16_t)number;
	return true;
}

void api_messages_show(struct api_reply *out, struct api *a, const struct api_request *q)
{
	uint32_t line;
	if (line_of(&line, out, a, q)) answer_messages(out, a, line, NULL);
}

void api_messages_set(struct api_reply *out, struct api *a, const struct api_request *q)
{
	uint32_t line;
	struct waiting w;
	if (!line_of(&line, out, a, q)) return;
	enum err e = a->control.ops->messages(a->control.self, line, NULL, &w);
	if (e != OK) {
		api_fail(out, api_status_of(e), NULL, "the switch did not answer: %s", err_text(e));
		return;
	}
	if (!count_of(&w.fresh, out, q, "new") || !count_of(&w.old, out, q, "old") ||
	    !count_of(&w.fresh_urgent, out, q, "new_urgent") || !count_of(&w.old_urgent, out, q, "old_urgent"))
		return;
	LOG(INFO, "messages_set", LOG_TEXT("messages of a line were set"), LOG_STR("line", q->args[0]),
	    LOG_U64("new", w.fresh), LOG_STR("who", q->who));
	answer_messages(out, a, line, &w);
}
