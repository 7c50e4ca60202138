package shelf

import (
	"fmt"
	"path/filepath"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// recordCell is a cell: what the store holds under the ID that a cookie names.
func recordCell(in *experiment.Instance, cookie string) string {
	switch st, ok := in.Record(cookie); {
	case !ok:
		return "none"
	case st.Marker:
		return "a marker: {mac this ID has ended}"
	default:
		return fmt.Sprintf("{server version %d} of %d bytes", st.Version, len(st.Data))
	}
}

// sessionFiles returns how many sessions gorilla's FilesystemStore keeps; 0 for another store.
func sessionFiles(in *experiment.Instance) int {
	if in.Dir() == "" {
		return 0
	}
	files, _ := filepath.Glob(filepath.Join(in.Dir(), "session_*")) // the pattern is valid
	return len(files)
}
