package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/configs"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// liveConfig is what one caller gets.
type liveConfig struct {
	Configs map[string]liveValue `json:"configs" doc:"By name, those that have something for the caller."`

	answer *configs.Answer
}

var _ parted = (*liveConfig)(nil)

type liveValue struct {
	Release     int     `json:"release" doc:"The number of the release that chose it."`
	SHA256      string  `json:"sha256" doc:"Of the bundle's bytes, in 64 lower-case hexadecimal digits."`
	Size        int64   `json:"size" doc:"Of the bundle, in bytes."`
	ContentType string  `json:"content_type"`
	Value       anyJSON `json:"value,omitzero" doc:"The bundle itself, if it is JSON of at most config_value_bytes."`
	URL         string  `json:"url,omitempty" doc:"Where to read the bundle, if it is not here."`
}

// parts gives the reply in pieces that all callers share, but for those who want numbers as strings.
func (l *liveConfig) parts(c *call) ([][]byte, error) {
	parts := make([][]byte, 0, 4*len(l.answer.Items)+2)
	parts = append(parts, []byte(`{"configs":{`))
	for i, item := range l.answer.Items {
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		framed, err := l.frame(c, item)
		if err != nil {
			return nil, err
		}
		if parts = append(parts, framed); item.Value != nil {
			parts = append(parts, item.Value, []byte("}"))
		}
	}
	return append(parts, []byte("}}")), nil
}

func (l *liveConfig) frame(c *call, item *configs.Item) ([]byte, error) {
	if c.stringInt64 {
		return c.frame(item)
	}
	return item.Framed(c.frame)
}

// frame writes a member of the configs, up to its value if it has one.
func (c *call) frame(item *configs.Item) ([]byte, error) {
	name, err := c.encode(item.Config)
	if err != nil {
		return nil, err
	}
	shown := liveValue{Release: item.Release, SHA256: item.Bundle.Hash.String(), Size: item.Bundle.Size, ContentType: item.Bundle.ContentType}
	if item.Value == nil {
		shown.URL = bundleURL(item.Config, shown.SHA256)
	}
	value, err := c.encode(shown)
	if err != nil {
		return nil, err
	}
	framed := append(append(name, ':'), value...)
	if item.Value != nil {
		framed = append(framed[:len(framed)-1], `,"value":`...)
	}
	return framed, nil
}

// bundleURL is where this server gives a bundle's bytes.
func bundleURL(config, hash string) string {
	return "/v1/config/bundle?" + url.Values{"config": {config}, "sha256": {hash}}.Encode()
}

// callerFacts are what a caller says of himself. Embed it in the route's input.
type callerFacts struct {
	Config     string `query:"config" doc:"The names of the configs that are wanted, with commas between them; all if absent."`
	Platform   string `query:"platform" doc:"What the game runs on, in the studio's words: ios, windows."`
	Region     string `query:"region" doc:"Where it runs, in the studio's words."`
	AppVersion string `query:"app_version" doc:"1 to 6 whole numbers with points between them, such as 1.12.0. What follows a - or + isn't compared."`
	Tags       string `query:"tags" doc:"At most 50 words, with commas between them."`
}

// mostWords bounds the words of one list in the query.
const mostWords = 50

func (f callerFacts) query(c *call) (configs.Query, error) {
	var fields []fault.Field
	words := func(name, text string) []string {
		if !c.query.Has(name) {
			return nil
		}
		all := strings.Split(text, ",")
		for _, word := range all {
			if !configuration.ValidWord(word) || len(all) > mostWords {
				fields = append(fields, parameter("query", name, "malformed", "At most %d words of 1 to 64 characters of printable ASCII, with commas between them.", mostWords))
				break
			}
		}
		return all
	}
	word := func(name, text string) string {
		if c.query.Has(name) && !configuration.ValidWord(text) {
			fields = append(fields, parameter("query", name, "malformed", "1 to 64 characters of printable ASCII, without comma."))
		}
		return text
	}
	q := configs.Query{Names: words("config", f.Config), Platform: word("platform", f.Platform), Region: word("region", f.Region), Tags: words("tags", f.Tags)}
	if c.query.Has("app_version") {
		var ok bool
		if q.Version, ok = configuration.ParseVersion(f.AppVersion); !ok {
			fields = append(fields, parameter("query", "app_version", "malformed", "1 to 6 whole numbers with points between them, such as 1.12.0."))
		}
	}
	if len(fields) > 0 {
		return q, errParameter.WithFields(fields...)
	}
	return q, nil
}

