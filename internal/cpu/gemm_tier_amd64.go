package cpu

// gemmTiers holds what each tier has for products.
var gemmTiers = [...]*gemmKernels{Generic: &kernelsGeneric, AVX2: &kernelsAVX2, AVX512: &kernelsAVX512}
