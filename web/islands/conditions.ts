// Follow-up questions and choices: an element with data-when is shown while all
// of its conditions hold. What is not a list of conditions stays visible; the
// server decides in any case.

interface Condition {
  field: string;
  equals: string[];
}

/** The answers of a form by name; disabled (hidden) ones do not count. */
function answers(form: HTMLFormElement): Map<string, string[]> {
  const found = new Map<string, string[]>();
  new FormData(form).forEach((value, name) => {
    if (typeof value === "string") found.set(name, [...(found.get(name) ?? []), value]);
  });
  return found;
}

/** Whether the element's conditions hold. */
function holds(element: HTMLElement, given: Map<string, string[]>): boolean {
  try {
    const conditions = JSON.parse(element.dataset["when"] ?? "[]") as Condition[];
    return conditions.every((one) => given.get(one.field)?.some((value) => one.equals.includes(value)));
  } catch {
    return true;
  }
}

/** Shows and hides the follow-ups of a form, now and after every change. */
export function applyConditions(form: HTMLFormElement): void {
  const follow = Array.from(form.querySelectorAll<HTMLElement>("[data-when]"));
  if (follow.length === 0) return;
  const settle = () => {
    let moved = false;
    for (const element of follow) {
      const open = holds(element, answers(form));
      if (element.hidden === open) {
        element.hidden = !open;
        moved = true;
      }
      const inside = Array.from(element.querySelectorAll<HTMLInputElement>("input,select,textarea"));
      if (element instanceof HTMLOptionElement) element.disabled = !open;
      for (const field of inside) field.disabled = field.closest("[data-when][hidden]") !== null;
    }
    return moved;
  };
  const update = () => {
    // A closed question may close others in turn; the depth of a form is small.
    for (let round = 0; round < 8 && settle(); round += 1);
  };
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  update();
}
