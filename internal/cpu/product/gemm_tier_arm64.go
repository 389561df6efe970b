package product

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// gemmTiers holds what each tier has for products.
var gemmTiers = [...]*gemmKernels{isa.Generic: &kernelsGeneric, isa.NEON: &kernelsNEON}
