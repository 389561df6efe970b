// Package cputest has what the kernels' tests share: a test for each tier, memory with fences around it, numbers at the
// edges, a sample of cases.
package cputest
