package app

import (
	"fmt"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// health is what the program found out about who can reach the class.
type health struct {
	nobody  bool      // nobody has joined yet
	looked  time.Time // when the addresses were fetched; zero for not yet
	fetched []fetched // in the order of the addresses
	knocked int       // devices that tried https
	knock   time.Time // when the latest of them did
	hosts   int       // devices whose request had a Host that is not one of this server's
	stuck   int       // devices that loaded the page where one joins, and have no seat
}

// fetched is an address that this machine has fetched from itself.
type fetched struct {
	address string // "http://192.168.1.20:8080"
	err     string // why it did not answer; "" if it did
}

// doctorView says who can reach the class.
func doctorView(h health) views.Doctor {
	d := views.Doctor{Open: h.nobody}
	if !h.looked.IsZero() {
		d.Looked = say.Clock(h.looked)
	}
	add := func(tone, text string, notes ...string) {
		d.Checks = append(d.Checks, views.Check{Tone: tone, Text: text, Notes: notes})
	}
	addFetched(h, add)
	if h.knocked > 0 {
		add("bad", fmt.Sprintf("%d %s tried https, the latest at %s.", h.knocked, say.Plural(h.knocked, "device", "devices"), say.Clock(h.knock)),
			"They wrote the address without http://, or their browser insists on https. Tell them: type the http:// too.")
	}
	if h.hosts > 0 {
		add("bad", fmt.Sprintf("%d %s came under a name or an address that is not this program's, and got a refusal.", h.hosts, say.Plural(h.hosts, "device", "devices")),
			"Tell them: type the address as it stands here. A name of this machine works only if the program was started with --allow-host.")
	}
	if h.stuck > 0 {
		add("", fmt.Sprintf("%d %s loaded the page where one joins, and went no further.", h.stuck, say.Plural(h.stuck, "device", "devices")),
			"They reach this machine: ask whether they pressed That's me.")
	}
	return d
}

// addFetched tells what this machine got from its own addresses.
func addFetched(h health, add func(tone, text string, notes ...string)) {
	ok := 0
	for _, f := range h.fetched {
		if f.err == "" {
			ok++
		}
	}
	switch {
	case h.looked.IsZero():
		add("", "The addresses were not fetched yet.")
		return
	case len(h.fetched) == 0:
		add("bad", "This machine has no address on a network.", "Join a Wi-Fi, or switch on a hotspot of your own.")
		return
	case ok == len(h.fetched):
		add("ok", fmt.Sprintf("The program answers at %s, asked from this machine.", whole(ok)),
			"A firewall is not asked about a machine's own requests: only a phone can show that it lets others in.")
		return
	}
	for _, f := range h.fetched {
		if f.err != "" {
			add("bad", fmt.Sprintf("%s did not answer this machine: %s.", f.address, f.err))
			continue
		}
		add("ok", f.address+" answers this machine.")
	}
}

// whole names all of the addresses.
func whole(n int) string {
	switch n {
	case 1:
		return "its address"
	case 2:
		return "both addresses"
	}
	return fmt.Sprintf("all %d addresses", n)
}
