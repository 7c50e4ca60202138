package say

// onTheBoard is what a press on the board of a class says.
func onTheBoard() section {
	s := section{heading: "# Under the buttons: on the board of a class"}
	for _, said := range []Sentence{
		DoorSet(true), DoorSet(false), LetIn(0), LetIn(1), LetIn(2), GaveBack("Amber Fox"),
		SeatsRemoved(1, "Amber Fox"), SeatsRemoved(3, "Amber Fox"), AddressesAsked(1, 1), AddressesAsked(3, 2), Paused(true), Paused(false), QuestionOpened("Two tabs", false), QuestionOpened("Two tabs", true),
		QuestionClosed(), HandsCounted(1), HandsCounted(9), RevealBegun(), StageCleared(), BrowsersAsked(), BrowsersDone(),
		SeatsRemoved(1, "Amber Fox"), SeatsRemoved(3, "Amber Fox"), AddressesAsked(1, 1), AddressesAsked(3, 2), Paused(true), Paused(false),
		SeatsRemoved(1, "Amber Fox"), SeatsRemoved(3, "Amber Fox"), AddressesAsked(1, 1), AddressesAsked(3, 2),
		QuestionOpened("Two tabs", false), QuestionOpened("Two tabs", true), QuestionClosed(), HandsCounted(1), HandsCounted(9), RevealBegun(), StageCleared(),
		StepBegun(2, 10, "When does it begin?"), StepShown(2, 10, "When does it begin?"), StepAgain("When does it begin?"), PlanThrough("What a session is"), PlanLeft(),
	} {
		s.lines = append(s.lines, spoken(said))
	}
	for _, given := range [][2]Given{ // of the class, and of the teacher's own browser
		{{Browsers: 17, Cookies: 17, Scripts: 17}, {1, 1, 1, 1, 1, 1}},
		{{Browsers: 17, Cookies: 16, Fetch: 12, Secure: 12, Scripts: 12, Context: 12}, {1, 1, 1, 1, 1, 1}},
		{{Browsers: 2, Cookies: 2, Fetch: 2, Secure: 2}, {1, 1, 1, 1, 1, 1}},
		{{Browsers: 1, Cookies: 1, Fetch: 1, Secure: 1}, {Browsers: 1, Cookies: 1}},
		{{Browsers: 1, Cookies: 1}, {Browsers: 1, Cookies: 1}},
		{{Browsers: 3}, {}},
	} {
		s.lines = append(s.lines, Follows(given[0], given[1])...)
	}
	for _, said := range []Sentence{RehearsalBegun(6), RehearsalThere(1), RehearsalThere(6), RehearsalLeft(0), RehearsalLeft(1), RehearsalLeft(6)} {
		s.lines = append(s.lines, spoken(said))
	}
	s.lines = append(s.lines, RehearsalTrouble(1, "the class is full"), RehearsalTrouble(2, "the class is full"), Rehearsing(0), Rehearsing(1), Rehearsing(6), RehearsedAnswers(0), RehearsedAnswers(1), RehearsedAnswers(5))
	return s
}
