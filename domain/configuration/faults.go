package configuration

import (
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

var (
	ErrName           = fault.New(fault.Invalid, "config.malformed_name", "A config's name is 1 to %d lower-case letters, digits and single hyphens, beginning with a letter.", MaxName)
	ErrConfigNotFound = fault.New(fault.NotFound, "config.not_found", "There is no such config.")
	ErrConfigStale    = fault.New(fault.Stale, "config.version_mismatch", "The config is not in the state you named; its current state, if there is one, is under current.")
	ErrTooMany        = fault.New(fault.Conflict, "config.too_many", "The environment has as many configs as it may.")
	// ErrReleaseNotFound is a release that was never there, or is not kept any more.
	ErrReleaseNotFound = fault.New(fault.NotFound, "config.release_not_found", "The config has no such release, or none that is kept.")
	ErrBundleNotFound  = fault.New(fault.NotFound, "config.bundle_not_found", "There is no such bundle, or none that you may read.")
	// ErrBundleMissing refuses a release of a bundle that the environment doesn't have.
	ErrBundleMissing = fault.New(fault.Invalid, "config.bundle_missing", "The environment has no such bundle; upload it first.")
	ErrBundleSize    = fault.New(fault.TooLarge, "config.bundle_too_large", "The bundle is larger than this server accepts.")
	ErrBundleEmpty   = fault.New(fault.Invalid, "config.bundle_empty", "A bundle has at least one byte.")
	ErrContentType   = fault.New(fault.Unsupported, "config.content_type", "A bundle's Content-Type is a media type of at most %d bytes, and the body is not compressed by a Content-Encoding.", maxContentType)
	// ErrOtherType refuses bytes that are a bundle already, of another content type.
	ErrOtherType = fault.New(fault.Conflict, "config.other_content_type", "These bytes are a bundle already, of another content type.")
	ErrNotJSON   = fault.New(fault.Invalid, "config.not_json", "A bundle of the type application/json is a JSON text in UTF-8 in which no member is given twice.")
	// ErrSchema is a bundle that breaks the schema of its config.
	ErrSchema = fault.New(fault.Invalid, "config.schema_violation", "A bundle would break the schema of its config; each fault is listed under errors. Nothing was changed.")
	// ErrNotChecked is a bundle that is too large, or of the wrong type, to be judged by a schema.
	ErrNotChecked = fault.New(fault.Invalid, "config.not_checkable", "The config has a schema, which only bundles of JSON satisfy that are small enough to be read inline.")
	// ErrNothingToPromote is a release that has nothing for everyone, when that was asked for.
	ErrNothingToPromote = fault.New(fault.Conflict, "config.nothing_to_promote", "That release has no bundle that everyone gets, or not the one you named; promote its rules, or one of its bundles.")
	// ErrWiderReaders refuses to release where more would read it than where it comes from.
	ErrWiderReaders  = fault.New(fault.Conflict, "config.wider_readers", "More may read this config here than in the environment it is promoted from.")
	ErrNothingBefore = fault.New(fault.Conflict, "config.nothing_before", "There is no release to go back to.")
	// ErrManyPolls refuses one that is one too many for its caller.
	ErrManyPolls = fault.New(fault.TooMany, "config.many_polls", "As many polls of this caller wait for a change as of one may.").After(10 * time.Second)
	// ErrTooManyWaiting refuses a long poll; what it would have waited for can be read without waiting.
	ErrTooManyWaiting = fault.New(fault.Unavailable, "config.too_many_waiting", "As many callers wait for a change as this server lets wait, of all environments or of this one.").After(10 * time.Second)
	// ErrDamaged is an object whose bytes are not those that were stored.
	ErrDamaged = fault.New(fault.Unavailable, "config.bundle_damaged", "The object store gave other bytes for this bundle than were stored; they are not served.")
)
