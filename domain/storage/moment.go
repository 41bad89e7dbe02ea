package storage

import "time"

// At gives what a document was at a moment, from what it is now and its earlier
// states that are kept, the latest first; whether they have values does not matter. Where there
// was no document yet it is a tombstone of version 0. When what is kept doesn't
// reach back to the moment it is ErrHistoryTooShort.
//
// Of states that a moved clock dated out of order, the latest that is not
// after the moment counts.
func At(moment time.Time, current Document, past []Document) (Document, error) {
	version, state := current.Version, current
	for {
		// One that is missing may be the one that was current then.
		if state.Version != version {
			return Document{}, ErrHistoryTooShort
		}
		if !state.UpdatedAt.After(moment) {
			return state, nil
		}
		version--
		switch {
		case version == 0:
			return Document{Ref: current.Ref, Deleted: true}, nil
		case len(past) == 0:
			return Document{}, ErrHistoryTooShort
		}
		state, past = past[0], past[1:]
	}
}
