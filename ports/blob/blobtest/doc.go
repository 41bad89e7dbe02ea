// Package blobtest is the suite that a blob store must pass. An adapter's test
// calls [Run]; the suite needs nothing but testing.
package blobtest
