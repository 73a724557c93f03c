// Residents' pages work without this file. It keeps a local draft (never secrets),
// opens follow-up questions, and moves the focus to what is wrong.

import { applyConditions } from "./conditions";
import { keepDraft } from "./draft";
import { focusErrors, markCards } from "./forms";

focusErrors();
markCards();
for (const form of Array.from(document.querySelectorAll<HTMLFormElement>("form.form"))) {
  applyConditions(form);
  keepDraft(form);
}
