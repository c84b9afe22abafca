// Log lines.
#include "base/log.h"

#include <time.h>
#include <unistd.h>

_Atomic enum log_level log_level = LOG_INFO;
log_sink *log_also;
bool log_quiet;

static void put_time(struct buf *b)
{
	struct timespec now;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	put_fmt(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
	        utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

static void put_field(struct buf *b, const struct log_field *f)
{
	put_z(b, ",\"");
	put_json(b, str_from(f->name));
	put_z(b, "\":");
	if (f->kind == LOG_FIELD_U64) {
		put_u64(b, f->number);
		return;
	}
	put_c(b, '"');
	if (f->kind == LOG_FIELD_ADDR) put_addr(b, f->addr);
	else put_json(b, str_head(f->text, 512));
	put_c(b, '"');
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char line[4096];
	struct buf b = buf_on(line, sizeof line - 3); // room for the end, whatever was cut
	put_z(&b, "{\"time\":\"");
	put_time(&b);
	put_fmt(&b, "\",\"level\":\"%s\",\"event\":\"%s\"", names[level], event);
	for (; fields->name; fields++) {
		uint32_t before = b.n;
		put_field(&b, fields);
		if (b.err != OK) b.n = before, b.err = OK; // a field that does not fit is left out whole
	}
	memcpy(line + b.n, "}\n", 2);
	b.n += 2;
	if (log_also) log_also(level, buf_str(&b));
	if (!log_quiet && write(STDERR_FILENO, line, b.n) < 0) { // a log that cannot be written stops nothing
	}
}
