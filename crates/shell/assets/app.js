// All the script of our own: the CSRF token on htmx requests, copying, photos made small, and forms sent once.
'use strict';
document.documentElement.classList.add('js');

document.addEventListener('htmx:configRequest', (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token && event.detail.verb !== 'get') {
    event.detail.headers['X-CSRF-Token'] = token.content;
  }
});

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
  } catch {
    // Without TLS there is no clipboard: select the text, so that one keystroke copies it.
    getSelection().selectAllChildren(button.previousElementSibling);
  }
});

// A second click while the first is under way sends nothing; what comes back by the Back button may be sent anew.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post') return;
  if (form.hasAttribute('aria-busy')) event.preventDefault();
  form.setAttribute('aria-busy', 'true');
});
addEventListener('pageshow', () => {
  document.querySelectorAll('form[aria-busy]').forEach((form) => form.removeAttribute('aria-busy'));
});

// A phone's photo has more pixels than anybody reads and more bytes than are taken: it is made smaller where it is chosen.
const SIDE_MAX = 2000;
const BYTES_MAX = 1 << 20;
document.addEventListener('change', async (event) => {
  const input = event.target;
  const file = input.type === 'file' && input.files[0];
  if (!file || !file.type.startsWith('image/') || file.size <= BYTES_MAX) return;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, SIDE_MAX / Math.max(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
    const small = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
    if (!small || small.size >= file.size || input.files[0] !== file) return;
    const chosen = new DataTransfer();
    chosen.items.add(new File([small], file.name.replace(/\.\w+$/, '.jpg'), { type: 'image/jpeg' }));
    input.files = chosen.files;
  } catch {
    // What is no picture goes as it is, and the server says so.
  }
});
