// Package tap prints the Test Anything Protocol (https://testanything.org): as much of the package of this name as the
// OCI validation programs call, which no Debian release holds.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T counts the results of one program and prints them.
type T struct {
	Writer io.Writer
	count  int
}

// New prints to standard output.
func New() *T {
	return &T{Writer: os.Stdout}
}

// Header prints the version and, where it is known in advance, the number of tests.
func (t *T) Header(planned int) {
	fmt.Fprintln(t.Writer, "TAP version 13")
	if planned > 0 {
		fmt.Fprintf(t.Writer, "1..%d\n", planned)
	}
}

// AutoPlan prints the number of results so far as the plan.
func (t *T) AutoPlan() {
	fmt.Fprintf(t.Writer, "1..%d\n", t.count)
}

// Ok prints one result.
func (t *T) Ok(good bool, description string) {
	t.count++
	word := "ok"
	if !good {
		word = "not ok"
	}
	fmt.Fprintf(t.Writer, "%s %d - %s\n", word, t.count, description)
}

// Todo returns a T whose results are expected to be bad.
func (t *T) Todo() *Todo { return &Todo{t} }

// Todo prints results of what is not done yet.
type Todo struct{ t *T }

// Fail prints a bad result that does not count.
func (todo *Todo) Fail(description string) { todo.Ok(false, description) }

// Ok prints a result that does not count.
func (todo *Todo) Ok(good bool, description string) { todo.t.Ok(good, description+" # TODO") }

// Pass prints a good result.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail prints a bad result.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Skip prints count results that were left out, with the reason.
func (t *T) Skip(count int, reason string) {
	for i := 0; i < count; i++ {
		t.count++
		fmt.Fprintf(t.Writer, "ok %d # SKIP %s\n", t.count, reason)
	}
}

// Diagnostic prints a comment; each of its lines is one.
func (t *T) Diagnostic(message string) {
	for _, line := range strings.Split(message, "\n") {
		fmt.Fprintf(t.Writer, "# %s\n", line)
	}
}

// Diagnosticf formats and prints a comment.
func (t *T) Diagnosticf(format string, arguments ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, arguments...))
}

// YAML prints the details of the last result. JSON is YAML, too.
func (t *T) YAML(details interface{}) error {
	text, err := json.MarshalIndent(details, "  ", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Writer, "  ---\n  %s\n  ...\n", text)
	return nil
}
