// The wall's script: the clock of the city, the board anew whenever the server sends it, and an honest word when it does not.
'use strict';
(() => {
  const { body } = document;
  const board = document.getElementById('board');
  const state = document.getElementById('state');
  const [date, clock] = ['date', 'clock'].map((id) => document.getElementById(id));
  const offset = Number(body.dataset.offset) * 60_000;
  // The server's time when it was last told, and this machine's then: only the difference of the latter is used.
  let told = Number(body.dataset.now);
  let at = performance.now();
  let heard = performance.now();
  let connected = false;

  // A screen that is cut off for longer than three beats shows that what it shows is old.
  const LOST_MS = 16_000;
  const weekdays = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: 'long', timeZone: 'UTC' });

  function tick() {
    const now = new Date(told + offset + performance.now() - at);
    const text = now.toISOString();
    date.textContent = `${text.slice(0, 10)} ${weekdays.format(now)}`;
    clock.textContent = text.slice(11, 19);
    if (!body.dataset.source) return;
    const silent = performance.now() - heard;
    const lost = silent > LOST_MS;
    body.classList.toggle('lost', lost);
    if (!lost) {
      say(connected ? state.dataset.live : state.dataset.waiting);
      return;
    }
    const seconds = Math.floor(silent / 1000);
    const span = seconds < 120
      ? state.dataset.seconds.replace('#', seconds)
      : state.dataset.minutes.replace('#', Math.floor(seconds / 60));
    const since = document.getElementById('as-of')?.dataset.time ?? '';
    say(state.dataset.lost.replace('#time', since).replace('#span', span));
  }

  function say(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  function hear(now) {
    heard = performance.now();
    connected = true;
    if (now) [told, at] = [now, performance.now()];
  }

  function listen() {
    const source = new EventSource(body.dataset.source);
    source.addEventListener('hello', (event) => {
      hear();
      // The server has a newer page: this one is loaded anew.
      if (event.data !== body.dataset.version) location.reload();
    });
    source.addEventListener('board', (event) => {
      hear();
      // What is being looked at keeps the focus.
      const focused = document.activeElement?.getAttribute?.('href');
      board.innerHTML = event.data;
      if (focused) board.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    });
    source.addEventListener('beat', (event) => hear(Number(event.data)));
    source.addEventListener('error', () => {
      connected = false;
      // A stream that was refused is not opened again by the browser: the page is, and says why.
      if (source.readyState === EventSource.CLOSED) {
        source.close();
        setTimeout(again, 10_000);
      }
    });
  }

  async function again() {
    try {
      // Asked by the page itself, so that nobody is taken to be there.
      const answer = await fetch(body.dataset.source, { cache: 'no-store', headers: { accept: 'text/event-stream' } });
      await answer.body?.cancel();
      if (answer.ok || answer.status === 401 || answer.status === 403) {
        location.reload();
        return;
      }
    } catch {
      // Still cut off.
    }
    setTimeout(again, 10_000);
  }

  tick();
  setInterval(tick, 500);
  if (body.dataset.source) listen();
})();
