//go:build !amd64

package crc

import "hash/crc32"

// Update returns the sum of a text that has the sum crc, with b behind it.
func Update(crc uint32, b []byte) uint32 { return crc32.Update(crc, crc32.IEEETable, b) }
