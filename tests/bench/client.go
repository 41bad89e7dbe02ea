package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"time"
)

// connection is one keep-alive HTTP/1.1 connection. It is written by hand because
// net/http's client costs more than the server under test, on the same cores.
type connection struct {
	conn   net.Conn
	reader *bufio.Reader
	body   []byte
	out    []byte
	tag    []byte // the ETag of the last reply that had one
	// patience bounds one exchange.
	patience time.Duration
}

func dial(address string) (*connection, error) { return dialed(address, 64<<10, 30*time.Second) }

// dialed is dial for those who need little, or have to wait for long.
func dialed(address string, buffer int, patience time.Duration) (*connection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, reader: bufio.NewReaderSize(conn, buffer), patience: patience}, nil
}

func (c *connection) close() { _ = c.conn.Close() }

// exchange sends a whole request and gives the status and the body of its reply.
// The body is good until the next exchange. After an error the connection is useless.
func (c *connection) exchange(request []byte) (status int, body []byte, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, nil, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.line()
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, nil, fmt.Errorf("no status line: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, fmt.Errorf("no status line: %q", line)
	}
	length := 0
	for {
		if line, err = c.line(); err != nil {
			return 0, nil, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(textproto.TrimBytes(value))); err != nil {
				return 0, nil, fmt.Errorf("read Content-Length: %w", err)
			}
		}
		if bytes.EqualFold(name, []byte("ETag")) {
			c.tag = append(c.tag[:0], textproto.TrimBytes(value)...)
		}
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return 0, nil, fmt.Errorf("a reply in chunks, which this client doesn't read")
		}
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.reader, c.body)
	return status, c.body, err
}

func (c *connection) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// unlessIs is a GET by one who has what the tag names.
func (c *connection) unlessIs(tag, path, credential string) []byte {
	b := c.request("GET", path, credential, nil)
	b = append(b[:len(b)-len("\r\n")], "If-None-Match: "...)
	c.out = append(append(b, tag...), "\r\n\r\n"...)
	return c.out
}

// request writes a request into a buffer of the connection's.
func (c *connection) request(method, path, credential string, body []byte) []byte {
	b := append(c.out[:0], method...)
	b = append(b, ' ')
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n"...)
	if credential != "" {
		b = append(b, "Authorization: Bearer "...)
		b = append(b, credential...)
		b = append(b, "\r\n"...)
	}
	if body != nil {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	c.out = append(b, body...)
	return c.out
}
