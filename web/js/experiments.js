// What the pages of the experiments do beyond sessionscope.js, which runs before.

// The current entry of a list that scrolls is in view.
function showCurrent() {
  for (const el of document.querySelectorAll('.shelf > nav [aria-current], .exchanges [aria-current]')) {
    const box = el.closest('nav, .exchanges'), at = el.getBoundingClientRect(), frame = box.getBoundingClientRect();
    if (box.scrollHeight > box.clientHeight && (at.top < frame.top || at.bottom > frame.bottom)) box.scrollTop += at.top - frame.top - box.clientHeight / 2;
  }
}
showCurrent();
showRun.waited = !!document.getElementById('waiting');

// On an experiment's page: what came of a press comes into view, and is read out.
function showRun(id) {
  showCurrent();
  if (id === 'experiment') document.getElementById(document.getElementById('problem').textContent.trim() ? 'problem' : 'run').scrollIntoView({ block: 'start' });
  const run = document.getElementById('run'), waits = !!document.getElementById('waiting');
  if (showRun.waited && !waits) run.scrollIntoView({ block: 'start' }); // it has ended
  showRun.waited = waits;
  // A reload shows the run again. The address is not set at each look: that would break off a navigation.
  if (run.dataset.url && run.dataset.url !== location.pathname + location.search) history.replaceState(history.state, '', run.dataset.url);
  if (document.activeElement === document.body && !sessionscope.asksItself(id)) (run.matches(':empty') ? document.getElementById('do-it') : run).focus({ preventScroll: true });
  const refused = document.getElementById('problem').dataset.field;
  for (const field of document.querySelectorAll('.free input')) sessionscope.tie(field, field.name === refused, 'problem');
  if (/^x\d+$/.test(id)) document.getElementById('panels').scrollIntoView({ block: 'nearest' });
}
document.addEventListener('htmx:finally:request', (event) => {
  if (document.getElementById('experiment') && event.target.id !== 'load') showRun(event.target.id);
});

// The shelf's search: it hides the cards that do not have all the words, as they are typed.
function find() {
  const field = document.getElementById('find');
  if (!field) return;
  document.getElementById('finder').hidden = false;
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0, all = 0;
  for (const section of document.querySelectorAll('.gallery > section')) {
    let here = 0;
    for (const card of section.querySelectorAll('.cards > li')) {
      const has = [...card.querySelectorAll('h3, p')].map((el) => el.textContent.toLowerCase()).join(' ');
      const joined = has.replace(/[\s-]/g, ''); // "logout" finds "log out"
      card.hidden = !words.every((word) => has.includes(word) || word.length > 4 && joined.includes(word));
      here += !card.hidden;
      all++;
    }
    section.hidden = !here;
    found += here;
  }
  const none = 'No experiment has these words. What an experiment shows is found once you have done it.';
  const said = !words.length ? '' : found ? `${found} of ${all}` : none;
  const line = document.getElementById('found');
  if (line.textContent !== said) line.textContent = said;
}
document.addEventListener('input', (event) => { if (event.target.id === 'find') find(); });
document.addEventListener('htmx:finally:request', find);
addEventListener('pageshow', find); // the browser may have put the words back
find();
