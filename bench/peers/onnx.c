// The chapter's networks in ONNX Runtime, which only predicts, through its C interface. It is asked on standard input
// ("predict 32", "evaluate 128") and answers on standard output ({"seconds": 0.0012}). The library is opened at run time:
//
//	gcc -O2 -o onnx onnx.c -ldl && ./onnx /path/to/libonnxruntime.so
//
// $BENCH_MODEL says which network, mlp, cnn or rnn. The folder $BENCH_MNIST has it, in mlp.onnx, what it should predict, mlp.expected, and the test digits. A call is
// Run alone: the tensors over the caller's memory, for what goes in and for what comes out, are made before.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 784, CLASSES = 10, ROWS = 10000, MOST = 1000 };

// What is used of the interface. The library's table of functions only ever grows at its end, so a function is known by
// its place; the types are pointers and ints. See onnxruntime_c_api.h, struct OrtApi.
enum {
	GET_ERROR_MESSAGE = 2,
	CREATE_ENV = 3,
	CREATE_SESSION = 7,
	RUN = 9,
	CREATE_SESSION_OPTIONS = 10,
	SET_INTRA_OP_NUM_THREADS = 24,
	CREATE_TENSOR_WITH_DATA = 49,
	CREATE_CPU_MEMORY_INFO = 69,
};
enum { WARNING = 2, FLOAT = 1, ARENA_ALLOCATOR = 1, MEM_TYPE_DEFAULT = 0, API_VERSION = 1 };
typedef struct {
	void *const *(*api)(uint32_t version);
	const char *(*version)(void);
} base;

static void *const *api;
static void *session, *memory;
static const char *error; // of the last call that failed

static int failed(void *status) {
	if (status) error = ((const char *(*)(const void *))api[GET_ERROR_MESSAGE])(status);
	return status != NULL;
}

// A batch is a number of rows, bound to their memory.
typedef struct {
	void *x, *y;
} batch;

// model is the name of the network.
static const char *model(void) { return getenv("BENCH_MODEL") ? getenv("BENCH_MODEL") : "mlp"; }

static int bind_batch(batch *b, float *x, float *y, int rows) {
	int image = !strcmp(model(), "cnn"), steps = !strcmp(model(), "rnn"); // then a digit is one, with a channel, or its rows
	const int64_t *shape = image ? (int64_t[]){rows, 1, 28, 28} : steps ? (int64_t[]){rows, 28, 28} : (int64_t[]){rows, COLUMNS};
	void *(*create)(const void *, void *, size_t, const int64_t *, size_t, int, void **) = api[CREATE_TENSOR_WITH_DATA];
	return !failed(create(memory, x, 4L * rows * COLUMNS, shape, image ? 4 : steps ? 3 : 2, FLOAT, &b->x)) &&
	       !failed(create(memory, y, 4L * rows * CLASSES, (int64_t[]){rows, CLASSES}, 2, FLOAT, &b->y));
}

static int run(batch *b) {
	static const char *in[] = {"x"}, *out[] = {"y"};
	void *(*call)(void *, const void *, const char *const *, void *const *, size_t, const char *const *, size_t, void **) = api[RUN];
	return !failed(call(session, NULL, in, &b->x, 1, out, 1, &b->y));
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
	double x = *(double *)a, y = *(double *)b;
	return (x > y) - (x < y);
}

// seconds returns the median seconds of going through n batches, which has been done before: of at least 3 and at most
// 1,000 times in 0.2 s; less than 0 if a run failed.
static double seconds(batch *batches, int n) {
	static double times[MOST];
	int count = -1; // the first doesn't count
	for (double end = 0; count < 3 || (now() < end && count < MOST); count++) {
		double start = now();
		for (int i = 0; i < n; i++)
			if (!run(&batches[i])) return -1;
		if (count < 0)
			end = now() + 0.2;
		else
			times[count] = now() - start;
	}
	qsort(times, count, sizeof *times, ascending);
	return times[count / 2];
}

