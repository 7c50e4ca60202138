package say

import "fmt"

// StepBegun says that the class is at step n, from 1, of a lesson plan.
func StepBegun(n, of int, title string) Sentence {
	return Did("next", Text(fmt.Sprintf("the class is at step %d of %d, “%s”.", n, of, title)))
}

// StepShown says that a step is shown again.
func StepShown(n, of int, title string) Sentence {
	return Did("back", Text(fmt.Sprintf("step %d of %d, “%s”, is shown again. Nothing was undone.", n, of, title)))
}

// StepAgain says that a step was begun once more.
func StepAgain(title string) Sentence {
	return Did("again", Text("“"+title+"” was begun once more."))
}

// PlanThrough says that the last step is over.
func PlanThrough(title string) Sentence {
	return Did("next", Text("“"+title+"” is through. What the class did is in the export."))
}

// PlanLeft says that the class walks through no lesson plan any more.
func PlanLeft() Sentence {
	return Did("left", Text("the lesson plan is closed. What the class does now goes on."))
}
