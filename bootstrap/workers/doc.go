// Package workers runs the jobs: each by one replica at a time, on time, and
// again after downtime. A lease in the database says whose turn it is; its
// fencing token keeps a replica that was paused and overtaken from acting late.
package workers
