package cpu

// gemmTiers holds what each tier has for products.
var gemmTiers = [...]*gemmKernels{Generic: &kernelsGeneric, NEON: &kernelsNEON}
