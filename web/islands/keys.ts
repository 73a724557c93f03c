// Keyboard: Ctrl+K to the search box, ? for the list, Esc closes the person menu.

export function startKeys(): void {
  const keys = document.getElementById("keys");
  document.addEventListener("keydown", (event) => {
    const typing = (event.target as HTMLElement).closest("input,textarea,select,[contenteditable]");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      const search = document.getElementById("search");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    } else if (event.key === "?" && !typing && keys instanceof HTMLDialogElement) {
      event.preventDefault();
      if (!keys.open) keys.showModal();
    } else if (event.key === "Escape") {
      const menu = document.querySelector<HTMLDetailsElement>("details.menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary")?.focus();
      }
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of Array.from(document.querySelectorAll<HTMLDetailsElement>("details.menu[open]"))) {
      if (!menu.contains(event.target as Node)) menu.open = false;
    }
  });
}