// content returns what a file in $BENCH_MNIST holds.
static void *content(const char *name, long *size) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", getenv("BENCH_MNIST") ? getenv("BENCH_MNIST") : ".", name);
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	*size = ftell(f);
	rewind(f);
	char *data = malloc(*size);
	if (fread(data, 1, *size, f) != (size_t)*size) exit(1);
	fclose(f);
	return data;
}

static int start(const char *path) {
	void *library = dlopen(path, RTLD_NOW);
	if (!library) {
		error = dlerror();
		return 0;
	}
	const base *(*get)(void) = (const base *(*)(void))dlsym(library, "OrtGetApiBase");
	if (!get || !(api = get()->api(API_VERSION))) {
		error = "it has not the interface of ONNX Runtime";
		return 0;
	}
	char file[4096];
	snprintf(file, sizeof file, "%s/%s.onnx", getenv("BENCH_MNIST") ? getenv("BENCH_MNIST") : ".", model());
	int threads = getenv("BENCH_THREADS") ? atoi(getenv("BENCH_THREADS")) : 2;
	void *env, *options;
	if (failed(((void *(*)(int, const char *, void **))api[CREATE_ENV])(WARNING, "bench", &env)) ||
	    failed(((void *(*)(void **))api[CREATE_SESSION_OPTIONS])(&options)) ||
	    failed(((void *(*)(void *, int))api[SET_INTRA_OP_NUM_THREADS])(options, threads)) ||
	    failed(((void *(*)(const void *, const char *, const void *, void **))api[CREATE_SESSION])(env, file, options, &session)) ||
	    failed(((void *(*)(int, int, void **))api[CREATE_CPU_MEMORY_INFO])(ARENA_ALLOCATOR, MEM_TYPE_DEFAULT, &memory)))
		return 0;
	printf("{\"versions\": {\"onnxruntime\": \"%s\"}}\n", get()->version());
	fflush(stdout);
	return 1;
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	if (!start(argv[1])) {
		fprintf(stderr, "%s: %s\n", argv[1], error);
		return 1;
	}
	long size;
	uint8_t *images = content("test-images.npy", &size);
	images += size - (long)ROWS * COLUMNS; // after the header
	float *x = malloc(4L * ROWS * COLUMNS), *y = malloc(4L * ROWS * CLASSES), *expected;
	char known_as[64];
	snprintf(known_as, sizeof known_as, "%s.expected", model());
	expected = content(known_as, &size);
	for (long i = 0; i < (long)ROWS * COLUMNS; i++) x[i] = images[i] / 255.0f;
	long known = size / 4 / CLASSES;

	char line[64], question[16];
	while (fgets(line, sizeof line, stdin)) {
		int rows = 0, all = 0, n = 0;
		if (sscanf(line, "%15s %d", question, &rows) == 2 && rows > 0 && rows <= ROWS)
			all = !strcmp(question, "evaluate") ? ROWS : !strcmp(question, "predict") ? rows : 0;
		if (!all) {
			printf("{\"error\": \"not measured\"}\n");
			fflush(stdout);
			continue;
		}
		batch *batches = malloc(sizeof *batches * (ROWS / rows + 1));
		error = NULL;
		for (int i = 0; i < all && !error; i += rows, n++)
			bind_batch(&batches[n], x + (long)i * COLUMNS, y + (long)i * CLASSES, rows < all - i ? rows : all - i);
		memset(y, 0, 4L * ROWS * CLASSES);
		double time = error ? -1 : seconds(batches, n);
		float worst = 0;
		for (long i = 0; i < (known < all ? known : all) * CLASSES; i++) worst = fmaxf(worst, fabsf(y[i] - expected[i]));
		if (time < 0)
			printf("{\"error\": \"a call failed\"}\n"), fprintf(stderr, "%s\n", error);
		else if (!(worst < 1e-5))
			printf("{\"error\": \"the predictions are wrong\"}\n");
		else
			printf("{\"seconds\": %.9g}\n", time);
		fflush(stdout);
		free(batches); // the tensors stay: they are few
	}
}
