// Package custody sees to it that a database and an object store belong together, and lets
// go of objects that the database doesn't know.
//
// A database that is restored to an earlier moment, or that is another one than was
// meant, doesn't know objects that are needed all the same. So nothing is deleted by a process
// whose database and store tell different ids, and nothing at first sight: an object goes
// once it was unknown at every look for Kept.
package custody
