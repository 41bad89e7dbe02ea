// Package audit remembers who did what: operators' actions and security events.
//
// An event is written in the transaction of the change it tells of, and is
// never changed or deleted by the API. It holds no secrets and no documents.
package audit
