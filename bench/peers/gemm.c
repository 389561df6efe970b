// Matrix products by a BLAS library or by oneDNN, which is asked on standard input ("gemm M N K TRANSA TRANSB") and
// answers on standard output ({"seconds": 0.0012}). The library is opened at run time:
//
//	gcc -O2 -o gemm gemm.c -ldl && ./gemm openblas /path/to/libopenblas.so
//	./gemm onednn /path/to/libdnnl.so
//
// Of oneDNN it takes the better of the function dnnl_sgemm and, from version 3 on, the matmul primitive on matrices as they
// lie. All are row-major, as everywhere in this folder.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef void (*cblas_sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
typedef int (*dnnl_sgemm)(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t, float,
                          float *, int64_t);

static cblas_sgemm blas;
static dnnl_sgemm dnnl;

// A product is what is multiplied, and how: with one call or with a primitive.
typedef struct {
	int ta, tb, m, n, k;
	float *a, *b, *c;
	void *primitive, *memory[3];
} product;

// What is used of oneDNN's interface for primitives; its types are pointers and ints.
static void *engine, *stream;
typedef struct {
	int arg;
	void *memory;
} dnnl_arg;
static int (*engine_create)(void **, int, size_t), (*stream_create)(void **, void *, unsigned);
static int (*desc_create)(void **, int, const int64_t *, int, const int64_t *), (*memory_create)(void **, void *, void *, void *);
static int (*matmul_desc)(void **, void *, void *, void *, void *, void *, void *), (*primitive_create)(void **, void *);
static int (*execute)(void *, void *, int, const dnnl_arg *), (*stream_wait)(void *);

static int bind_primitives(void *library) {
#define BIND(f, name) (*(void **)&f = dlsym(library, name)) != NULL
	return BIND(engine_create, "dnnl_engine_create") && BIND(stream_create, "dnnl_stream_create") &&
	       BIND(desc_create, "dnnl_memory_desc_create_with_strides") && BIND(memory_create, "dnnl_memory_create") &&
	       BIND(matmul_desc, "dnnl_matmul_primitive_desc_create") && BIND(primitive_create, "dnnl_primitive_create") &&
	       BIND(execute, "dnnl_primitive_execute") && BIND(stream_wait, "dnnl_stream_wait") &&
	       !engine_create(&engine, 1, 0) && !stream_create(&stream, engine, 1);
}

// prepare makes the primitive of a product; 0 says that there is none.
static int prepare(product *p) {
	void *desc[3], *of;
	int64_t rows[] = {p->m, p->k, p->m}, columns[] = {p->k, p->n, p->n};
	int transposed[] = {p->ta, p->tb, 0};
	float *data[] = {p->a, p->b, p->c};
	for (int i = 0; i < 3; i++) {
		int64_t dims[] = {rows[i], columns[i]}, strides[] = {transposed[i] ? 1 : columns[i], transposed[i] ? rows[i] : 1};
		if (desc_create(&desc[i], 2, dims, 3, strides) || memory_create(&p->memory[i], desc[i], engine, data[i])) return 0;
	}
	return !matmul_desc(&of, engine, desc[0], desc[1], NULL, desc[2], NULL) && !primitive_create(&p->primitive, of);
}

