// A draft in the browser, under the form's data-draft name. Never kept: secrets
// (data-secret, passwords), files and hidden fields. Erased after seven days and
// when the form is sent.

interface Draft {
  at: number;
  values: [string, string][];
}

const DAYS_7 = 7 * 24 * 3600 * 1000;

function kept(field: Element): field is HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
  if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement)) return false;
  if (!field.name || "secret" in field.dataset) return false;
  return !["password", "file", "hidden", "submit"].includes(field.type);
}

function read(key: string): Draft | null {
  try {
    const draft = JSON.parse(localStorage.getItem(key) ?? "null") as Draft | null;
    return draft && Date.now() - draft.at < DAYS_7 ? draft : null;
  } catch {
    return null;
  }
}

function isTick(field: Element): field is HTMLInputElement {
  return field instanceof HTMLInputElement && (field.type === "radio" || field.type === "checkbox");
}

function write(form: HTMLFormElement, key: string): void {
  const values: [string, string][] = [];
  for (const field of Array.from(form.elements)) {
    if (!kept(field)) continue;
    if (isTick(field) && !field.checked) continue;
    if (field.value !== "") values.push([field.name, field.value]);
  }
  try {
    localStorage.setItem(key, JSON.stringify({ at: Date.now(), values } satisfies Draft));
  } catch {
    // Full or forbidden storage: the page goes on without a draft.
  }
}

function restore(form: HTMLFormElement, draft: Draft): void {
  const wanted = new Map<string, string[]>();
  for (const [name, value] of draft.values) wanted.set(name, [...(wanted.get(name) ?? []), value]);
  for (const field of Array.from(form.elements)) {
    if (!kept(field)) continue;
    const values = wanted.get(field.name);
    if (!values) continue;
    if (isTick(field)) field.checked = values.includes(field.value);
    else if (field.value === "") field.value = values[0] ?? "";
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Keeps and brings back the draft of a form with data-draft. */
export function keepDraft(form: HTMLFormElement): void {
  const name = form.dataset["draft"];
  if (!name) return;
  const key = `draft:${name}`;
  const draft = read(key);
  // A page that came back with errors already shows what was typed.
  if (draft && !form.querySelector(".errors")) restore(form, draft);
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => write(form, key), 400);
  });
  window.addEventListener("pagehide", () => {
    if (timer) write(form, key);
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    timer = 0;
    localStorage.removeItem(key);
  });
}
