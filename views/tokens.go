package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// tokens are the tokens of a listing. A page has hundreds of them, and templ makes three
// strings for the class of each, so that they are written by hand.
func tokens(list []Token) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) (err error) {
		write := func(texts ...string) {
			for _, text := range texts {
				if err == nil {
					_, err = io.WriteString(w, text)
				}
			}
		}
		for _, t := range list {
			if t.Kind == "" {
				write(templ.EscapeString(t.Text))
			} else {
				write(`<span class="`, templ.EscapeString(t.Kind), `">`, templ.EscapeString(t.Text), "</span>")
			}
		}
		return err
	})
}
