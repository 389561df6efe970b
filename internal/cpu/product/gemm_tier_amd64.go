package product

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// gemmTiers holds what each tier has for products.
var gemmTiers = [...]*gemmKernels{isa.Generic: &kernelsGeneric, isa.AVX2: &kernelsAVX2, isa.AVX512: &kernelsAVX512}
