package documents_test

import (
	"testing"

	"github.com/overworldhq/overworld/tests/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }
