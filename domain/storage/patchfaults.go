package storage

import "github.com/overworldhq/overworld/domain/fault"

// Faults of edits: of merge patches, JSON patches and increments. Their fields
// point into the list of operations or steps, such as "/3/path", or into the
// merge patch; who sent the list within a larger body puts its own place before.
//
// What only the current value decides is a Conflict: the same edit may succeed
// on another state of the document.
var (
	// ErrPatchInvalid is a patch that no document could take.
	ErrPatchInvalid = fault.New(fault.Invalid, "storage.patch_invalid", "The patch is malformed; each fault is listed under errors.")
	// ErrPatchTestFailed is a test operation that found another value.
	ErrPatchTestFailed = fault.New(fault.Conflict, "storage.patch_test_failed", "A test of the patch found another value; nothing was changed.")
	// ErrPatchPathNotFound is a path, or from, that leads nowhere in this value.
	ErrPatchPathNotFound = fault.New(fault.Conflict, "storage.patch_path_not_found", "A path leads to nothing in the document as it is; nothing was changed.")
	// ErrPatchTooCostly is a patch that copies or compares more than any honest one.
	ErrPatchTooCostly = fault.New(fault.TooLarge, "storage.patch_too_costly", "The operations copy, move and compare too much together; nothing was changed.")
	// ErrTooDeep is a write that would nest the value deeper than it may.
	ErrTooDeep = fault.New(fault.Invalid, "storage.value_too_deep", "The value would nest too deep; nothing was changed.")
	// ErrNotInteger is an increment of what is no int64.
	ErrNotInteger = fault.New(fault.Conflict, "storage.increment_not_integer", "What is to be incremented is not an integer of at most 64 bits; nothing was changed.")
	// ErrOverflow is a sum beyond int64.
	ErrOverflow = fault.New(fault.Invalid, "storage.increment_overflow", "The sum would not fit in 64 bits; nothing was changed.")
	// ErrOutOfBounds is a sum beyond the bounds that the step itself sets.
	ErrOutOfBounds = fault.New(fault.Conflict, "storage.increment_out_of_bounds", "The sum would be outside the bounds of the step; nothing was changed.")
)
