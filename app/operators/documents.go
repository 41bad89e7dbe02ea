package operators

import (
	"context"

	"github.com/overworldhq/overworld/app/documents"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// RewindDocuments brings a player's documents back to what they were at a moment; see documents.Rewind.
func (u *UseCases) RewindDocuments(ctx context.Context, p tenancy.Principal, place Place, rewind documents.Rewind, effects ...once.Effect[documents.Rewound]) (documents.Rewound, error) {
	environment, _, err := u.environment(ctx, p, place.Project, place.Environment)
	if err != nil {
		return documents.Rewound{}, err
	}
	return u.parts.Documents.Rewind(ctx, p, environment, rewind, effects...)
}
