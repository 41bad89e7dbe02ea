// Package smtp hands mail to a mail server (RFC 5321): smtp:// turns to TLS by
// STARTTLS before it says anything of use, smtps:// begins with it.
//
// Each message has a connection of its own. A server that answers slowly is given
// up when the context ends, or after the timeout.
package smtp