type (
	configRead struct {
		callerFacts
		Wait int `query:"wait" doc:"With If-None-Match: while nothing has changed, wait so many seconds for a change, 0 to 60, before answering 304."`
	}
	configBundleRead struct {
		Config string `query:"config" doc:"The config that a release of gives this bundle."`
		SHA256 string `query:"sha256" doc:"Of the bundle's bytes, in 64 lower-case hexadecimal digits."`
		byteRange
	}
)

func configRoutes(o Options) []route {
	readers := runtime(player(), serverToken(tenancy.ConfigsRead), publishableKey())
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/config", ID: "getConfig", Tag: "Configuration", Class: limits.Read, Tagged: true, Waits: true,
			Summary: "Read the live configuration",
			Description: "What the current releases choose for this caller: by who he is, by what he says of himself in the query, and by the time. " +
				"The ETag changes with what he gets: send it as If-None-Match, and 304 says that he has it. A config that has nothing for him is not among configs. " +
				"With wait as well it is a long poll: the answer comes within a second of a change, on every replica.",
		}, readers, func(ctx context.Context, c *call, in *configRead) (*liveConfig, error) {
			query, err := in.query(c)
			if err != nil {
				return nil, err
			}
			answer, err := c.live(ctx, o, query, in.Wait)
			if err != nil {
				return nil, err
			}
			c.tag = answer.Tag
			return &liveConfig{answer: answer}, nil
		}),
		define(route{
			Method: http.MethodGet, Path: "/v1/config/bundle", ID: "getConfigBundle", Tag: "Configuration", Class: limits.Read, Tagged: true, Streams: true,
			Statuses: []int{http.StatusOK, http.StatusPartialContent}, Summary: "Read a bundle",
			Description: "Follow the url that GET /v1/config gives. The bytes never change, so they may be cached for good. Bytes that are not those that were stored are not served: " +
				"the reply is 503 config.bundle_damaged or, if it had begun, ends before them, also of a Range. The first reply of a large bundle begins when the server has read all of it once.",
		}, readers, func(ctx context.Context, c *call, in *configBundleRead) (*stream, error) {
			hash, err := hashOf(in.SHA256)
			if err != nil {
				return nil, err
			}
			bundle, err := o.Configs.Released(ctx, c.principal, in.Config, hash)
			if err != nil {
				return nil, err
			}
			return c.bundle(ctx, o, bundle, in.byteRange)
		}),
	}
}

// live gives what the caller gets, when he is to get it. Who waits keeps no place from others, and
// takes none for the reply, which others have made.
func (c *call) live(ctx context.Context, o Options, query configs.Query, wait int) (*configs.Answer, error) {
	most := int(configs.MostWait / time.Second)
	if wait < 0 || wait > most {
		return nil, errParameter.WithFields(parameter("query", "wait", "out_of_range", "From 0 to %d.", most))
	}
	answer, err := o.Configs.Read(ctx, c.principal, query)
	if err != nil || wait == 0 {
		return answer, err
	}
	has := func(tag string) bool {
		c.tag = tag
		same, err := c.unchanged()
		return err == nil && same
	}
	if !has(answer.Tag) {
		return answer, nil
	}
	c.patient(ctx)
	c.leave()
	return o.Configs.Await(ctx, c.principal, c.address, query, has, time.Duration(wait)*time.Second)
}
