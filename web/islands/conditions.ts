// Follow-up questions: an element with data-when (JsonLogic in JSON) is shown
// while its condition holds. An operator that is not known here leaves the
// question visible; the server decides in any case.

type Answers = Record<string, string | string[] | undefined>;
type Logic = null | boolean | number | string | Logic[] | { [operator: string]: Logic };

class Unknown extends Error {}

/** The answers of a form by name; several ticked boxes make a list. */
function answers(form: HTMLFormElement): Answers {
  const found: Answers = {};
  new FormData(form).forEach((value, name) => {
    if (typeof value !== "string") return;
    const before = found[name];
    if (before === undefined) found[name] = value;
    else found[name] = Array.isArray(before) ? [...before, value] : [before, value];
  });
  return found;
}

function truthy(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== "" && value !== "false" && Boolean(value);
}

/** Answers of forms are text: true and "true", 3 and "3" are the same answer. */
function same(left: unknown, right: unknown): boolean {
  if (Array.isArray(left)) return left.some((one) => same(one, right));
  if (Array.isArray(right)) return right.some((one) => same(left, one));
  return String(left ?? "") === String(right ?? "");
}

function number(value: unknown): number {
  const text = String(value ?? "").trim();
  return text === "" ? Number.NaN : Number(text);
}

/** Evaluates a condition; throws Unknown for what only the server knows. */
export function evaluate(logic: Logic, of: Answers): unknown {
  if (logic === null || typeof logic !== "object") return logic;
  if (Array.isArray(logic)) return logic.map((part) => evaluate(part, of));
  const entry = Object.entries(logic)[0];
  if (!entry) throw new Unknown();
  const [operator, raw] = entry;
  const list: Logic[] = Array.isArray(raw) ? raw : [raw];
  if (operator === "var") return of[String(list[0])] ?? null;
  if (operator === "and") return list.every((part) => truthy(evaluate(part, of)));
  if (operator === "or") return list.some((part) => truthy(evaluate(part, of)));
  const values = list.map((part) => evaluate(part, of));
  const [left, right] = values;
  switch (operator) {
    case "==":
      return same(left, right);
    case "!=":
      return !same(left, right);
    case "!":
      return !truthy(left);
    case "!!":
      return truthy(left);
    case "in":
      return same(right, left);
    case ">":
      return number(left) > number(right);
    case ">=":
      return number(left) >= number(right);
    case "<":
      return number(left) < number(right);
    case "<=":
      return number(left) <= number(right);
    default:
      throw new Unknown(operator);
  }
}

/** Shows and hides the follow-ups of a form, now and after every change. */
export function applyConditions(form: HTMLFormElement): void {
  const follow = Array.from(form.querySelectorAll<HTMLElement>("[data-when]"));
  if (follow.length === 0) return;
  const update = () => {
    for (const element of follow) {
      const fields = Array.from(
        element.querySelectorAll<HTMLInputElement>("input,select,textarea"),
      );
      // Disabled answers are not posted and do not count for later conditions.
      let open = true;
      try {
        open = truthy(evaluate(JSON.parse(element.dataset["when"] ?? "true") as Logic, answers(form)));
      } catch {
        open = true;
      }
      element.hidden = !open;
      for (const field of fields) field.disabled = !open;
    }
  };
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  update();
}
