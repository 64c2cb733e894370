/** Makes a button of each image, which opens it large beside those that belong to it, with the probabilities of more classes. */
export const galleryScript = `
const cardsOf = (gallery) => [...gallery.querySelectorAll('.card')];
const openCard = (opener) => {
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog';
  const bar = document.createElement('nav');
  const content = document.createElement('div');
  dialog.append(bar, content);
  let gallery = opener.closest('.gallery');
  let index = cardsOf(gallery).indexOf(opener);
  const fill = () => {
    const cards = cardsOf(gallery);
    const card = cards[Math.min(index, cards.length - 1)];
    const beside = (card.dataset.beside || '').split(' ').filter((text) => text !== '').map((text) => cards[Number(text)]);
    const shown = [...cards].filter((other) => other === card || beside.includes(other));
    const title = document.createElement('p');
    title.className = 'truth';
    title.textContent = gallery.querySelector('.truth').textContent;
    const row = document.createElement('div');
    row.className = 'cards';
    for (const other of shown) {
      const copy = other.cloneNode(true);
      for (const button of copy.querySelectorAll('button')) button.replaceWith(...button.childNodes);
      row.append(copy);
    }
    content.replaceChildren(title, row);
    dialog.setAttribute('aria-label', title.textContent);
  };
  const galleries = [...gallery.parentNode.querySelectorAll('.gallery')];
  const add = (name, action) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = name;
    button.addEventListener('click', action);
    bar.append(button);
  };
  const turn = (step) => {
    const at = galleries.indexOf(gallery) + step;
    if (at < 0 || at >= galleries.length) return;
    gallery = galleries[at];
    fill();
  };
  const version = (step) => {
    const count = cardsOf(gallery).length;
    index = (index + step + count) % count;
    fill();
  };
  add('Close', () => dialog.close());
  if (galleries.length > 1) {
    add('Previous image', () => turn(-1));
    add('Next image', () => turn(1));
  }
  add('Previous version', () => version(-1));
  add('Next version', () => version(1));
  dialog.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowLeft') version(-1);
    if (event.key === 'ArrowRight') version(1);
    if (event.key === 'ArrowUp') turn(-1);
    if (event.key === 'ArrowDown') turn(1);
  });
  dialog.addEventListener('close', () => {
    dialog.remove();
    opener.querySelector('button').focus();
  });
  fill();
  document.body.append(dialog);
  dialog.showModal();
};
for (const card of document.querySelectorAll('.gallery .card')) {
  const image = card.querySelector('img');
  const button = document.createElement('button');
  button.type = 'button';
  image.before(button);
  button.append(image);
  button.addEventListener('click', () => openCard(card));
}
`.trim();
