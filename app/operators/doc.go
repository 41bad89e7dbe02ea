// Package operators is what a studio's people and tools do: projects,
// environments, credentials, signing keys, the audit log, the state of workers.
//
// Every change is audited in its own transaction. A caller who names a project
// or environment that is not his own gets the same refusal whether it
// exists or not, and the attempt is audited too.
package operators
