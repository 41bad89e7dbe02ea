// Package servers is what dedicated game servers, players and operators do with the
// registry: announce, look for, and fill servers.
//
// Whatever changes a server goes through one door: changes of many callers share a
// commit, in which each server is locked once, and each change is decided on what
// those before it left. So of a hundred who want the last seat one gets it,
// and the heartbeats of ten thousand servers are thirty commits a second.
//
// Lists never ask the database for one reader: they are made from a picture of the
// environment that is at most Fresh old, and the same question is answered once
// for all who ask it. The package never reaches out to a server.
package servers
