// Recordings of calls over HTTP: which there are, and each as the text that `dialtone replay` reads.
#include "run/api_json.h"
#include "run/inputs_keep.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_MAX 10000

void api_inputs_list(struct api_reply *out, struct api *a, const struct api_request *q)
{
	struct inputs_file *files;
	uint32_t max, count;
	if (!api_query_u32(&max, out, q, "limit", API_PAGE_MAX, LIST_MAX)) return;
	if (inputs_files(&files, &count, a->config->data) != OK) {
		api_fail(out, 500, NULL, "the folder of recordings cannot be read");
		return;
	}
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

void api_inputs_show(struct api_reply *out, struct api *a, const struct api_request *q)
{
	char path[CONFIG_PATH_MAX + 64];
	uint64_t call;
	uint32_t n;
	if (str_to_u64(&call, q->args[0], UINT64_MAX) != OK) {
		api_fail(out, 400, "call", "\"%.*s\" is not the number of a call", STR_FMT(q->args[0]));
		return;
	}
	snprintf(path, sizeof path, "%s/" INPUTS_FOLDER "/%llu" INPUTS_SUFFIX, a->config->data, (unsigned long long)call);
	enum err e = recording_load(&out->text, &n, path);
	if (e != OK) {
		if (e == ERR_NOT_FOUND) api_fail(out, 404, NULL, "the inputs of this call were not kept, or are no more");
		else api_fail(out, 500, NULL, "the recording of this call cannot be read: %s", err_text(e));
		return;
	}
	out->text_n = n;
	out->status = 200;
	out->type = "text/plain; charset=utf-8";
}
