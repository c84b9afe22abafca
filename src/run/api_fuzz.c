// Paths and times as the API reads them: what stands for a {part} lies within the path, a time is one that we write.
#include "run/api_json.h"
#include "run/api_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROUTE_PATH(method, path, ...) path,
static const char *const paths[] = { API_ROUTES(ROUTE_PATH) };

static void check_paths(struct str path)
{
	for (uint32_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct str args[2] = { { 0 } };
		if (!api_path_matches(args, paths[i], path)) continue;
		for (int k = 0; k < 2; k++)
			if (args[k].n && (args[k].p < path.p || args[k].p + args[k].n > path.p + path.n)) __builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, (uint32_t)size };
	uint64_t wall_ms, again;
	check_paths(text);
	if (!api_time_parse(&wall_ms, text) || wall_ms == 0) return 0;
	json_t *time = api_time(wall_ms);
	if (!api_time_parse(&again, str_from(json_string_value(time))) || again != wall_ms) __builtin_trap();
	json_decref(time);
	return 0;
}
