package hub

// MaxStreams is how many event streams a visit has: six would freeze a browser's origin over
// HTTP/1.1. All visits together have no limit of their own, so that no stranger's stream takes
// the place of another visit's.
const MaxStreams = 2

// Subscribe begins a stream: news receives when there is news, and is closed when the visit
// ends; leave ends the stream. ok is false when v has MaxStreams already, or has ended.
func (v *Visit) Subscribe() (news chan struct{}, leave func(), ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.streams == nil || len(v.streams) >= MaxStreams {
		return nil, nil, false
	}
	news = make(chan struct{}, 1)
	v.streams[news] = true
	v.streamed = true
	return news, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.streams[news] {
			v.used = v.hub.now() // the page was in use until now
			delete(v.streams, news)
		}
	}, true
}

// Streams returns how many streams v has.
func (v *Visit) Streams() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.streams)
}

// wake takes the lock and calls signalStreams.
func (v *Visit) wake() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.signalStreams()
}

// signalStreams tells the streams that there is news. It does not wait for a stream that has not
// taken the last news yet. The caller holds the lock.
func (v *Visit) signalStreams() {
	for stream := range v.streams {
		select {
		case stream <- struct{}{}:
		default:
		}
	}
}
