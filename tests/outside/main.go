// Overworld with one more adapter: this module stands for a third party's, which
// lives elsewhere and knows nothing but Overworld's public packages. Its binary
// does all that the built-in one does, and knows heap:// besides.
package main

import (
	"github.com/overworldhq/overworld/bootstrap"

	"example.com/overworld-heap/heap"
)

func main() { bootstrap.Main(bootstrap.WithPlugins(heap.Plugin)) }
