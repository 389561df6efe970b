// Matrix products by a BLAS library or by oneDNN, which is asked on standard input ("gemm M N K TRANSA TRANSB") and
// answers on standard output ({"seconds": 0.0012}). The library is opened at run time:
//
//	gcc -O2 -o gemm gemm.c -ldl && ./gemm openblas /path/to/libopenblas.so
//	./gemm onednn /path/to/libdnnl.so
//
// Of oneDNN it takes the sgemm function. All matrices are row-major, as everywhere in this folder.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void (*cblas_sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
typedef int (*dnnl_sgemm)(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t, float,
                          float *, int64_t);

static cblas_sgemm blas;
static dnnl_sgemm dnnl;

static void multiply(int ta, int tb, int m, int n, int k, const float *a, const float *b, float *c) {
	int lda = ta ? m : k, ldb = tb ? k : n;
	if (dnnl)
		dnnl(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1, a, lda, b, ldb, 0, c, n);
	else
		blas(101, ta ? 112 : 111, tb ? 112 : 111, m, n, k, 1, a, lda, b, ldb, 0, c, n);
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float *matrix(long n) {
	float *x = aligned_alloc(64, (4 * n + 63) / 64 * 64);
	for (long i = 0; i < n; i++) x[i] = (float)(i * 7919 % 1000) / 1000 - 0.5f;
	return x;
}

static int ascending(const void *a, const void *b) {
	double x = *(double *)a, y = *(double *)b;
	return (x > y) - (x < y);
}

// seconds returns the median time of a product, of 3 series of some milliseconds each; of a long one, the better of 2.
static double seconds(int ta, int tb, int m, int n, int k) {
	float *a = matrix((long)m * k), *b = matrix((long)k * n), *c = matrix((long)m * n);
	double start = now(), s[3];
	multiply(ta, tb, m, n, k, a, b, c);
	double once = now() - start;
	int calls = 1, series = 2;
	if (once < 0.1) {
		start = now();
		multiply(ta, tb, m, n, k, a, b, c);
		calls = 4e-3 / (now() - start + 1e-8) + 1, series = 3;
	}
	for (int i = 0; i < series; i++) {
		start = now();
		for (int j = 0; j < calls; j++) multiply(ta, tb, m, n, k, a, b, c);
		s[i] = (now() - start) / calls;
	}
	qsort(s, series, sizeof *s, ascending);
	free(a), free(b), free(c);
	return s[series - 2];
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
		if (blas) printf("{\"versions\": {\"OpenBLAS\": \"%s\"}}\n", config ? config() : "");
	}
	if (!blas && !dnnl) {
		fprintf(stderr, "%s has no sgemm\n", argv[2]);
		return 1;
	}
	fflush(stdout);
	int m, n, k, ta, tb;
	while (scanf(" gemm %d %d %d %d %d", &m, &n, &k, &ta, &tb) == 5) {
		printf("{\"seconds\": %.9g}\n", seconds(ta, tb, m, n, k));
		fflush(stdout);
	}
}
