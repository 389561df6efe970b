// Convolutions by oneDNN's primitives, asked on standard input ("forward BATCH SIZE CHANNELS FILTERS TAPS STRIDE PAD GROUPS", or "image …" for
// the gradient of the image, "kernel …" for that of the kernel) and answered on standard output ({"seconds": 0.0012}). The library
// is opened at run time:
//
//	gcc -O2 -o conv conv.c -ldl && ./conv /path/to/libdnnl.so
//
// The primitive chooses the layouts of all that it reads and writes, and what it would take to bring anything into them and
// back counts nothing.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// What is used of oneDNN's interface, version 3; its types are pointers and ints.
enum { CPU = 1, F32 = 3, ANY = 1, TRAINING = 64, DIRECT = 1, ALLOCATE = -1 };
enum { SRC = 1, DST = 17, WEIGHTS = 33, DIFF_SRC = 129, DIFF_DST = 145, DIFF_WEIGHTS = 161 };
enum { SRC_MD = 129, DIFF_SRC_MD, WEIGHTS_MD, DIFF_WEIGHTS_MD, DST_MD, DIFF_DST_MD };
typedef struct {
	int arg;
	void *memory;
} argument;
static int (*engine_create)(void **, int, size_t), (*stream_create)(void **, void *, unsigned);
static int (*desc_create)(void **, int, const int64_t *, int, int), (*memory_create)(void **, const void *, void *, void *);
static int (*forward_desc)(void **, void *, int, int, void *, void *, void *, void *, const int64_t *, const int64_t *, const int64_t *, const int64_t *, void *);
static int (*image_desc)(void **, void *, int, void *, void *, void *, const int64_t *, const int64_t *, const int64_t *, const int64_t *, void *, void *);
static int (*kernel_desc)(void **, void *, int, void *, void *, void *, void *, const int64_t *, const int64_t *, const int64_t *, const int64_t *, void *, void *);
static int (*primitive_create)(void **, void *), (*primitive_destroy)(void *), (*memory_destroy)(void *), (*memory_data)(void *, void **);
static const void *(*query_md)(void *, int, int);
static size_t (*desc_size)(const void *);
static int (*execute)(void *, void *, int, const argument *), (*stream_wait)(void *);

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
	double x = *(double *)a, y = *(double *)b;
	return (x > y) - (x < y);
}

// memory_of makes memory of the layout that a primitive asks for, with numbers in it.
static void *memory_of(void *engine, void *desc, int what) {
	const void *md = query_md(desc, what, 0);
	void *memory, *data;
	if (memory_create(&memory, md, engine, (void *)(intptr_t)ALLOCATE) || memory_data(memory, &data)) return NULL;
	for (size_t i = 0; i < desc_size(md) / 4; i++) ((float *)data)[i] = (float)(i * 7919 % 1000) / 1000 - 0.5f;
	return memory;
}

