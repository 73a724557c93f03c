// Small helps that every form page shares.

/** Moves the focus to the summary of errors, so that it is read first. */
export function focusErrors(): void {
  document.querySelector<HTMLElement>("[data-focus]")?.focus();
}

/** Tints the chosen cards in browsers that do not know :has(). */
export function markCards(): void {
  const mark = () => {
    for (const input of Array.from(document.querySelectorAll<HTMLInputElement>(".card input"))) {
      input.parentElement?.classList.toggle("on", input.checked);
    }
  };
  document.addEventListener("change", mark);
  mark();
}
