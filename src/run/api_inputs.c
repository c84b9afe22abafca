// Recordings of calls over HTTP: which there are, and each as the text that `dialtone replay` reads.
#include "run/api_json.h"
#include "run/inputs_keep.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_MAX 10000

void api_inputs_list(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct inputs_file *files;
	uint32_t max;
	if (!api_query_u32(&max, out, q, "limit", API_PAGE_MAX, LIST_MAX)) return;
	uint32_t count = inputs_files(&files, a->config->data);
	json_t *rows = json_array();
	for (uint32_t i = count; i > 0 && count - i < max; i--) {
		const struct inputs_file *f = &files[i - 1];
		json_array_append_new(rows, json_pack("{s:o,s:o,s:I}", "call", api_call_number(f->call), "written",
		                                      api_time(f->written_wall_ms), "octets", (json_int_t)f->bytes));
	}
	free(files);
	out->status = 200;
	out->json = json_pack("{s:o,s:I}", "inputs", rows, "total", (json_int_t)count);
}

// Reads a whole file; NULL: it is not there, or too large to be one of ours.
static char *read_file(const char *path, size_t *n)
{
	const size_t max = (size_t)RECORDING_BLOCKS_MAX * RECORDING_BLOCK_BYTES * 16;
	char *text = malloc(max);
	FILE *f = text ? fopen(path, "re") : NULL;
	*n = f ? fread(text, 1, max, f) : 0;
	bool whole = f && !ferror(f) && *n < max;
	if (f) fclose(f);
	if (whole) return text;
	free(text);
	return NULL;
}

void api_inputs_show(struct api_reply *out, struct api *a, const struct api_request *q)
{
	char path[CONFIG_PATH_MAX + 64];
	uint64_t call;
	if (str_to_u64(&call, q->args[0], UINT64_MAX) != OK) {
		api_fail(out, 400, "call", "\"%.*s\" is not the number of a call", STR_FMT(q->args[0]));
		return;
	}
	snprintf(path, sizeof path, "%s/" INPUTS_FOLDER "/%llu" INPUTS_SUFFIX, a->config->data, (unsigned long long)call);
	out->text = read_file(path, &out->text_n);
	if (!out->text) {
		api_fail(out, 404, NULL, "the inputs of this call were not kept, or are no more");
		return;
	}
	out->status = 200;
	out->type = "text/plain; charset=utf-8";
}
