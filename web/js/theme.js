// Runs before the first paint, so that neither a chosen theme nor projector mode flashes.
try {
  const theme = localStorage.getItem('theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* no storage: the browser's own preference holds */ }

// Projector mode is the visit's. The server knows of it when the request proves which visit
// the page goes on with; of another page, the tab knows.
try {
  const page = document.documentElement.dataset;
  const key = `projector:${location.pathname.match(/^\/s\/[^/]+/)?.[0] ?? ''}`;
  if ('projector' in page) sessionStorage.setItem(key, '1');
  else if ('proven' in page) sessionStorage.removeItem(key);
  else if (sessionStorage.getItem(key)) page.projector = '';
} catch { /* no storage: a reload leaves projector mode */ }
