// Package redis is the shared cache of several replicas, redis:// and
// rediss:// (TLS), on a Redis or Valkey server, a Sentinel set or a Cluster:
//
//	redis://user:password@host:6379/0
//	rediss://:password@host
//	redis://host1?addr=host2:6379&addr=host3:6379   a Cluster; one address of it will do as well
//	redis://sentinel1:26379?addr=sentinel2:26379&master_set=main
//
// Parameters: addr (more addresses), master_set, db, prefix (of every key;
// "ow:" unless given; installations that share a server need one each),
// protocol=2 (servers without RESP3) and skip_verify=true (of the certificate;
// for tests).
//
// It stores nothing that can't be lost. It never makes a request wait long for
// a server that is away: commands have a quarter of a second, after a failure
// all fail at once, and a goroutine finds out when the server is back.
//
// On one server a take of several keys is one step. The keys of a Cluster live
// on several servers, so there each key is taken by itself, and given back if
// another refuses. Between the two, which is one round trip, others may be
// refused under that key; and if this process dies in between, the unit comes
// back only with time. Never is more let through than the rate.
//
// A rank index is as its server's memory is: whatever that loses shows, in whole or
// in part, and the index is built anew.
//
// A block that Redis acknowledged and then lost, in a flush or a fail-over, is
// lost: who revokes blocks before the commit, and again after it.
package redis
