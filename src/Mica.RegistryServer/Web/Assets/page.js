// What a reader gains with scripts: copying, and lists that narrow while one types. Everything else works without them.
'use strict';

const said = document.getElementById('said');

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers have a clipboard for scripts only on https and on this machine.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'sr';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    if (!done) throw new Error('cannot copy');
  }
}

function showCopyButtons(root) {
  for (const button of root.querySelectorAll('button.copy')) button.hidden = false;
}

document.addEventListener('click', async event => {
  const button = event.target.closest('button.copy');
  if (!button) return;
  try {
    await copy(button.dataset.copy);
    button.classList.add('done');
    button.focus();
    said.textContent = 'Copied';
    setTimeout(() => { button.classList.remove('done'); said.textContent = ''; }, 1500);
  } catch {
    said.textContent = 'The browser does not allow copying';
  }
});

// "/" goes to the search field, as on many pages.
document.addEventListener('keydown', event => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select')) return;
  event.preventDefault();
  (document.getElementById('filter') ?? document.getElementById('search')).focus();
});

for (const form of document.querySelectorAll('form.filter')) {
  const input = form.elements.q;
  let timer = 0, asked = 0;

  const narrow = async () => {
    const number = ++asked;
    const query = new URLSearchParams(new FormData(form));
    if (!input.value.trim()) query.delete('q');
    const address = form.getAttribute('action') + (query.size ? '?' + query : '');
    try {
      const answer = await fetch(address, { credentials: 'same-origin' });
      if (!answer.ok || number !== asked) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const list = page.getElementById(form.dataset.list);
      if (!list || number !== asked) return;
      showCopyButtons(list);
      document.getElementById(form.dataset.list).replaceWith(document.adoptNode(list));
      history.replaceState(null, '', address);
      const rows = list.querySelectorAll('tbody tr').length;
      said.textContent = rows === 1 ? '1 row' : rows + ' rows';
    } catch {
      // The form still works by its button.
    }
  };

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(narrow, 150);
  });
}

showCopyButtons(document);