static void multiply(const product *p) {
	int lda = p->ta ? p->m : p->k, ldb = p->tb ? p->k : p->n;
	if (p->primitive) {
		execute(p->primitive, stream, 3, (dnnl_arg[]){{1, p->memory[0]}, {33, p->memory[1]}, {17, p->memory[2]}});
		stream_wait(stream);
	} else if (dnnl)
		dnnl(p->ta ? 'T' : 'N', p->tb ? 'T' : 'N', p->m, p->n, p->k, 1, p->a, lda, p->b, ldb, 0, p->c, p->n);
	else
		blas(101, p->ta ? 112 : 111, p->tb ? 112 : 111, p->m, p->n, p->k, 1, p->a, lda, p->b, ldb, 0, p->c, p->n);
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

// matrix returns a matrix in memory of the kind that Cornu's are in: 1 MB or more on huge pages.
static float *matrix(long n) {
	long huge = 2 << 20, align = 4 * n < huge / 2 ? 64 : huge, size = (4 * n + align - 1) / align * align;
	float *x = aligned_alloc(align, size);
#ifdef MADV_HUGEPAGE
	if (align == huge) madvise(x, size, MADV_HUGEPAGE);
#endif
	for (long i = 0; i < n; i++) x[i] = (float)(i * 7919 % 1000) / 1000 - 0.5f;
	return x;
}

static int ascending(const void *a, const void *b) {
	double x = *(double *)a, y = *(double *)b;
	return (x > y) - (x < y);
}

// seconds returns the median time of a product, of 3 series of some milliseconds each, after as many as give the system time
// to let threads that slept have cores of their own; of a long one, the better of 2.
static double seconds(const product *p) {
	double start = now(), s[3];
	multiply(p);
	double once = now() - start;
	int calls = 1, series = 2;
	if (once < 0.1) {
		for (start = now(); now() - start < 50e-3;) multiply(p);
		start = now();
		multiply(p);
		calls = 4e-3 / (now() - start + 1e-8) + 1, series = 3;
	}
	for (int i = 0; i < series; i++) {
		start = now();
		for (int j = 0; j < calls; j++) multiply(p);
		s[i] = (now() - start) / calls;
	}
	qsort(s, series, sizeof *s, ascending);
	return s[series - 2];
}

// wrong returns the largest error of some of the product's elements.
static double wrong(const product *p) {
	double worst = 0;
	for (int q = 0; q < 100; q++) {
		int i = q * 31 % p->m, j = q * 17 % p->n;
		double sum = 0;
		for (int k = 0; k < p->k; k++)
			sum += (double)(p->ta ? p->a[(long)k * p->m + i] : p->a[(long)i * p->k + k]) *
			       (p->tb ? p->b[(long)j * p->k + k] : p->b[(long)k * p->n + j]);
		double error = sum - p->c[(long)i * p->n + j];
		if (error < 0) error = -error;
		if (error > worst) worst = error;
	}
	return worst;
}

static void *symbol(void *library, const char **names) {
	for (; *names; names++) {
		void *f = dlsym(library, *names);
		if (f) return f;
	}
	return NULL;
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	void *library = dlopen(argv[2], RTLD_NOW | RTLD_GLOBAL);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	if (!strcmp(argv[1], "onednn")) {
		dnnl = (dnnl_sgemm)symbol(library, (const char *[]){"dnnl_sgemm", NULL});
		const struct { int major, minor, patch; } *v = NULL;
		const void *(*version)(void) = (const void *(*)(void))symbol(library, (const char *[]){"dnnl_version", NULL});
		if (version) v = version();
		if (dnnl && v) printf("{\"versions\": {\"oneDNN\": \"%d.%d.%d\"}}\n", v->major, v->minor, v->patch);
	} else {
		blas = (cblas_sgemm)symbol(library, (const char *[]){"cblas_sgemm", "scipy_cblas_sgemm", NULL});
		char *(*config)(void) = (char *(*)(void))symbol(library, (const char *[]){"openblas_get_config", "scipy_openblas_get_config", NULL});
		const char *about = config ? config() : "";
		if (blas) printf("{\"versions\": {\"OpenBLAS\": \"%s\"}}\n", about + (strncmp(about, "OpenBLAS ", 9) ? 0 : 9));
	}
	if (!blas && !dnnl) {
		fprintf(stderr, "%s has no sgemm\n", argv[2]);
		return 1;
	}
	fflush(stdout);
	int primitives = dnnl && bind_primitives(library);
	product p;
	while (scanf(" gemm %d %d %d %d %d", &p.m, &p.n, &p.k, &p.ta, &p.tb) == 5) {
		p.a = matrix((long)p.m * p.k), p.b = matrix((long)p.k * p.n), p.c = matrix((long)p.m * p.n), p.primitive = NULL;
		double time = seconds(&p);
		if (primitives && prepare(&p)) {
			memset(p.c, 0, 4L * p.m * p.n);
			double other = seconds(&p);
			if (other < time) time = other;
		}
		if (wrong(&p) > 1e-3)
			printf("{\"error\": \"the product is wrong\"}\n");
		else
			printf("{\"seconds\": %.9g}\n", time);
		fflush(stdout);
		free(p.a), free(p.b), free(p.c); // the primitives stay: they are few
	}
}
