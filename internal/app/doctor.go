package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/network"
)

const (
	fetchTime   = 2 * time.Second // an own address that takes longer does not answer
	firstLook   = 300 * time.Millisecond
	lookEvery   = 15 * time.Second // between two looks while nobody has joined
	stuckAfter  = 20 * time.Second // a device that has loaded the page where one joins takes so long to choose
	maxPatients = 1000             // devices that are remembered; further ones are not counted
)

// doctor finds out who can reach the class. It fetches this machine's own addresses, and counts the
// devices that came and got no further.
type doctor struct {
	addresses func() []network.Address
	fetch     func(ctx context.Context, url string) error // a real request; tests have another
	resolve   func(ctx context.Context, host string) ([]string, error)

	mu      sync.Mutex
	looked  time.Time
	errs    map[string]string // why an address did not answer, "" if it did
	local   string            // this machine's name under .local, if it leads here
	foreign map[netip.Addr]bool
	joining map[netip.Addr]time.Time // devices that have loaded the page where one joins
	looking chan struct{}            // closed when the fetching that goes on is done; nil if none does
}

func newDoctor(addresses func() []network.Address) *doctor {
	return &doctor{
		addresses: addresses, fetch: fetchHealth, resolve: net.DefaultResolver.LookupHost,
		errs: make(map[string]string), foreign: make(map[netip.Addr]bool), joining: make(map[netip.Addr]time.Time),
	}
}

// fetchHealth asks the program at url whether it is well. It uses no proxy, and no connection twice.
func fetchHealth(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var said struct{ Status, Version string }
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<10)).Decode(&said); err != nil || said.Version == "" {
		return errors.New("something other than this program answered")
	}
	return nil
}

// reason says in few words why an address did not answer.
func reason(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %.0f seconds", fetchTime.Seconds())
	}
	text := err.Error()
	return strings.TrimSpace(text[strings.LastIndex(text, ": ")+1:])
}

// lookOnce fetches the addresses if that was never done. It waits for them a little: an address of
// this machine answers within milliseconds, or not soon.
func (d *doctor) lookOnce() {
	d.mu.Lock()
	never := d.looked.IsZero()
	d.mu.Unlock()
	if !never {
		return
	}
	select {
	case <-d.lookNow():
	case <-time.After(firstLook):
	}
}

// lookAgain fetches the addresses if the last time is long enough ago. It does not wait for them.
func (d *doctor) lookAgain() {
	d.mu.Lock()
	due := time.Since(d.looked) >= lookEvery
	d.mu.Unlock()
	if due {
		d.lookNow()
		d.lookLocal()
	}
}

// lookNow begins to fetch every address from this machine, all at once, unless that is going on. The
// channel is closed when it is done.
func (d *doctor) lookNow() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looking != nil {
		return d.looking
	}
	done := make(chan struct{})
	d.looking = done
	go func() {
		defer close(done)
		all, errs := d.fetchAll()
		d.mu.Lock()
		defer d.mu.Unlock()
		clear(d.errs)
		for i, address := range all {
			d.errs[address.Join()] = errs[i]
		}
		d.looked, d.looking = time.Now(), nil
	}()
	return done
}

// fetchAll fetches every address. errs says why one did not answer.
func (d *doctor) fetchAll() (all []network.Address, errs []string) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	all = d.addresses()
	errs = make([]string, len(all))
	var each sync.WaitGroup
	for i, address := range all {
		each.Go(func() {
			if errs[i] = address.Err; errs[i] == "" {
				errs[i] = reason(d.fetch(ctx, "http://"+address.Host()+"/healthz"))
			}
		})
	}
	each.Wait()
	return all, errs
}

// lookLocal begins to look for this machine's name under .local.
func (d *doctor) lookLocal() {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
		defer cancel()
		local := d.findLocal(ctx, d.addresses())
		d.mu.Lock()
		defer d.mu.Unlock()
		d.local = local
	}()
}

// findLocal returns the address under this machine's name with .local (mDNS, RFC 6762), if the name
// leads to one of the addresses and the program answers under it.
func (d *doctor) findLocal(ctx context.Context, all []network.Address) string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, ".")
	host = strings.ToLower(host) + ".local"
	found, err := d.resolve(ctx, host)
	if err != nil {
		return ""
	}
	for _, address := range all {
		at := fmt.Sprintf("http://%s:%d", host, address.Port)
		if slices.Contains(found, address.IP.String()) && d.fetch(ctx, at+"/healthz") == nil {
			return at
		}
	}
	return ""
}

// health returns what is known of those addresses.
func (d *doctor) health(all []network.Address) health {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := health{looked: d.looked, hosts: len(d.foreign)}
	for _, address := range all {
		if err, known := d.errs[address.Join()]; known {
			h.fetched = append(h.fetched, fetched{address: "http://" + address.Host(), err: err})
		}
	}
	return h
}

func (d *doctor) localName() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.local
}

// cameForeign counts a device whose request had a Host that is not one of this server's.
func (d *doctor) cameForeign(device netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.foreign) < maxPatients {
		d.foreign[device] = true
	}
}

// cameToJoin notes that a device has loaded the page where one joins.
func (d *doctor) cameToJoin(device netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.joining[device]; !known && len(d.joining) < maxPatients {
		d.joining[device] = time.Now()
	}
}

// forget forgets the devices that came.
func (d *doctor) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.foreign)
	clear(d.joining)
}

// stuck returns how many devices have loaded the page where one joins some time ago, and have no seat.
func (d *doctor) stuck(seated map[netip.Addr]bool) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for device, at := range d.joining {
		if seated[device] {
			delete(d.joining, device)
		} else if time.Since(at) >= stuckAfter {
			n++
		}
	}
	return n
}

// cameForeign tells the class that is open of a request from the network with a Host that is refused.
func (a *App) cameForeign(r *http.Request) {
	if cl := a.classHere(); cl != nil && !fromHere(r) {
		cl.doctor.cameForeign(deviceOf(r))
	}
}
