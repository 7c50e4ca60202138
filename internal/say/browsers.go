package say

import "fmt"

// Given counts what some browsers gave when the class was asked for it.
type Given struct {
	Browsers int
	Fetch    int // sent Sec-Fetch-* headers
	Cookies  int // kept the control cookie
	Secure   int // of these kept the cookie with Secure too
	Scripts  int // had a script that told something
	Context  int // of these told that isSecureContext is true
}

// BrowsersAsked says that the pages of the class are asked for what their browsers have.
func BrowsersAsked() Sentence {
	return Did("asked", Text("Each page of the class sends two requests now, and so does this one. A page that comes later is asked too, as long as the table stands here."))
}

// BrowsersDone says that the table was taken away.
func BrowsersDone() Sentence {
	return Did("taken away", Text("What the browsers gave is forgotten, and no page is asked any more."))
}

// Follows says what follows from what the browsers of the class and the teacher's own gave. It says
// nothing that they did not show.
func Follows(class, teacher Given) (lines []string) {
	if class.Browsers == 0 {
		return nil
	}
	if class.Cookies > 0 {
		lines = append(lines, did(class.Secure, class.Cookies, "kept the cookie with Secure", "did not keep the cookie with Secure")+
			beside(class.Secure, class.Cookies, teacher.Secure, teacher.Cookies)+withSecure(class.Secure, class.Cookies))
	}
	if none := class.Browsers - class.Cookies; none > 0 {
		lines = append(lines, fmt.Sprintf("%s of the class kept no cookie at all, not even the control: there Secure makes no difference.", counted(none, "browser", "browsers")))
	}
	lines = append(lines, did(class.Fetch, class.Browsers, "sent Sec-Fetch-*", "sent no Sec-Fetch-*")+
		beside(class.Fetch, class.Browsers, teacher.Fetch, teacher.Browsers)+withFetch(class.Fetch, class.Browsers))
	if class.Scripts > 0 && class.Context == 0 && teacher.Context > 0 {
		lines = append(lines, "Both talk to the same program over plain http. By the scripts of the pages isSecureContext is true at the teacher’s address, and false at the class’s.")
	}
	return lines
}

// did says how many of all browsers of the class did something.
func did(n, all int, pos, neg string) string {
	switch {
	case all == 1 && n == 0:
		return "The one browser of the class " + neg
	case all == 1:
		return "The one browser of the class " + pos
	case n == 0:
		return fmt.Sprintf("None of the %d browsers of the class %s", all, pos)
	case n == all:
		return fmt.Sprintf("All %d browsers of the class %s", all, pos)
	}
	return fmt.Sprintf("%d of the %d browsers of the class %s", n, all, pos)
}

// beside says whether the teacher's own browser did it: nothing if it was not heard from.
func beside(n, all, teacher, heard int) string {
	switch {
	case heard == 0:
		return "."
	case teacher == 0 && n == 0:
		return ", nor did the teacher’s own."
	case teacher == 0:
		return "; the teacher’s own did not."
	case n == all:
		return ", and so did the teacher’s own."
	}
	return "; the teacher’s own did."
}

// withSecure says what would become of sessions whose cookie has Secure.
func withSecure(n, all int) string {
	switch n {
	case 0:
		return " If the session cookie had Secure, it would never come back from there, and no session would last."
	case all:
		return " If the session cookie had Secure, " + map[bool]string{true: "its session", false: "their sessions"}[all == 1] + " would go on."
	}
	return " If the session cookie had Secure, it would never come back from the others, and their sessions would not last."
}

// withFetch says what a server learns of where requests come from.
func withFetch(n, all int) string {
	switch n {
	case 0:
		return " A server that asks these headers which site a request comes from gets no answer there."
	case all:
		return " By them a server can tell the requests of other sites from its own."
	}
	return " A server that asks these headers which site a request comes from gets no answer from the others."
}
