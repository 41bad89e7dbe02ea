// Command tests runs every test of the project on real servers:
//
//	go run ./tests [-servers=env|local|containers] [-race] [-short] [-run regexp] [-v] [packages]
//
// It finds or starts PostgreSQL, Redis, a Redis Cluster and an S3 server once,
// hands them to `go test`, and stops what it started. On Debian, as root, it
// installs what is missing. It fails when a test fails, when one is skipped
// without -short, and when none ran. Its last line is "N passed, N failed".
//
// It never ships: it is a tool of this repository.
package main
