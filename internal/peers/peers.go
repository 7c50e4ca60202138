// Package peers asks the program and other session layers the same questions over HTTP, and
// writes down what was seen: the tables of internal/session/README.md. It is a module of its own,
// so that the peers are no part of the program's, and not a part of the test command.
//
//	task peers                              installs what is missing, asks everything anew and writes the tables
//	go -C internal/peers test -count=1      asks everything anew and compares the outcomes with the recorded ones
//	go -C internal/peers test -run '/scs'   one peer
//
// There is one test for each promise, with one subtest for each contender: begin with those in
// born_test.go. Each subtest starts its contender anew, as a process of its own, with files and a
// Redis of its own. An outcome is what answers said and what a store then held; that a promise
// does not hold is no failure of the test.
//
// What is fair about it: each peer is a small program in its own idiom (goserver, django, express,
// rails), with its defaults or what its documentation recommends, and the store that it
// recommends for production where there is one. All speak the same interface, which is a part of
// the program's own:
//
//	GET  /get?key=K           {"found":true,"value":"…"}
//	GET  /keys                {"keys":[…]}
//	POST /set key, value      and hold=1s, for which the request waits between load and save
//	POST /delete key
//	POST /login user          what the framework has for a login: a new ID, where it has one
//	POST /flush               what the framework has for a logout
package peers
