package program

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/qr"
	"github.com/sessionscope/sessionscope/internal/terminal"
)

// poster is what the terminal says of a class: where to join it. It knows no seat: a terminal
// may stand on the projector.
type poster struct {
	screen terminal.Screen // of standard output; without a width the text goes into a file or a pipe
	asked  int             // the port that the class was to have; 0 for any
	seats  int             // for how many learners there is room
	file   string          // what keeps the class; "" if it ends with the program
	enter  bool            // Enter gives a link to the board
	said   []network.Address
}

// maxOthers is how many addresses are named beside the best: nobody reads more.
const maxOthers = 3

// begin returns what the terminal says when the class is opened. What has to be seen longest
// comes last: a low terminal scrolls the rest away.
func (p *poster) begin(now []network.Address) string {
	p.said = reachable(now)
	var b strings.Builder
	fmt.Fprintf(&b, "A class is open, with room for %d. ", p.seats)
	if p.file != "" {
		fmt.Fprintf(&b, "It is kept in %s: a later start that opens a class goes on with it.\n", p.file)
	} else {
		b.WriteString("It ends with the program.\n")
	}
	b.WriteString("Plain http is no secret: everybody on this network can read what is sent here, and change it.\n")
	if port := portOf(p.said); port != 0 && p.asked != 0 && port != p.asked {
		fmt.Fprintf(&b, "Port %d is taken: the class is on port %d.\n", p.asked, port)
	}
	if len(p.said) > 1 {
		fmt.Fprintf(&b, "It can also be joined at %s\n", list(p.said[1:min(len(p.said), 1+maxOthers)]))
	}
	b.WriteString(p.best())
	if p.enter {
		b.WriteString("Enter: a link to the board, for this machine's browser\n")
	}
	return b.String()
}

// best returns the code of the best address, if the screen has room for it, and the address.
func (p *poster) best() string {
	if len(p.said) == 0 {
		return "This machine has no address at which a phone could join. Connect it to a network, or let it be a hotspot: the address comes here then.\n"
	}
	join := p.said[0].Join()
	text, bold, plain := "\n", "", ""
	if width := qr.Width(join); width > 0 && width <= p.screen.Width {
		text += qr.Terminal(join, p.screen.Colours)
	}
	if p.screen.Colours {
		bold, plain = "\x1b[1m", "\x1b[0m"
	}
	return text + fmt.Sprintf("    %s%s%s\n\n", bold, join, plain)
}

// change returns what the terminal says when the addresses have changed, "" for nothing.
func (p *poster) change(now []network.Address) string {
	before := p.said
	p.said = reachable(now)
	came, went := without(p.said, before), without(before, p.said)
	switch {
	case len(came) == 0 && len(went) == 0 && first(before) == first(p.said):
		return ""
	case len(p.said) == 0:
		return "This machine's network is gone, and so is " + before[0].Join() + ". The class waits for another one.\n"
	case len(before) == 0:
		return "The class can be joined now:\n" + p.best()
	case first(before) != first(p.said):
		return "The class is joined at another address now:\n" + p.best()
	case len(went) == 0:
		return "The class can also be joined at " + list(came) + "\n"
	case len(came) == 0:
		return "The class cannot be joined any more at " + list(went) + "\n"
	}
	return "The class can also be joined at " + list(came) + ", and not any more at " + list(went) + "\n"
}

// reachable returns the addresses at which the class is.
func reachable(all []network.Address) []network.Address {
	return slices.DeleteFunc(slices.Clone(all), func(a network.Address) bool { return a.Err != "" })
}

// without returns the addresses of all that are joined at none of others.
func without(all, others []network.Address) []network.Address {
	return slices.DeleteFunc(slices.Clone(all), func(a network.Address) bool {
		return slices.ContainsFunc(others, func(b network.Address) bool { return a.Join() == b.Join() })
	})
}

// first returns where the best of the addresses is joined, "" for none.
func first(all []network.Address) string {
	if len(all) == 0 {
		return ""
	}
	return all[0].Join()
}

// portOf returns the port of the first address of a network, 0 for none.
func portOf(all []network.Address) int {
	for _, a := range all {
		if a.IP.IsValid() {
			return a.Port
		}
	}
	return 0
}

// list returns the addresses with what they belong to.
func list(all []network.Address) string {
	words := make([]string, len(all))
	for i, a := range all {
		where := a.Kind.String()
		if a.Kind == network.Other {
			where = cmp.Or(a.Interface, where)
		}
		words[i] = fmt.Sprintf("%s (%s)", a.Join(), where)
	}
	return strings.Join(words, ", ")
}
