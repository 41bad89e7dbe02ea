// Package all lists the built-in adapters, in plain code: nothing registers itself.
package all

import (
	"github.com/overworldhq/overworld/adapters/blobstore"
	"github.com/overworldhq/overworld/adapters/logmail"
	"github.com/overworldhq/overworld/adapters/memory"
	"github.com/overworldhq/overworld/adapters/redis"
	"github.com/overworldhq/overworld/adapters/smtp"
	"github.com/overworldhq/overworld/adapters/sqlstore/postgres"
	"github.com/overworldhq/overworld/adapters/sqlstore/sqlite"
	"github.com/overworldhq/overworld/ports/plugin"
)

// Plugins are the built-in adapters.
func Plugins() []plugin.Plugin {
	return []plugin.Plugin{
		sqlite.Plugin, postgres.Plugin, // databases
		memory.Plugin, redis.Plugin, // caches
		blobstore.Plugin,            // blobs
		logmail.Plugin, smtp.Plugin, // mail
	}
}
