// On every page of a seat: one stream that tells of the class, and an answer to each of its beats,
// by which the server knows that somebody has this page in front of them.
//
// A seat has one stream. A page that opens it takes it from the page that had it, which is told so
// once, by the event "bye". That page does not fight: it asks again only when the reader comes back
// to it. So the page that is looked at is the one that hears, and nothing is lost, since a stream
// begins with all that there is to know.
function hearClass(el) {
  let over = false; // the seat has moved or gone, or the class has ended
  const hear = (name, act) => el.addEventListener(name, act);
  const listen = () => {
    if (over || document.hidden || !window.htmx) return;
    if (el.hasAttribute('hx-sse:connect')) htmx.trigger(el, 'again'); // it does nothing while the stream is open
    else {
      el.setAttribute('hx-sse:connect', el.dataset.stream);
      htmx.process(el);
    }
  };
  // What the class page shows is asked for again: another tab may have changed the session, or the
  // program may have been started again meanwhile.
  const look = () => {
    if (!over && !document.hidden) document.getElementById('showed')?.dispatchEvent(new Event('again'));
  };
  const away = document.getElementById('class-away'); // on pages that say nothing of it themselves
  const answers = (yes) => {
    if (!away) return;
    if (yes && !away.hidden) look();
    away.hidden = !!yes;
  };
  const comes = () => { listen(); look(); };
  document.addEventListener('DOMContentLoaded', () => setTimeout(listen)); // as openStream
  document.addEventListener('visibilitychange', comes);
  addEventListener('focus', comes);
  // A connection whose other end is gone may look open for minutes: without a beat in time it is made anew.
  let due = 0;
  const renew = () => { el._htmx?.sse?.reader?.cancel(); };
  addEventListener('online', () => { renew(); listen(); });
  hear('beat', () => {
    clearTimeout(due);
    due = setTimeout(renew, 25000);
    fetch(el.dataset.heard, { method: 'POST', body: new URLSearchParams({ page: el.dataset.page }) }).catch(() => {});
  });
  hear('bye', ({ detail }) => { over = detail.data !== 'taken'; });
  // Only a stream that was open is opened again by hx-sse. A seat that is not there any more has no
  // stream: the server answers 404, and the page that comes then says why.
  const failed = (status) => {
    if (status !== 404 || over) return;
    over = true;
    location.reload();
  };
  const again = (status) => {
    failed(status);
    setTimeout(listen, 3000);
  };
  hear('htmx:response:error', (event) => again(event.detail.ctx.response.status));
  hear('htmx:error', () => { answers(false); again(); });
  hear('htmx:sse:error', ({ detail }) => { answers(detail.status); failed(detail.status); });
  hear('htmx:sse:after:connection', () => answers(true));
  hear('htmx:sse:before:connection', (event) => { if (over) event.preventDefault(); });
}
const seat = document.getElementById('class-live');
if (seat) hearClass(seat);
