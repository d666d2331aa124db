package keepalived

import (
	"strconv"
	"strings"
)

// maxRepeat bounds one sequence or list.
const maxRepeat = 1 << 16

// repeat makes the rest of the line wait once for each value of ~SEQ(…) or ~LST(…),
// after a definition of the variable.
func (r *reader) repeat(t text) error {
	open, end := strings.IndexByte(t.s, '('), strings.IndexByte(t.s, ')')
	if open < 0 || end < open {
		return t.errorf("write ~SEQ(NAME, START, STEP, END) or ~LST(NAME, VALUE, …)", "the parentheses of %s are not complete", head(t.s))
	}
	var rounds [][]string
	var err error
	inside, rest := t.s[open+1:end], strings.TrimLeft(t.s[end+1:], " \t")
	switch t.s[:open] {
	case "~SEQ":
		rounds, err = t.sequence(inside, 10)
	case "~SEQx":
		rounds, err = t.sequence(inside, 16)
	case "~LST":
		rounds, err = t.enumeration(inside)
	default:
		err = t.errorf("write ~SEQ, ~SEQx or ~LST", "%s is not known", t.s[:open])
	}
	if err != nil {
		return err
	}
	lines := make([]string, 0, 2*len(rounds))
	for _, definitions := range rounds {
		lines = append(append(lines, definitions...), rest)
	}
	r.wait(t.place, lines...)
	return nil
}

func head(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// sequence yields a definition for each number of `NAME, START, STEP, END`.
func (t text) sequence(inside string, base int) ([][]string, error) {
	const form = "write ~SEQ(NAME, START, STEP, END)"
	parts := strings.Split(inside, ",")
	for i := range parts {
		parts[i] = strings.Trim(parts[i], " \t")
	}
	if len(parts) < 2 || len(parts) > 4 {
		return nil, t.errorf(form, "~SEQ(%s) has not two to four values", inside)
	}
	numbers := make([]int64, 0, 3)
	for _, p := range parts[1:] {
		n, err := strconv.ParseInt(p, 0, 32)
		if err != nil {
			return nil, t.errorf(form, "%q is not a number", p)
		}
		numbers = append(numbers, n)
	}
	end := numbers[len(numbers)-1]
	start, step := int64(1), int64(1)
	if len(numbers) > 1 {
		start = numbers[0]
	} else if end < 0 {
		start = -1
	}
	if end < start {
		step = -1
	}
	if len(numbers) > 2 {
		step = numbers[1]
	}
	if step == 0 || (end-start)*step < 0 || (end-start)/step >= maxRepeat {
		return nil, t.errorf(form, "~SEQ(%s) does not end, or takes more than %d steps", inside, maxRepeat)
	}
	var rounds [][]string
	for n := start; step > 0 && n <= end || step < 0 && n >= end; n += step {
		rounds = append(rounds, []string{"$" + parts[0] + "=" + strconv.FormatInt(n, base)})
	}
	return rounds, nil
}

// enumeration yields definitions for each value of `NAME, VALUE, …` or
// `{NAME, NAME}, {VALUE, VALUE}, …`.
func (t text) enumeration(inside string) ([][]string, error) {
	const form = "write ~LST(NAME, VALUE, …) or ~LST({NAME, …}, {VALUE, …}, …)"
	tuples := tuplesOf(inside)
	if len(tuples) < 2 || len(tuples) > maxRepeat {
		return nil, t.errorf(form, "~LST(%s) has no value, or too many", head(inside))
	}
	var rounds [][]string
	for _, values := range tuples[1:] {
		if len(values) != len(tuples[0]) {
			return nil, t.errorf(form, "~LST(%s) has not as many values as names", head(inside))
		}
		var definitions []string
		for i, name := range tuples[0] {
			definitions = append(definitions, "$"+name+"="+values[i])
		}
		rounds = append(rounds, definitions)
	}
	return rounds, nil
}

// tuplesOf splits a list of words, or of lists in braces.
func tuplesOf(s string) (tuples [][]string) {
	for s = strings.Trim(s, " \t"); s != ""; s = strings.TrimLeft(s, ", \t") {
		part := ""
		if strings.HasPrefix(s, "{") {
			part, s, _ = strings.Cut(s[1:], "}")
		} else {
			part, s, _ = strings.Cut(s, ",")
			tuples = append(tuples, []string{strings.Trim(part, " \t")})
			continue
		}
		var tuple []string
		for _, v := range strings.Split(part, ",") {
			tuple = append(tuple, strings.Trim(v, " \t"))
		}
		tuples = append(tuples, tuple)
	}
	return tuples
}
