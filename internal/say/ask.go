package say

// QuestionOpened says that the class is asked something. timed tells whether it closes by itself.
func QuestionOpened(title string, timed bool) Sentence {
	text := title + ": every page of the class shows it. An answer can be changed until you close it."
	if timed {
		text = title + ": every page of the class shows it. An answer can be changed until the time is up, or you close it."
	}
	return Did("asked", Text(text))
}

// QuestionClosed says that no answer is taken any more.
func QuestionClosed() Sentence {
	return Did("closed", Text("No answer is taken any more. What was answered shows at the reveal."))
}

// HandsCounted says that the teacher counted raised hands.
func HandsCounted(n int) Sentence {
	return Did("hands", Text(counted(n, "raised hand", "raised hands")+", counted by you. They stand apart from the answers of the phones."))
}

// RevealBegun says that the experiment of the question runs.
func RevealBegun() Sentence {
	return Did("reveal", Text("the experiment was started on this machine. What comes of it stands on the board, the beamer and the phones."))
}

// StageCleared says that nothing is shown to everybody any more.
func StageCleared() Sentence {
	return Did("done", Text("Nothing is shown to everybody now. What was asked stays in the export."))
}
