package config

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"regexp"
	"strings"
	"time"

	"stead/internal/adapter/store"
)

// storeURL is where a store is.
func storeURL() *scalar {
	s := text("URL of a store", 2048, func(t string) *fault {
		if _, err := store.Parse(t); err != nil {
			_, why, _ := strings.Cut(err.Error(), fmt.Sprintf("store %q: ", t))
			return &fault{"is not the URL of a store", "a URL such as folder:/mnt/share/stead", strings.ReplaceAll(why, "\n", "; ")}
		}
		return nil
	})
	s.schema["pattern"] = "^[a-z0-9]+:"
	return s
}

// liveFor is the key ttl: of packets it is a number, of a lease a time.
func liveFor() *scalar {
	hops := integer("the TTL is 8 bits wide", 1, 255)
	lease := duration(leastTTL, mostTTL, false)
	parse := func(text string) (any, *fault) {
		if durationText.MatchString(text) {
			return lease.parse(text)
		}
		return hops.parse(text)
	}
	return &scalar{words: hops.words + "; lease: " + lease.words, bare: true, parse: parse,
		schema: map[string]any{"anyOf": []any{hops.schema, map[string]any{"type": "string", "pattern": durationPattern}}}}
}

// udpListen is where datagrams of the other site arrive.
func udpListen() *scalar {
	s := text("`address:port`", 100, func(t string) *fault {
		const expected = "address:port"
		host, port, err := net.SplitHostPort(t)
		if err != nil {
			return &fault{"is not address:port", expected, "write 10.0.1.10:9178, or [::]:9178 for every address"}
		}
		if _, err := netip.ParseAddr(host); err != nil {
			return &fault{"names no IP address", expected, "names are not looked up: write [::]:" + port + " for every address"}
		}
		return portFault(port)
	})
	s.schema["pattern"] = `^.+:[0-9]+$`
	return s
}

// storeMark begins the place of a number in a store.
const storeMark = "store:"

var metadataName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,255}$`)

// numberSource is where a number is read: a file, a URL, a blob or its metadata.
func numberSource() *scalar {
	const expected = "an absolute path, a URL, or store:NAME/KEY"
	web := webURL()
	s := text("absolute path, URL, `store:NAME/KEY` or `store:NAME/KEY#METADATA`", 2048, func(t string) *fault {
		if path.IsAbs(t) {
			return printable(t)
		}
		if strings.HasPrefix(t, "http://") || strings.HasPrefix(t, "https://") {
			_, f := web.parse(t)
			return f
		}
		_, rest, found := cutStore(t)
		if !found {
			return &fault{"is no place that a number can be read from", expected, "write /path/of/a/file, http://…, or store:NAME/KEY"}
		}
		key, metadata, of := strings.Cut(rest, "#")
		if err := store.CheckBlobKey(key); err != nil {
			return &fault{"names no key of a store", expected, err.Error()}
		}
		if of && !metadataName.MatchString(metadata) {
			return &fault{"names no metadata", expected, "write store:NAME/KEY#METADATA"}
		}
		return nil
	})
	s.schema["pattern"] = `^(/|https?://|store:.+/.)`
	return s
}

// cutStore parts `store:NAME/KEY` into the name and what comes after the slash.
func cutStore(t string) (name, rest string, found bool) {
	rest, found = strings.CutPrefix(t, storeMark)
	if !found {
		return "", "", false
	}
	name, rest, found = strings.Cut(rest, "/")
	return name, rest, found && name != ""
}

// jsonPointer is a place in a JSON document (RFC 6901).
func jsonPointer() *scalar {
	s := text("JSON pointer, such as `/SequenceNumber`", 1024, func(t string) *fault {
		const expected = "a JSON pointer such as /SequenceNumber"
		if t != "" && t[0] != '/' {
			return &fault{"is not a JSON pointer", expected, "write it from /: /" + clipped(t)}
		}
		for i := range len(t) {
			if t[i] == '~' && (i+1 == len(t) || t[i+1] != '0' && t[i+1] != '1') {
				return &fault{"holds a ~ that stands for nothing", expected, "write ~0 for ~ and ~1 for / (RFC 6901)"}
			}
		}
		return printable(t)
	})
	s.schema["pattern"] = `^(/|$)`
	return s
}

// wholeMilliseconds refuses parts of milliseconds: records count them.
func (b *builder) wholeMilliseconds(v *value) {
	if d := or(v, time.Duration(0)); d%time.Millisecond != 0 {
		b.about(v, "is not in whole milliseconds", "whole milliseconds", "records in stores count them")
	}
}
