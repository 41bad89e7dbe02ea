// Package documents reads and writes players' and shared documents for players,
// servers and operators. The rules are storage's; this package finds the
// current state, applies them in a transaction and audits operators.
package documents
