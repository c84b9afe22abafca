// Runs a fuzz target over every file of a corpus folder: each input that was ever interesting stays a test.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) return;
	uint8_t *data = malloc(1 << 20);
	size_t n = data ? fread(data, 1, 1 << 20, f) : 0;
	fclose(f);
	// An exact copy, so that the sanitizer sees a read past the end.
	uint8_t *exact = malloc(n ? n : 1);
	for (size_t i = 0; exact && i < n; i++) exact[i] = data[i];
	free(data);
	if (exact) LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

int main(int argc, char **argv)
{
	char path[4096];
	unsigned count = 0;
	DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
	if (!folder) {
		fprintf(stderr, "no corpus folder\n");
		return 1;
	}
	for (struct dirent *e; (e = readdir(folder));) {
		if (e->d_name[0] == '.') continue;
		snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
		run_file(path);
		count++;
	}
	closedir(folder);
	printf("%u inputs\n", count);
	return count ? 0 : 1; // an empty corpus tests nothing
}
