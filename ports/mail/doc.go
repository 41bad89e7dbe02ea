// Package mail is how mail leaves: a Sender hands one message to whoever carries
// it, and an Outbox keeps what waits for that in the database.
//
// Mail is never sent within a request or a transaction. The outbox is written in
// the transaction of what the mail tells of, so it is sent if and only if that
// was committed, though perhaps twice after a crash.
package mail
