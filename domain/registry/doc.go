// Package registry knows the dedicated game servers that are up, and who has a seat on them.
//
// A server announces itself and says again and again that it is alive; its lease
// ends by time, whether anybody looks or not. Each registration of an id is a
// generation of its own, and what an older one says is refused. Seats are
// promised one by one from what a server has, never more than that, and a promise
// that isn't kept in time is void by itself.
//
// A Server is one value that its methods turn into the next, so that all rules
// about it hold at once. The package never sees a clock, a key or a database, and
// it doesn't know whether a server can be reached.
package registry
