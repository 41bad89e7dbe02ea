package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// TestAnUploadThatIsCutOff has uploads end halfway, by their length and in chunks, and by a client that vanishes. Nothing
// of them is a bundle, and no object is left behind; the whole is one then.
func TestAnUploadThatIsCutOff(t *testing.T) {
	const size = 8 << 20
	for _, kind := range harness.Kinds()[:2] {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t))
			_, blobs := w.stores(t, 0)
			whole := bytes.Repeat([]byte("0123456789abcdef"), size/16)
			for name, head := range map[string]string{
				"length":   fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
				"chunks":   fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size),
				"vanished": fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
			} {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.first.URL, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(conn, "POST %s/bundles HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-level\r\n%s", configsPath, w.project.Secret, head)
				if _, err := conn.Write(whole[:size/2]); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if name != "vanished" {
					if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
						t.Fatal(err)
					}
					reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					body, _ := io.ReadAll(reply.Body)
					_ = reply.Body.Close()
					if reply.StatusCode != http.StatusBadRequest || !bytes.Contains(body, []byte("request.cut_off")) {
						t.Errorf("%s: %d %s", name, reply.StatusCode, body)
					}
				}
				_ = conn.Close()
				harness.Eventually(t, patience, "end of the upload", func() bool { return idle(w.first) })
				if n := objects(t, blobs); n != 0 {
					t.Errorf("%s: %d objects are left", name, n)
				}
				var list struct{ Items []any }
				w.operator().Do(t, "GET", configsPath+"/bundles", nil).Want(t, http.StatusOK).Into(t, &list)
				if len(list.Items) != 0 {
					t.Errorf("%s: %v are bundles", name, list.Items)
				}
			}
			w.pushes(t, whole)
			if n := objects(t, blobs); n != 1 {
				t.Errorf("%d objects of one bundle", n)
			}
		})
	}
}

// idle tells whether the replica serves no request of the API.
func idle(r *harness.Replica) bool {
	return metricOf(r.Metrics(), "overworld_http_requests_in_flight") == "0"
}
