// Makes the announcements while building: speaks each row of prompts.tab with flite and turns what it says into
// telephone sound: mu-law at 8 kHz, band-limited, of one loudness, without silence at its ends.
//
//     prompts FLITE FOLDER     writes FOLDER/prompts.ulaw and FOLDER/prompts_data.c, which embeds it
#include "call/model/media.h"
#include "wire/rtp/g711.h"

#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define RATE_IN 16000 // of flite's voices
#define TAPS 63       // of the low-pass filter: 3,400 Hz, the upper end of the telephone band
#define LEVEL_DBM0 (-16.0)
#define MARGIN 800    // samples of silence left at the ends: 100 ms

extern char **environ;

static const struct {
	const char *name, *text;
} prompts[MEDIA_PROMPT_COUNT] = {
#define PROMPT(name, sit, text) [MEDIA_PROMPT_##name] = { #name, text },
#include "call/media/prompts.tab"
};

static void fail(const char *what, const char *which)
{
	fprintf(stderr, "prompts: %s: %s\n", what, which);
	exit(1);
}

static void speak(const char *flite, const char *text, const char *wav)
{
	const char *const args[] = { flite, "-voice", "slt", "-t", text, "-o", wav, NULL };
	pid_t pid;
	int status;
	char *argv[ARRAY_LEN(args)];
	memcpy(argv, args, sizeof argv);
	if (posix_spawn(&pid, flite, NULL, NULL, argv, environ) != 0) fail("cannot run", flite);
	if (waitpid(pid, &status, 0) < 0 || status != 0) fail("flite failed on", text);
}

static uint32_t little(const uint8_t *p, int octets)
{
	uint32_t v = 0;
	while (octets--) v = v << 8 | p[octets];
	return v;
}

// The samples of a WAV file (RIFF: chunks of a name, a length and data), which must be 16 bits, mono, RATE_IN.
static int16_t *read_wav(const char *path, uint32_t *count)
{
	FILE *f = fopen(path, "rb");
	static uint8_t file[1 << 23];
	size_t n = f ? fread(file, 1, sizeof file, f) : 0, at = 12;
	if (f) fclose(f);
	if (n < 44 || n == sizeof file || memcmp(file, "RIFF", 4) != 0 || memcmp(file + 8, "WAVE", 4) != 0)
		fail("no WAV", path);
	while (at + 8 <= n) {
		uint32_t length = little(file + at + 4, 4);
		const uint8_t *data = file + at + 8;
		if (length > n - at - 8) fail("cut short", path);
		if (memcmp(file + at, "fmt ", 4) == 0 &&
		    (little(data + 2, 2) != 1 || little(data + 4, 4) != RATE_IN || little(data + 14, 2) != 16))
			fail("not 16 bits, mono, 16 kHz", path);
		if (memcmp(file + at, "data", 4) == 0) {
			int16_t *samples = malloc(length);
			*count = length / 2;
			for (uint32_t i = 0; samples && i < *count; i++) samples[i] = (int16_t)little(data + 2 * i, 2);
			return samples;
		}
		at += 8 + length + (length & 1);
	}
	fail("no data", path);
	return NULL;
}

// Half the rate: a windowed sinc, at every second sample.
static uint32_t halve(double *out, const int16_t *in, uint32_t n)
{
	static double taps[TAPS];
	const double pi = 3.14159265358979323846, cutoff = 3400.0 / RATE_IN;
	double sum = 0;
	for (int i = 0; i < TAPS; i++) {
		double x = i - TAPS / 2, window = 0.54 - 0.46 * cos(2 * pi * i / (TAPS - 1));
		taps[i] = window * (i == TAPS / 2 ? 2 * cutoff : sin(2 * pi * cutoff * x) / (pi * x));
		sum += taps[i];
	}
	for (uint32_t i = 0; i < n / 2; i++) {
		out[i] = 0;
		for (int k = 0; k < TAPS; k++) {
			int64_t at = 2 * (int64_t)i + k - TAPS / 2;
			if (at >= 0 && at < n) out[i] += in[at] * taps[k] / sum;
		}
	}
	return n / 2;
}

// Speech level: of the 20 ms that are not pauses.
static double active_power(const double *s, uint32_t n)
{
	double sum = 0, loudest = 0;
	uint32_t active = 0;
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t at = 0; at + 160 <= n; at += 160) {
			double power = 0;
			for (int i = 0; i < 160; i++) power += s[at + i] * s[at + i] / 160;
			if (pass == 0) loudest = fmax(loudest, power);
			else if (power > loudest / 1000) sum += power, active++;
		}
	return active ? sum / active : 0;
}

static void write_speech(FILE *f, const double *s, uint32_t n, const char *name)
{
	double power = active_power(s, n), wanted = 0.5 * G711_0DBM0 * G711_0DBM0 * pow(10, LEVEL_DBM0 / 10);
	if (power == 0) fail("is silent", name);
	double gain = sqrt(wanted / power);
	uint32_t first = 0, last = n;
	while (first < n && fabs(s[first]) * gain < 200) first++;
	while (last > first && fabs(s[last - 1]) * gain < 200) last--;
	first = first > MARGIN ? first - MARGIN : 0;
	last = last + MARGIN < n ? last + MARGIN : n;
	for (uint32_t i = first; i < last; i++) {
		double v = s[i] * gain;
		fputc(g711_mu_encode((int16_t)(v > 32635 ? 32635 : v < -32635 ? -32635 : v)), f);
	}
}

static void make(const char *flite, const char *folder, FILE *ulaw, int prompt)
{
	char wav[4096];
	uint32_t n;
	snprintf(wav, sizeof wav, "%s/prompt.wav", folder);
	speak(flite, prompts[prompt].text, wav);
	int16_t *samples = read_wav(wav, &n);
	double *half = calloc(n / 2 + 1, sizeof *half);
	if (!samples || !half) fail("no memory for", prompts[prompt].name);
	write_speech(ulaw, half, halve(half, samples, n), prompts[prompt].name);
	free(samples);
	free(half);
	remove(wav);
}

int main(int argc, char **argv)
{
	char ulaw_path[4096], source_path[4096];
	if (argc != 3) fail("usage", "prompts FLITE FOLDER");
	snprintf(ulaw_path, sizeof ulaw_path, "%s/prompts.ulaw", argv[2]);
	snprintf(source_path, sizeof source_path, "%s/prompts_data.c", argv[2]);
	FILE *ulaw = fopen(ulaw_path, "wb"), *source = fopen(source_path, "w");
	if (!ulaw || !source) fail("cannot write into", argv[2]);
	fprintf(source, "// Made by tools/prompts.c from prompts.tab.\n#include <stdint.h>\n\n"
	                "extern const uint32_t media_prompt_starts[];\nconst uint32_t media_prompt_starts[] = { 0,");
	for (int i = 0; i < MEDIA_PROMPT_COUNT; i++) {
		if (i > 0 && !prompts[i].text)
			fail("a prompt has no row in prompts.tab; the row before it", prompts[i - 1].name);
		if (i > 0) make(argv[1], argv[2], ulaw, i);
		fprintf(source, " %ld,", ftell(ulaw));
	}
	fprintf(source, " };\n__asm__(\".section .rodata\\n.global media_prompt_octets\\nmedia_prompt_octets:\\n"
	                ".incbin \\\"%s\\\"\\n.previous\");\n", ulaw_path);
	return fclose(ulaw) || fclose(source) ? 1 : 0;
}
