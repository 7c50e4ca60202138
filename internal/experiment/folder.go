package experiment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// ErrNoFolder is the error of a run that keeps files, on a machine that has no place for them.
var ErrNoFolder = errors.New("it needs a folder for its files, and none can be made")

// folderName is how the names of instances' folders begin.
const folderName = "sessionscope-experiment-"

// makeFolder makes a folder in the first of places that takes one. Its error is an ErrNoFolder
// that says what is wrong with each of them.
func makeFolder(places []string) (string, error) {
	var tried []string
	for _, place := range places {
		dir, err := os.MkdirTemp(place, folderName+"*") // with mode 0700
		if err == nil {
			return dir, nil
		}
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		tried = append(tried, fmt.Sprintf("%s: %v", place, err))
	}
	return "", fmt.Errorf("%w in %s. %s names another place for them", ErrNoFolder, strings.Join(tried, ", in "), tempVariable(runtime.GOOS))
}

// folderPlaces returns where a folder of an instance may be, in the order in which they are tried: the
// system's folder for temporary files, the user's cache, and the working folder, which is all that a container
// with nothing but the program has. If TMPDIR is set, nothing is written to any other place.
func folderPlaces() []string {
	places := []string{os.TempDir()}
	if runtime.GOOS != "windows" && os.Getenv("TMPDIR") != "" { // Windows sets its variables for everybody
		return places
	}
	if dir, err := os.UserCacheDir(); err == nil {
		places = append(places, dir)
	}
	if dir, err := os.Getwd(); err == nil {
		places = append(places, dir)
	}
	return places
}

// tempVariable is the variable that names the place of temporary files on a system (runtime.GOOS).
func tempVariable(goos string) string {
	if goos == "windows" {
		return "TMP"
	}
	return "TMPDIR"
}
