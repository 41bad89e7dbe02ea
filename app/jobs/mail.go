package jobs

import (
	"context"
	"time"

	"github.com/overworldhq/overworld/app/mailing"
)

// MailDelivery sends what waits in the outbox: what a replica didn't get to before it
// ended, and what could not be sent at first. Mail is claimed one by one, so no
// turn is needed to send it.
func MailDelivery(outbox *mailing.Outbox) Job {
	return Job{Name: "mail-delivery", Every: 20 * time.Second, Deadline: 5 * time.Minute, Run: func(ctx context.Context, _ Turn) error {
		return outbox.Deliver(ctx)
	}}
}
