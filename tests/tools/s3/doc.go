// Command s3 is the S3 server of the tests: versitygw over a folder, with real
// signatures and real multipart uploads. It lives in a module of its own, so
// that none of this reaches the product's go.mod. It is never part of a release.
package main
