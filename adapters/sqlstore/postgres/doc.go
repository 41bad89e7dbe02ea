// Package postgres opens PostgreSQL, or a database that speaks its protocol, as
// the source of truth: postgres:// and postgresql:// URLs as libpq reads them,
// with the pool's own parameters of pgxpool (pool_max_conns and its kin).
//
// It knows PostgreSQL's error codes, schema and connections, and nothing of
// what is asked: the queries are sqlstore's. It uses no extension, no advisory
// lock and no LISTEN, which compatible databases lack.
package postgres
