package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scalar is a kind of single value.
type scalar struct {
	words  string // for the reference: `integer, 1–254`
	quoted bool   // a text: plain numbers and booleans in its place are refused
	bare   bool   // a number or a boolean: quotes are refused
	parse  func(text string) (any, *fault)
	schema map[string]any
}

// The advice on a value that YAML reads as something else.
var (
	integerText  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	leadingZero  = regexp.MustCompile(`^[-+]?0[0-9_]+$`)
	numberText   = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(\.[0-9]*)?$`)
	durationText = regexp.MustCompile(durationPattern)
)

const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

// yaml11 are the words that YAML 1.1 reads as booleans and YAML 1.2 as text.
var yaml11 = map[string]bool{"yes": true, "on": true, "y": true, "no": false, "off": false, "n": false}

func integer(what string, low, high int) *scalar {
	expected := fmt.Sprintf("%d–%d", low, high)
	parse := func(text string) (any, *fault) {
		if leadingZero.MatchString(text) {
			return nil, &fault{"has a leading zero", "a decimal number", "a leading zero means octal to some readers: leave it off"}
		}
		if !integerText.MatchString(text) {
			return nil, &fault{"is not a whole number", expected, "write decimal digits only"}
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return nil, &fault{"is not in " + expected, expected, what}
		}
		return n, nil
	}
	return &scalar{words: "integer, " + expected, bare: true, parse: parse,
		schema: map[string]any{"type": "integer", "minimum": low, "maximum": high}}
}

func boolean() *scalar {
	parse := func(text string) (any, *fault) {
		switch text {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		lower := strings.ToLower(text)
		if v, ok := yaml11[lower]; ok {
			return nil, &fault{"is not true or false", "true or false", fmt.Sprintf("write %t", v)}
		}
		return nil, &fault{"is not true or false", "true or false", didYouMean(text, []string{"true", "false"})}
	}
	return &scalar{words: "`true` or `false`", bare: true, parse: parse, schema: map[string]any{"type": "boolean"}}
}

// enum is one of some words.
func enum(values ...string) *scalar {
	parse := func(text string) (any, *fault) {
		if slices.Contains(values, text) {
			return text, nil
		}
		f := &fault{"is not one of " + listed(values), listed(values), ""}
		if len(values) == 1 {
			f.what = "is not " + values[0]
		}
		if near := nearest(text, values); near != "" {
			f.advice = fmt.Sprintf("did you mean %q?", near)
		}
		return nil, f
	}
	words := "one of "
	if len(values) == 1 {
		words = ""
	}
	return &scalar{words: words + "`" + strings.Join(values, "`, `") + "`", parse: parse,
		schema: map[string]any{"enum": values}}
}

// duration is a time with its unit. zero allows 0 beside low–high.
func duration(low, high time.Duration, zero bool) *scalar {
	expected := length(low) + "–" + length(high)
	if zero && low > 0 {
		expected = "0 or " + expected
	}
	parse := func(text string) (any, *fault) {
		if text == "0" {
			text = "0s"
		}
		if numberText.MatchString(text) {
			return nil, &fault{"has no unit", "a duration", fmt.Sprintf("write %sms or %ss", text, text)}
		}
		if !durationText.MatchString(text) {
			return nil, &fault{"is not a duration", "a duration", "write a number with its unit, ms, s, m or h: 50ms, 1m30s"}
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			d = math.MaxInt64
		}
		if zero && d == 0 {
			return d, nil
		}
		if d < low || d > high {
			return nil, &fault{"is not in " + expected, expected, ""}
		}
		return d, nil
	}
	return &scalar{words: "duration, " + expected, parse: parse, schema: map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "pattern": durationPattern}, map[string]any{"const": 0}}}}
}

// length is a duration without the zeros that time.Duration prints.
func length(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// text is any text of up to most bytes; check may refuse it.
func text(words string, most int, check func(string) *fault) *scalar {
	parse := func(t string) (any, *fault) {
		if len(t) > most {
			return nil, &fault{fmt.Sprintf("is longer than %d bytes", most), fmt.Sprintf("at most %d bytes", most), "shorten it"}
		}
		if f := check(t); f != nil {
			return nil, f
		}
		return t, nil
	}
	return &scalar{words: words, quoted: true, parse: parse, schema: map[string]any{"type": "string", "maxLength": most}}
}

// pattern is a text that a regular expression describes.
func pattern(words, expression, expected string, most int) *scalar {
	re := regexp.MustCompile(expression)
	s := text(words, most, func(t string) *fault {
		if re.MatchString(t) {
			return nil
		}
		return &fault{"is not " + expected, expected, words}
	})
	s.schema["pattern"] = expression
	return s
}
