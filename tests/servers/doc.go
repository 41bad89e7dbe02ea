// Package servers gives tests the real servers they need: PostgreSQL, Redis, a
// Redis Cluster and S3.
//
// A shared server is found once a process, in this order: the address in the
// environment (OVERWORLD_TEST_POSTGRES, _REDIS, _REDIS_CLUSTER, _S3), programs
// on the machine, a Docker-compatible engine. OVERWORLD_TEST_SERVERS=env, local
// or containers allows one way only. Each test gets a database, a key prefix or
// a bucket of its own, so all tests may run in parallel. `go run ./tests` starts
// the shared servers once for all packages and hands them on by environment.
//
// A test that breaks its server takes a private one: [OwnPostgres], [OwnRedis]
// and [OwnS3] can be stopped, killed and paused.
//
// A package that uses this one calls [Main] from its TestMain, which stops what
// was started. A server that cannot be had fails the test (with -short it skips
// it); nothing is skipped silently, nothing is imitated, and nothing is ever
// installed from here.
//
// Linux and macOS only: it speaks to processes with signals.
package servers
