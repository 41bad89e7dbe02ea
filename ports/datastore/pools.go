package datastore

import "time"

// Pooled is a store that tells of its connections, for whoever watches it.
type Pooled interface {
	// Pools are in the same order each time.
	Pools() []Pool
}

// Pool is how one pool of connections is at the moment.
type Pool struct {
	Name string
	// Max is how many connections there may be; Open are there, and InUse of those are busy.
	Max, Open, InUse int
	// Waits counts the callers that had to wait for a connection, and Waited is
	// how long they did, all together, since the start.
	Waits  int64
	Waited time.Duration
}
