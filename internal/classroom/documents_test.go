package classroom_test

import (
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
)

func TestMemoryDocuments(t *testing.T) {
	classtest.TestDocuments(t, func(*testing.T) (classroom.Documents, func() classroom.Documents) {
		return classroom.NewMemoryDocuments(), nil
	})
}