// seconds returns the median seconds of a call that has run before: of at least 3 calls in 0.1 s; less than 0 if one fails.
static double seconds(void *primitive, void *stream, const argument *arguments) {
	static double times[10000];
	int count = -1; // the first doesn't count
	for (double end = 0; count < 3 || (now() < end && count < 10000); count++) {
		double start = now();
		if (execute(primitive, stream, 3, arguments) || stream_wait(stream)) return -1;
		if (count < 0)
			end = now() + 0.1;
		else
			times[count] = now() - start;
	}
	qsort(times, count, sizeof *times, ascending);
	return times[count / 2];
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	void *engine, *stream;
#define BIND(f, name) (*(void **)&f = dlsym(library, name)) != NULL
	if (!(BIND(engine_create, "dnnl_engine_create") && BIND(stream_create, "dnnl_stream_create") &&
	      BIND(desc_create, "dnnl_memory_desc_create_with_tag") && BIND(memory_create, "dnnl_memory_create") &&
	      BIND(memory_destroy, "dnnl_memory_destroy") && BIND(memory_data, "dnnl_memory_get_data_handle") &&
	      BIND(forward_desc, "dnnl_convolution_forward_primitive_desc_create") && BIND(desc_size, "dnnl_memory_desc_get_size") &&
	      BIND(image_desc, "dnnl_convolution_backward_data_primitive_desc_create") && BIND(query_md, "dnnl_primitive_desc_query_md") &&
	      BIND(kernel_desc, "dnnl_convolution_backward_weights_primitive_desc_create") && BIND(primitive_create, "dnnl_primitive_create") &&
	      BIND(primitive_destroy, "dnnl_primitive_destroy") && BIND(execute, "dnnl_primitive_execute") && BIND(stream_wait, "dnnl_stream_wait") &&
	      !engine_create(&engine, CPU, 0) && !stream_create(&stream, engine, 1))) {
		fprintf(stderr, "%s has not the interface of oneDNN 3\n", argv[1]);
		return 1;
	}
	printf("{}\n"); // its version is said by the one that multiplies matrices
	fflush(stdout);
	char line[256], what[16];
	while (fgets(line, sizeof line, stdin)) {
		int64_t batch, size, channels, filters, taps, stride, pad, groups;
		if (sscanf(line, "%15s %ld %ld %ld %ld %ld %ld %ld %ld", what, &batch, &size, &channels, &filters, &taps, &stride, &pad, &groups) != 9) {
			printf("{\"error\": \"not measured\"}\n");
			fflush(stdout);
			continue;
		}
		int64_t n = (size + 2 * pad - taps) / stride + 1, strides[] = {stride, stride}, dilates[] = {0, 0}, pads[] = {pad, pad};
		int64_t x[] = {batch, channels, size, size}, y[] = {batch, filters, n, n};
		int64_t k[] = {filters, channels, taps, taps}, grouped[] = {groups, filters / groups, channels / groups, taps, taps};
		void *mx, *mk, *my, *forward, *desc, *primitive;
		int failed = desc_create(&mx, 4, x, F32, ANY) || desc_create(&my, 4, y, F32, ANY) || desc_create(&mk, groups > 1 ? 5 : 4, groups > 1 ? grouped : k, F32, ANY) ||
		             forward_desc(&forward, engine, TRAINING, DIRECT, mx, mk, NULL, my, strides, dilates, pads, pads, NULL);
		argument arguments[3];
		if (!failed && !strcmp(what, "forward")) {
			desc = forward;
			memcpy(arguments, (argument[]){{SRC, memory_of(engine, desc, SRC_MD)}, {WEIGHTS, memory_of(engine, desc, WEIGHTS_MD)}, {DST, memory_of(engine, desc, DST_MD)}}, sizeof arguments);
		} else if (!failed && !strcmp(what, "image")) {
			failed = image_desc(&desc, engine, DIRECT, mx, mk, my, strides, dilates, pads, pads, forward, NULL);
			if (!failed) memcpy(arguments, (argument[]){{DIFF_DST, memory_of(engine, desc, DIFF_DST_MD)}, {WEIGHTS, memory_of(engine, desc, WEIGHTS_MD)}, {DIFF_SRC, memory_of(engine, desc, DIFF_SRC_MD)}}, sizeof arguments);
		} else if (!failed) {
			failed = kernel_desc(&desc, engine, DIRECT, mx, mk, NULL, my, strides, dilates, pads, pads, forward, NULL);
			if (!failed) memcpy(arguments, (argument[]){{SRC, memory_of(engine, desc, SRC_MD)}, {DIFF_DST, memory_of(engine, desc, DIFF_DST_MD)}, {DIFF_WEIGHTS, memory_of(engine, desc, DIFF_WEIGHTS_MD)}}, sizeof arguments);
		}
		double time = -1;
		if (!failed && !primitive_create(&primitive, desc)) {
			time = seconds(primitive, stream, arguments);
			primitive_destroy(primitive);
			for (int i = 0; i < 3; i++) memory_destroy(arguments[i].memory); // descriptions stay: they are small
		}
		if (time < 0)
			printf("{\"error\": \"not measured\"}\n");
		else
			printf("{\"seconds\": %.9g}\n", time);
		fflush(stdout);
	}
}
