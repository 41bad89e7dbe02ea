package storage

import "github.com/overworldhq/overworld/domain/fault"

var (
	ErrNotFound    = fault.New(fault.NotFound, "storage.document_not_found", "There is no such document, or none that you may read.")
	ErrWriteDenied = fault.New(fault.Forbidden, "storage.write_denied", "You may not write this document.")
	ErrStale       = fault.New(fault.Stale, "storage.version_mismatch", "The document is not in the state you named; its current state, if there is one, is under current.")
	// ErrRevisionNotFound is a revision that was never there, or is not kept any more.
	ErrRevisionNotFound = fault.New(fault.NotFound, "storage.revision_not_found", "There is no such revision of the document, or none that you may read.")
	ErrTooLarge         = fault.New(fault.TooLarge, "storage.value_too_large", "The value is larger than a document may be.")
	// ErrBatchTooLarge is a batch whose documents are too much at once.
	ErrBatchTooLarge = fault.New(fault.TooLarge, "storage.batch_too_large", "The documents of the batch are too much at once.")
	// ErrHistoryTooShort is a moment that the revisions of a document don't reach back to.
	ErrHistoryTooShort = fault.New(fault.Conflict, "storage.history_too_short", "What is kept of the document's history does not reach back to the moment.")
	// ErrSchemaViolation is a write whose result breaks the schema of its collection.
	ErrSchemaViolation = fault.New(fault.Invalid, "storage.schema_violation", "The value would break the schema of its collection; each fault is listed under errors. Nothing was changed.")
	// ErrCollectionNotFound is a collection that nobody declared.
	ErrCollectionNotFound = fault.New(fault.NotFound, "storage.collection_not_found", "Nothing is declared of this collection.")
	ErrCollectionStale    = fault.New(fault.Stale, "storage.collection_changed", "The declaration is not in the state you named; its current state, if there is one, is under current.")
)
