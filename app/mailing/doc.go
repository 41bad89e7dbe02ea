// Package mailing sends the mail that use cases leave in the outbox, and is the
// only place that knows its words.
//
// What a mail says is decided when it is sent: whether an address belongs to a
// player changes the text, and nothing in the request that asked for it. An address
// is never logged whole.
package mailing
