// Package logmail writes mail to the log instead of sending it, codes and all, so
// that somebody who develops can copy them. It is no way to run in production:
// who reads the log can take over any player who signs in by e-mail.
package logmail
