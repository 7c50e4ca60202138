// On every page of a seat: one stream that tells of the class, and an answer to each of its beats,
// by which the server knows that somebody has this page in front of them.
//
// A seat has one stream. A page that opens it takes it from the page that had it, which is told so
// once, by the event "bye". That page asks again when the reader comes back to it or presses something,
// and after 25 s in view: two pages in view share the stream slowly. So the page that is looked at is
// the one that hears, and nothing is lost, since a stream begins with all that there is to know.
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
    if (!away || over) return;
    if (yes && !away.hidden) look();
    away.hidden = !!yes;
  };
  const comes = () => { listen(); look(); };
  document.addEventListener('DOMContentLoaded', () => setTimeout(listen)); // as openStream
  document.addEventListener('visibilitychange', comes);
  addEventListener('focus', comes);
  addEventListener('click', listen);
  // A connection whose other end is gone may look open for minutes: without a beat in time it is made anew.
  let due = 0;
  const renew = () => {
    el._htmx?.sse?.reader?.cancel();
    listen();
  };
  const wait = () => {
    clearTimeout(due);
    due = setTimeout(renew, 25000);
  };
  addEventListener('online', renew);
  hear('beat', () => {
    wait();
    fetch(el.dataset.heard, { method: 'POST', body: new URLSearchParams({ page: el.dataset.page }) }).catch(() => {});
  });
  // Something was done for everyone: the page asks what became of its session, at the moment of its
  // seat, and again while the store does not answer. A lab that shows the session of before asks too.
  let asks = 0, late = false;
  const ask = () => { if (!over) document.getElementById('became').dispatchEvent(new Event('ask')); };
  hear('act', ({ detail }) => {
    const [ms, , now] = detail.data.split(' ');
    late ||= !!now;
    clearTimeout(asks);
    asks = setTimeout(ask, +ms);
  });
  document.addEventListener('htmx:finally:request', ({ target, detail }) => {
    if (target.id !== 'became') return;
    const status = detail.ctx.response?.status;
    if (!status || status >= 429) { asks = setTimeout(ask, 2000); return; }
    look();
    if (late) document.dispatchEvent(new Event('acted'));
    late = false;
  });
  hear('bye', ({ detail }) => {
    wait();
    over = detail.data !== 'taken';
    if (over) document.querySelector('main').inert = !document.getElementById('ended'); // it can be read, and its buttons open nothing
  });
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

// Paused, a dialog lies over the page: nothing else can be pressed or typed in, and what was typed is
// there when it goes.
const eyes = document.getElementById('eyes-up');
function pause() {
  const paused = 'paused' in document.getElementById('paused').dataset;
  if (paused === eyes.open) return;
  if (paused) eyes.showModal();
  else eyes.close();
}
if (eyes) {
  eyes.addEventListener('cancel', (event) => event.preventDefault());
  eyes.addEventListener('close', pause); // a second Escape closes it all the same
  seat.addEventListener('bye', ({ detail }) => {
    if (detail.data !== 'taken') delete document.getElementById('paused').dataset.paused;
    pause();
  });
  pause();
}

// A prediction that is chosen and not sent yet is the reader's: nothing that comes undoes it.
let unsent = null; // its radio button
document.addEventListener('change', ({ target }) => { if (target.matches('.foretell input')) unsent = target; });
document.addEventListener('htmx:before:response', ({ target, detail }) => {
  if (!target.matches?.('.foretell') || !detail.ctx.response.raw.ok) return;
  if (new URLSearchParams(detail.ctx.request.body).get('prediction') === unsent?.value) unsent = null; // not another one, chosen meanwhile
  document.getElementById('result')?.replaceChildren(); // it may say why the press before was refused
});

// What the class does together has changed: another phase comes into view, unless somebody types, and
// the focus does not fall off the page with the form that it was in.
let phase = document.getElementById('now')?.dataset.state, within = false;
document.addEventListener('focusin', ({ target }) => { within = !!target.closest('#now'); });
function news() {
  pause();
  const now = document.getElementById('now');
  if (!now) return;
  if (!unsent?.isConnected) unsent = null; // another question
  for (const input of now.querySelectorAll('.foretell [type="radio"]')) input.checked = unsent ? input === unsent : input.defaultChecked;
  if (phase === now.dataset.state) return;
  phase = now.dataset.state;
  if (within && document.activeElement === document.body) document.getElementById('now-title').focus({ preventScroll: true });
  if (now.getBoundingClientRect().top < 0 && !document.activeElement.matches('input:not([type="radio"])')) now.scrollIntoView();
}
if (seat) {
  document.addEventListener('htmx:sse:after:message', news);
  document.addEventListener('htmx:finally:request', news);
}

// The teacher asks what this browser has at this address: the stream of a seat with the event "browsers",
// the board with the number in data-asks. The answer to the first of two requests sets cookies, and
// the second shows which of them were kept. The stream says after how many milliseconds: 300 phones do not
// ask in the same moment.
const asked = new Map(); // by address: the number that was answered last
async function gives({ gives: url }, n, ms) {
  if (!n) asked.delete(url); // the next class counts from one again
  if (!n || asked.get(url) === n) return;
  asked.set(url, n);
  await new Promise((go) => { setTimeout(go, ms); });
  const send = (fields) => fetch(url, { method: 'POST', body: new URLSearchParams({ n, ...fields }) });
  try {
    await send({ step: 1 });
    const { ok } = await send({ step: 2, secure_context: isSecureContext, cookie_store: 'cookieStore' in window });
    if (!ok) asked.delete(url);
  } catch {
    asked.delete(url); // the server is away, or busy: it asks once more
  }
}
seat?.addEventListener('browsers', ({ detail }) => {
  const [ms, n] = detail.data.split(' ');
  gives(seat.dataset, n, ms);
});
const own = () => document.getElementById('grid'); // of the board
document.addEventListener('htmx:sse:after:message', () => { if (own()) gives(own().dataset, own().dataset.asks, 0); });
if (own()) gives(own().dataset, own().dataset.asks, 0);
