// On every page of a seat: one stream that tells of the class, and an answer to each of its
// beats, which is how the server knows that somebody has this page in front of them.
//
// A seat has one stream. A page that opens it takes it from the page that had it, which is told
// so once, by the event "bye". That page does not fight: it asks again only when the reader comes
// back to it. So the page that is looked at is the one that hears, and nothing is lost, since a
// stream begins with all that there is to know.
const el = document.getElementById('class-live');
let over = false; // the seat has moved or gone, or the class has ended

function open() {
  if (over || document.hidden || !window.htmx) return;
  if (el.hasAttribute('hx-sse:connect')) htmx.trigger(el, 'again'); // it does nothing while the stream is open
  else {
    el.setAttribute('hx-sse:connect', el.dataset.stream);
    htmx.process(el);
  }
}
// htmx looks through the page in a timeout of its own: see sessionscope.js.
document.addEventListener('DOMContentLoaded', () => setTimeout(open));
document.addEventListener('visibilitychange', open);
addEventListener('focus', open);
addEventListener('online', open);

el.addEventListener('beat', () => fetch(el.dataset.heard, { method: 'POST', body: new URLSearchParams({ page: el.dataset.page }) }).catch(() => {}));
el.addEventListener('bye', ({ detail }) => { over = detail.data !== 'taken'; });

// Only a stream that was open is opened again by hx-sse. A seat that is not there any more has no
// stream: the server answers 404, and the page that comes then says why.
function refused(status) {
  if (status !== 404 || over) return false;
  over = true;
  location.reload();
  return true;
}
const again = (status) => { if (!refused(status)) setTimeout(open, 3000); };
el.addEventListener('htmx:response:error', (event) => again(event.detail.ctx.response.status));
el.addEventListener('htmx:error', () => again());
el.addEventListener('htmx:sse:error', (event) => refused(event.detail.status));
el.addEventListener('htmx:sse:before:connection', (event) => { if (over) event.preventDefault(); });
