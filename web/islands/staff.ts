// Staff pages work without this file: htmx only makes links and forms quicker.

import htmx from "htmx.org";
import { applyConditions } from "./conditions";
import { focusErrors, markCards } from "./forms";
import { startLive } from "./live";
import { startKeys } from "./keys";

// The policy forbids style tags and evaluated code.
htmx.config.includeIndicatorCSS = false;

const ISLANDS: Record<string, string> = { tree_picker: "/assets/tree_picker.js" };

/** Loads the script of each island on the page, once. */
async function loadIslands(root: ParentNode): Promise<void> {
  for (const element of Array.from(root.querySelectorAll<HTMLElement>("[data-island]"))) {
    const address = ISLANDS[element.dataset["island"] ?? ""];
    if (!address || element.dataset["ready"]) continue;
    element.dataset["ready"] = "1";
    const island = (await import(address)) as { mount(element: HTMLElement): void };
    island.mount(element);
  }
}

/** Prepares what has just come onto the page. */
function prepare(root: ParentNode): void {
  void loadIslands(root);
  for (const form of Array.from(root.querySelectorAll<HTMLFormElement>("form.form"))) {
    applyConditions(form);
  }
}

prepare(document);
markCards();
focusErrors();
startKeys();
startLive();
document.addEventListener("htmx:after:swap", () => prepare(document));
