package dr

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// orDash shows a time; "-" for one that there is not.
func orDash(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return number(d)
}

func number(d time.Duration) string { return fmt.Sprintf("%.0f", d.Seconds()*1000) }

// WriteText writes the tables for a person.
func (r *Results) WriteText(w io.Writer) error {
	s := &r.Setup
	fmt.Fprintf(w, "\ngates: %s; Linux %s, %d CPUs; an event every %s\n", s.Times, s.Kernel, s.CPUs, s.EventEvery)
	fmt.Fprintf(w, "times in milliseconds from the fault on (ran again: from its end on), the largest of all runs; events: the sums\n\n")
	if err := r.table(w, false); err != nil {
		return err
	}
	if !r.hasOriginal() {
		return nil
	}
	fmt.Fprintf(w, "\nthe original's construction: beat %s, flatline %s, two wall clocks; its share goes wrong in the same ways\n\n", s.Original.Beat, s.Original.Flatline)
	return r.table(w, true)
}

func (r *Results) hasOriginal() bool {
	return len(r.Faults) > 0 && r.Faults[len(r.Faults)-1].Original
}

func (r *Results) table(w io.Writer, original bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "fault\truns\tthe gate of\topened\tother stopped\tran again\tnobody ran\tboth ran\tevents\ttwice\tby both\tstale refused\tstale accepted\t  verdict, and whether all is well")
	for i := range r.Faults {
		f := &r.Faults[i]
		if f.Original != original {
			continue
		}
		c := f.Counts()
		words := f.Verdict()
		if said := f.Said(); said != "" {
			words = said + ": " + words
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t  %s\n", f.Name, len(f.Runs), f.Want, orDash(f.Opened()), orDash(f.Stopped()), orDash(f.Again()),
			number(f.Nobody()), number(f.Both()), c.Processed, c.Twice, c.ByBoth, c.StaleRefused, c.StaleAccepted, words)
	}
	return table.Flush()
}
