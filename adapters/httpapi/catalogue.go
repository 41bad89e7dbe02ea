package httpapi

// entry explains a problem to who met it.
type entry struct {
	Title    string
	Happened string
	Do       string
}

var catalogue = map[string]entry{}
